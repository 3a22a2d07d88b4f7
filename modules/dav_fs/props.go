package dav_fs

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/dbm"
)

// propertyStore keeps properties of clients' own as mod_dav_fs does: a database
// for each file in the .DAV beside it, one for a directory in its own.
type propertyStore struct{}

// stateFile is the database of a resource.
func stateFile(res *server.DavResource) string {
	if res.Collection {
		return path.Join(res.Path, stateDir, stateOfDir)
	}
	return path.Join(path.Dir(res.Path), stateDir, path.Base(res.Path))
}

const (
	metaKey   = "METADATA"
	metaMajor = 4
	// mostSpaces bounds the table of namespaces, whose count is a short.
	mostSpaces = 1<<15 - 1
)

// propertyDB is an open database: pairs of "NUMBER:NAME", the number that of a
// namespace, none for names without one, to xml:lang, a zero byte and XML. Under
// METADATA lie the namespaces.
type propertyDB struct {
	pairs  map[string]string
	spaces []string
	number map[string]int
	file   string
	dir    *os.File // locked for a change; nil: read only
}

func (propertyStore) Read(res *server.DavResource) (server.DavPropertyDB, *server.DavError) {
	pairs, err := readPairs(stateFile(res))
	if err != nil || pairs == nil {
		return nil, nil // as Apache, which overlooks a database that it cannot open
	}
	db, failure := newPropertyDB(pairs)
	if failure != nil {
		return nil, failure
	}
	return db, nil
}

func readPairs(name string) (map[string]string, error) {
	f, err := os.Open(name)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
			return nil, nil
		}
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, unix.EISDIR
	}
	return parseFile(f, st.Size())
}

func (propertyStore) Write(res *server.DavResource) (server.DavPropertyDB, *server.DavError) {
	name := stateFile(res)
	os.Mkdir(path.Dir(name), 0o777) //nolint:errcheck // that it cannot be made is told by what follows
	unopened := func(err error) (server.DavPropertyDB, *server.DavError) {
		e := &server.DavError{Status: 500, ID: 1, Text: "Could not open database.", Cause: openError(err)}
		return nil, e
	}
	dir, err := os.Open(path.Dir(name))
	if err != nil {
		return unopened(err)
	}
	if err := flock(dir, unix.LOCK_EX); err != nil {
		dir.Close()
		return unopened(err)
	}
	pairs, err := readPairs(name)
	if err == nil {
		err = unix.Access(path.Dir(name), unix.W_OK)
	}
	if err != nil {
		dir.Close()
		return unopened(err)
	}
	if pairs == nil {
		pairs = map[string]string{}
	}
	db, failure := newPropertyDB(pairs)
	if failure != nil {
		dir.Close()
		return nil, failure
	}
	db.file, db.dir = name, dir
	return db, nil
}

func newPropertyDB(pairs map[string]string) (*propertyDB, *server.DavError) {
	db := &propertyDB{pairs: maps.Clone(pairs), number: map[string]int{}}
	wrong := &server.DavError{Status: 500, ID: server.DavErrPropBadMajor,
		Text: "Prop database has the wrong major version number and cannot be used."}
	meta, there := pairs[metaKey]
	if !there {
		if _, old := pairs["NS_TABLE"]; old {
			return nil, wrong
		}
		return db, nil
	}
	if meta == "" || meta[0] != metaMajor {
		return nil, wrong
	}
	invalid := &server.DavError{Status: 500, ID: server.DavErrPropBadMajor,
		Text: "Prop database namespace table is invalid and cannot be used."}
	if len(meta) < 4 {
		return nil, invalid
	}
	count, rest := int(binary.BigEndian.Uint16([]byte(meta[2:4]))), meta[4:]
	for range count {
		uri, more, ok := strings.Cut(rest, "\x00")
		if !ok {
			return nil, invalid
		}
		db.add(uri)
		rest = more
	}
	return db, nil
}

func (db *propertyDB) add(uri string) {
	if _, there := db.number[uri]; !there {
		db.number[uri] = len(db.spaces)
	}
	db.spaces = append(db.spaces, uri)
}

func (db *propertyDB) Spaces() []string { return db.spaces }

func (db *propertyDB) Map(spaces []string) ([]int, *server.DavError) {
	list := make([]int, len(spaces))
	for i, uri := range spaces {
		n, there := db.number[uri]
		if !there {
			if len(db.spaces) >= mostSpaces {
				return nil, failed(500, "Too many distinct namespaces in property database.", nil)
			}
			n = len(db.spaces)
			db.add(uri)
		}
		list[i] = n
	}
	return list, nil
}

// key is "" for a namespace that the database has not.
func (db *propertyDB) key(name server.DavName) string {
	if name.Space == "" {
		return ":" + name.Name + "\x00"
	}
	n, there := db.number[name.Space]
	if !there {
		return ""
	}
	return strconv.Itoa(n) + ":" + name.Name + "\x00"
}

func (db *propertyDB) Get(name server.DavName) (lang, value string, ok bool) {
	key := db.key(name)
	v, there := db.pairs[key]
	if key == "" || !there {
		return "", "", false
	}
	lang, value, _ = strings.Cut(v, "\x00")
	value, _, _ = strings.Cut(value, "\x00")
	return lang, value, true
}

func (db *propertyDB) Set(name server.DavName, lang, value string) {
	if key := db.key(name); key != "" {
		db.pairs[key] = lang + "\x00" + value + "\x00"
	}
}

func (db *propertyDB) Delete(name server.DavName) { delete(db.pairs, db.key(name)) }

// Names come in the order in which Apache walks through the database.
func (db *propertyDB) Names() []server.DavName {
	var list []server.DavName
	for _, key := range dbm.KeysDB(db.pairs) {
		number, name, ok := strings.Cut(strings.TrimSuffix(key, "\x00"), ":")
		if !ok || key[0] >= 'A' && key[0] <= 'Z' {
			continue
		}
		space := ""
		if number != "" {
			n, err := strconv.Atoi(number)
			if err != nil || n < 0 || n >= len(db.spaces) {
				continue
			}
			space = db.spaces[n]
		}
		list = append(list, server.DavName{Space: space, Name: name})
	}
	return list
}

func (db *propertyDB) Close(commit bool) *server.DavError {
	if db.dir == nil {
		return nil
	}
	defer db.dir.Close() // which unlocks it
	if !commit {
		return nil
	}
	meta := []byte{metaMajor, 0}
	meta = binary.BigEndian.AppendUint16(meta, uint16(len(db.spaces)))
	for _, uri := range db.spaces {
		meta = append(append(meta, uri...), 0)
	}
	db.pairs[metaKey] = string(meta)
	b, err := dbm.FormatDB(db.pairs)
	if err == nil {
		err = replaceFile(db.file, b, 0o666)
	}
	if err != nil {
		return &server.DavError{Status: 500, ID: 1, Text: "Could not open database.", Cause: openError(err)}
	}
	return nil
}
