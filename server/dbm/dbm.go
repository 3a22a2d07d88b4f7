// Package dbm looks keys up in the database files that apr-util knows: SDBM,
// Berkeley DB and GNU dbm. Files are only read.
package dbm

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/donjon-httpd/donjon/server/authfile"
	"github.com/donjon-httpd/donjon/server/dbm/bdb"
	"github.com/donjon-httpd/donjon/server/dbm/gdbm"
	"github.com/donjon-httpd/donjon/server/dbm/sdbm"
)

// Default is the type of a file whose type is not named: Berkeley DB, as with
// Debian's apr-util, unless there is only an SDBM of that name.
const Default = "default"

// errDriver is what apr says of a type that no library brings.
var errDriver = errors.New("(20019)DSO load failed")

// foreign is the error of a library: apr adds its own errors to 120000 and has
// no text for them.
func foreign(code int) error {
	return fmt.Errorf("(%d)APR does not understand this error code", 120000+code)
}

// Codes of GNU dbm.
const (
	gdbmOpen  = 3
	gdbmMagic = 7
)

type parsed struct {
	pairs map[string]string
	err   error
}

func cache(parse func(string) (map[string]string, error)) *authfile.Cache[parsed] {
	return authfile.NewCache(func(text string) parsed {
		pairs, err := parse(text)
		return parsed{pairs, err}
	})
}

var (
	bdbFiles  = cache(bdb.Parse)
	gdbmFiles = cache(gdbm.Parse)
)

// Fetch is the value of a key in a database, and whether it is there. Types are
// known in any case. Errors are worded as apr words them.
func Fetch(kind, file, key string) (value string, ok bool, err error) {
	switch strings.ToLower(kind) {
	case Default:
		value, ok, err = fetchBDB(file, key)
		if err != nil {
			if b, ok, sdbmErr := sdbm.Get(file, key); sdbmErr == nil {
				return string(b), ok, nil
			}
		}
		return value, ok, err
	case "db":
		return fetchBDB(file, key)
	case "gdbm":
		p, err := gdbmFiles.Get(file)
		switch {
		case err != nil:
			return "", false, foreign(gdbmOpen)
		case p.err != nil:
			return "", false, foreign(gdbmMagic)
		}
		value, ok = p.pairs[key]
		return value, ok, nil
	case "sdbm":
		b, ok, err := sdbm.Get(file, key)
		if errors.Is(err, sdbm.ErrFormat) {
			return "", false, nil // apr fails when it fetches, which is like no value
		}
		return string(b), ok, err
	}
	return "", false, errDriver
}

func fetchBDB(file, key string) (value string, ok bool, err error) {
	p, err := bdbFiles.Get(file)
	var errno syscall.Errno
	switch {
	case err == syscall.EBADF: // not a regular file, so a folder
		return "", false, foreign(int(syscall.EISDIR))
	case errors.As(err, &errno):
		return "", false, foreign(int(errno))
	case err != nil || p.err != nil:
		return "", false, foreign(int(syscall.EINVAL))
	}
	value, ok = p.pairs[key]
	return value, ok, nil
}
