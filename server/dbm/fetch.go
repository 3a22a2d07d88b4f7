package dbm

import (
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/donjon-httpd/donjon/server/authfile"
)

// Default is the type of a file whose type is not named.
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

// remembered are the databases that were asked while serving, by type.
var remembered = func() (list [SDBM + 1]*authfile.Cache[parsed]) {
	for t := range list {
		list[t] = authfile.NewCache(func(text string) parsed {
			pairs, err := Type(t).Parse([]byte(text))
			return parsed{pairs, err}
		})
	}
	return list
}()

// Fetch is the value of a key in a database whose type is named, and whether it
// is there. What the database holds is remembered until its file changes.
// Errors are worded as apr words them when it opens a database.
func Fetch(kind, name, key string) (value string, ok bool, err error) {
	t, known := ParseType(kind)
	if !known {
		return "", false, errDriver
	}
	files := t.Files(name)
	for _, other := range files[:len(files)-1] {
		if err := unix.Access(other, unix.R_OK); err != nil {
			return "", false, err
		}
	}
	p, err := remembered[t].Get(files[len(files)-1])
	if err = t.OpenError(err, p.err); err != nil {
		return "", false, err
	}
	value, ok = p.pairs[key]
	return value, ok, nil
}

// OpenError is what apr says when it opens a database whose file could not be
// read, or whose content makes no sense.
func (t Type) OpenError(file, content error) error {
	var errno syscall.Errno
	switch {
	case t == SDBM: // its content is looked at when a key is fetched: there is none
		return file
	case t == GDBM && file != nil:
		return foreign(gdbmOpen)
	case t == GDBM && content != nil:
		return foreign(gdbmMagic)
	case file == syscall.EBADF: // not a regular file, so a folder
		return foreign(int(syscall.EISDIR))
	case errors.As(file, &errno):
		return foreign(int(errno))
	case file != nil || content != nil:
		return foreign(int(syscall.EINVAL))
	}
	return nil
}
