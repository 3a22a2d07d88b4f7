package dav_fs

import (
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/dbm"
)

// lockStore is how mod_dav asks for locks.
type lockStore struct{}

// Open takes the database of the request's server; its file is opened with the
// first question.
func (lockStore) Open(r *server.Request, use server.DavLockUse) (server.DavLockDB, *server.DavError) {
	f := slot.Of(r.Server).locks
	if f == nil {
		return nil, &server.DavError{Status: 500, ID: server.DavErrLockNoDB,
			Text: "A lock database was not specified with the DAVLockDB directive. One must be specified to use the locking functionality."}
	}
	return &lockDB{file: f, use: use}, nil
}

type lockDB struct {
	file   *lockFile
	use    server.DavLockUse
	opened bool
	pairs  map[string]string // without a change
	change *lockChange
	parsed map[string]lockRecord // since the last change
}

// open reads the file. To check a request Apache opens it for writing, so it is
// made when it is not there, or the request fails.
func (d *lockDB) open() *server.DavError {
	if d.opened {
		return nil
	}
	var err error
	switch d.use {
	case server.DavLockChange:
		d.change, err = d.file.change()
	case server.DavLockCheck:
		d.pairs, err = d.file.content()
		if err == nil && d.pairs == nil {
			var c *lockChange
			if c, err = d.file.change(); err == nil {
				err = c.end()
			}
		}
	default:
		d.pairs, _ = d.file.content() // as Apache: who only tells of locks overlooks a file that cannot be opened
	}
	if err != nil {
		e := &server.DavError{Status: 500, ID: 1, Text: "Could not open database.", Cause: openError(err)}
		e = e.Push(500, "Could not open the lock database.")
		e.ID = server.DavErrLockOpenDB
		return e
	}
	d.opened = true
	return nil
}

// openError words an error as apr's driver for Berkeley DB does.
func openError(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return dbm.DB.OpenError(errno, nil)
	}
	return dbm.DB.OpenError(nil, err)
}

func (d *lockDB) Close() *server.DavError {
	if d.change == nil {
		return nil
	}
	d.prune()
	err := d.change.end()
	d.change, d.opened, d.parsed = nil, false, nil
	if err != nil {
		e := &server.DavError{Status: 500, Text: "Could not write database.", Cause: cause(err)}
		e = e.Push(500, "Could not save lock information.")
		e.ID = server.DavErrLockSaveLock
		return e
	}
	return nil
}

func (d *lockDB) get(key string) string {
	if d.change != nil {
		return d.change.pairs[key]
	}
	return d.pairs[key]
}

// pruneEvery is how often a process looks for locks that have expired and that
// nobody asks for any more.
const pruneEvery = time.Minute

func (d *lockDB) prune() {
	if !d.change.dirty || !d.file.pruneDue(time.Now()) {
		return
	}
	for key := range maps.Clone(d.change.pairs) {
		if strings.HasPrefix(key, string([]byte{keyOfPath})) {
			d.load(key) //nolint:errcheck // a damaged record stays, and is told when it is asked for
		}
	}
}

// load reads the record of a key. Locks that have expired go, and with them a
// resource that was nothing but locked. An inherited lock lasts as long as the one
// that it comes from: Apache, which goes by the time of the copy, forgets to
// prolong it when the lock is refreshed.
func (d *lockDB) load(key string) (lockRecord, *server.DavError) {
	if err := d.open(); err != nil {
		return lockRecord{}, err
	}
	if r, ok := d.parsed[key]; ok {
		return r, nil
	}
	r, stale, err := parseRecord(key, d.get(key))
	if err != nil {
		return r, err
	}
	origins := map[string]lockRecord{}
	held := slices.DeleteFunc(r.indirect, func(i indirectLock) bool {
		from, known := origins[i.key]
		if !known {
			from, _, _ = parseRecord(i.key, d.get(i.key)) // a damaged one holds no lock
			origins[i.key] = from
		}
		return !slices.ContainsFunc(from.direct, func(l *server.DavLock) bool { return l.Token == i.token })
	})
	stale, r.indirect = stale || len(held) < len(r.indirect), held
	if stale && d.change != nil {
		path := strings.TrimSuffix(key[1:], "\x00")
		if _, e := os.Lstat(path); e != nil && len(r.direct)+len(r.indirect) == 0 {
			if err := removeNullMember(path); err != nil {
				return r, err
			}
		}
		d.change.set(key, r.format())
	}
	if d.parsed == nil {
		d.parsed = map[string]lockRecord{}
	}
	d.parsed[key] = r
	return r, nil
}

func (d *lockDB) save(key string, r lockRecord) *server.DavError {
	if err := d.open(); err != nil {
		return err
	}
	if d.change == nil {
		return &server.DavError{Status: 500, Text: "INTERNAL DESIGN ERROR: the lockdb was opened readonly, but an attempt to save locks was performed."}
	}
	d.change.set(key, r.format())
	d.parsed = nil
	return nil
}

// resolve finds the lock that an indirect one comes from.
func (d *lockDB) resolve(i indirectLock) (*server.DavLock, lockRecord, *server.DavError) {
	r, err := d.load(i.key)
	if err != nil {
		return nil, r, err
	}
	for _, l := range r.direct {
		if l.Token == i.token {
			return l, r, nil
		}
	}
	return nil, r, &server.DavError{Status: 500, ID: server.DavErrLockCorruptDB,
		Text: "The lock database was found to be corrupt. An indirect lock's direct lock could not be found."}
}

func (d *lockDB) Locks(res *server.DavResource, resolve bool) ([]*server.DavLock, *server.DavError) {
	r, err := d.load(lockKey(res))
	if err != nil {
		return nil, err
	}
	var list []*server.DavLock
	add := func(l *server.DavLock) { list = append([]*server.DavLock{l}, list...) }
	for _, l := range r.direct {
		add(l)
	}
	for _, i := range r.indirect {
		l := &server.DavLock{Token: i.token, Key: i.key, Expires: i.expires}
		if resolve {
			from, _, err := d.resolve(i)
			if err != nil {
				return nil, err
			}
			*l = *from
			l.Direct = false
		}
		add(l)
	}
	return list, nil
}

func (d *lockDB) Find(res *server.DavResource, token server.DavToken) (*server.DavLock, *server.DavError) {
	r, err := d.load(lockKey(res))
	if err != nil {
		return nil, err
	}
	for _, l := range r.direct {
		if l.Token == token {
			return l, nil
		}
	}
	for _, i := range r.indirect {
		if i.token == token {
			return &server.DavLock{Token: token, Key: i.key, Expires: i.expires}, nil
		}
	}
	return nil, nil
}

func (d *lockDB) Has(res *server.DavResource) (bool, *server.DavError) {
	r, err := d.load(lockKey(res))
	return len(r.direct)+len(r.indirect) > 0, err
}

func (d *lockDB) Append(res *server.DavResource, indirect bool, locks []*server.DavLock) *server.DavError {
	key := lockKey(res)
	r, err := d.load(key)
	if err != nil {
		return err
	}
	for _, l := range locks {
		if l.Direct && !indirect {
			l.Key = key
			r.direct = append([]*server.DavLock{l}, r.direct...)
			continue
		}
		r.indirect = append([]indirectLock{{l.Token, l.Expires, l.Key}}, r.indirect...)
	}
	if err := d.save(key, r); err != nil {
		return err
	}
	if res.Exists {
		return nil
	}
	return addNullMember(res.Path)
}

func (d *lockDB) Remove(res *server.DavResource, token *server.DavToken) *server.DavError {
	key := lockKey(res)
	var r lockRecord
	if token != nil {
		var err *server.DavError
		if r, err = d.load(key); err != nil {
			return err
		}
		r.direct = slices.DeleteFunc(r.direct, func(l *server.DavLock) bool { return l.Token == *token })
		r.indirect = slices.DeleteFunc(r.indirect, func(i indirectLock) bool { return i.token == *token })
	}
	if err := d.save(key, r); err != nil {
		return err
	}
	if !res.Exists && len(r.direct)+len(r.indirect) == 0 {
		return removeNullMember(res.Path)
	}
	return nil
}

// Refresh finds the locks of those tokens on the resource, and where they come
// from when they are indirect.
func (d *lockDB) Refresh(res *server.DavResource, tokens []server.DavToken, expires int64) ([]*server.DavLock, *server.DavError) {
	key := lockKey(res)
	r, err := d.load(key)
	if err != nil {
		return nil, err
	}
	var list []*server.DavLock
	for _, l := range r.direct {
		if slices.Contains(tokens, l.Token) {
			l.Expires = expires
			list = append([]*server.DavLock{l}, list...)
		}
	}
	if len(list) > 0 {
		if err := d.save(key, r); err != nil {
			return nil, err
		}
	}
	for _, i := range r.indirect {
		l, from, err := d.resolve(i)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(tokens, l.Token) {
			continue
		}
		l.Expires = expires
		list = append([]*server.DavLock{l}, list...)
		if err := d.save(i.key, from); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (d *lockDB) Created(res *server.DavResource) *server.DavError { return removeNullMember(res.Path) }

func (d *lockDB) NullMembers(collection *server.DavResource) ([]string, *server.DavError) {
	return nullMembers(collection.Path)
}
