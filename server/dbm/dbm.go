// Package dbm reads the databases that Apache's httxt2dbm and htdbm write: sdbm,
// gdbm and Berkeley DB's hash. They are read whole; Berkeley DB's are written, whole
// too.
package dbm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
)

// Type is the format of a database.
type Type uint8

const (
	DB   Type = iota // Berkeley DB, hash
	GDBM             // GNU dbm
	SDBM             // apr's own
)

// ParseType reads a type's name, in any case: "sdbm", "gdbm", "db", or
// "default", which is db in Debian's apr-util (observed on 1.6). ok is false for
// others, ndbm among them, which Debian does not build.
func ParseType(name string) (t Type, ok bool) {
	switch strings.ToLower(name) {
	case "sdbm":
		return SDBM, true
	case "gdbm":
		return GDBM, true
	case "db", "default":
		return DB, true
	}
	return 0, false
}

// Files are the names of the files that a database of that name consists of
// (apr_dbm_get_usednames).
func (t Type) Files(name string) []string {
	if t == SDBM {
		return []string{name + ".dir", name + ".pag"}
	}
	return []string{name}
}

// errDamaged is what every contradiction in a file is.
var errDamaged = errors.New("damaged database")

// maxFile bounds what is read into memory, in bytes.
const maxFile = 1 << 30

// Read gives all pairs of the database of that name. A damaged database is an error.
func (t Type) Read(name string) (map[string]string, error) {
	files := t.Files(name)
	file := files[len(files)-1]
	st, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if st.Size() > maxFile {
		return nil, fmt.Errorf("%s: larger than %d bytes", file, maxFile)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return t.Parse(b)
}

// Parse is Read for the content of a file: of the .pag file for sdbm.
func (t Type) Parse(b []byte) (map[string]string, error) {
	pairs := map[string]string{}
	var err error
	switch t {
	case SDBM:
		err = parseSDBM(b, pairs)
	case GDBM:
		err = parseGDBM(b, pairs)
	default:
		err = parseDB(b, pairs)
	}
	if err != nil {
		return nil, err
	}
	return pairs, nil
}

// parseSDBM reads pages of 1024 bytes: a count, then for each key and each
// value the offset at which it begins; they lie one before the other from the end.
func parseSDBM(b []byte, pairs map[string]string) error {
	const size = 1024
	for ; len(b) >= size; b = b[size:] {
		page := b[:size]
		n := int(binary.LittleEndian.Uint16(page))
		if n%2 != 0 || 2+2*n > size {
			return errDamaged
		}
		end := size
		cut := func(i int) (string, bool) {
			at := int(binary.LittleEndian.Uint16(page[2+2*i:]))
			if at > end || at < 2+2*n {
				return "", false
			}
			s := string(page[at:end])
			end = at
			return s, true
		}
		for i := 0; i < n; i += 2 {
			key, ok1 := cut(i)
			value, ok2 := cut(i + 1)
			if !ok1 || !ok2 {
				return errDamaged
			}
			pairs[key] = value
		}
	}
	return nil
}

// part is b[at:at+n], or an error where it ends before.
func part(b []byte, at, n int64) ([]byte, error) {
	if at < 0 || n < 0 || at > int64(len(b)) || n > int64(len(b))-at {
		return nil, errDamaged
	}
	return b[at : at+n], nil
}

// parseGDBM reads the directory of buckets, and in each bucket the places of
// the pairs. Files of a 64-bit system in its byte order, which is what "file"
// calls "little endian, 64-bit".
func parseGDBM(b []byte, pairs map[string]string) error {
	const (
		magic        = 0x13579acf
		magicNumSync = 0x13579ad0
		headerSize   = 40
		bucketHead   = 112 // count and six free places, then bits and count
		entrySize    = 24
		noEntry      = 0xffffffff
	)
	le := binary.LittleEndian
	head, err := part(b, 0, headerSize)
	if err != nil || le.Uint32(head) != magic && le.Uint32(head) != magicNumSync {
		return errDamaged
	}
	dirAt, dirSize := int64(le.Uint64(head[8:])), int64(le.Uint32(head[16:]))
	bucketSize, entries := int64(le.Uint32(head[24:])), int64(le.Uint32(head[28:]))
	if bucketHead+entries*entrySize > bucketSize {
		return errDamaged
	}
	dir, err := part(b, dirAt, dirSize)
	if err != nil {
		return err
	}
	seen := map[int64]bool{}
	for ; len(dir) >= 8; dir = dir[8:] {
		at := int64(le.Uint64(dir))
		if at == 0 || seen[at] {
			continue
		}
		seen[at] = true
		bucket, err := part(b, at, bucketSize)
		if err != nil {
			return err
		}
		for i := range entries {
			e := bucket[bucketHead+i*entrySize:]
			if le.Uint32(e) == noEntry {
				continue
			}
			keySize, valueSize := int64(le.Uint32(e[16:])), int64(le.Uint32(e[20:]))
			pair, err := part(b, int64(le.Uint64(e[8:])), keySize+valueSize)
			if err != nil {
				return err
			}
			pairs[string(pair[:keySize])] = string(pair[keySize:])
		}
	}
	return nil
}
