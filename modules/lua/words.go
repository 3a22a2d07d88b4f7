package lua

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"syscall"

	lua "github.com/yuin/gopher-lua"

	"github.com/donjon-httpd/donjon/server"
)

// fileError words an error of the system as luaL_loadfile does.
func fileError(what, file string, err error) error {
	var no syscall.Errno
	if errors.As(err, &no) {
		return fmt.Errorf("cannot %s %s: %s", what, file, server.Strerror(no))
	}
	return fmt.Errorf("cannot %s %s: %w", what, file, err)
}

func inode(st os.FileInfo) uint64 {
	if s, ok := st.Sys().(*syscall.Stat_t); ok {
		return s.Ino
	}
	return 0
}

// wordings are messages of the interpreter and how Lua 5.3 puts them. Lua also names
// the variable, which the interpreter does not tell.
var wordings = []struct {
	from *regexp.Regexp
	to   string
}{
	{regexp.MustCompile(`attempt to index a non-table object\((\w+)\) with key '.*'$`), "attempt to index a $1 value"},
	{regexp.MustCompile(`cannot perform concat operation between (?:string|number) and (\w+)$`), "attempt to concatenate a $1 value"},
	{regexp.MustCompile(`cannot perform concat operation between (\w+) and \w+$`), "attempt to concatenate a $1 value"},
	{regexp.MustCompile(`cannot perform \w+ operation between number and (\w+)$`), "attempt to perform arithmetic on a $1 value"},
	{regexp.MustCompile(`cannot perform \w+ operation between (\w+) and \w+$`), "attempt to perform arithmetic on a $1 value"},
	{regexp.MustCompile(`context canceled$`), "interrupted, for the client is gone"},
	{regexp.MustCompile(`bad argument #(\d+) to ([\w.]+) \(`), "bad argument #$1 to '$2' ("},
}

// reworded is a message in Lua's words.
func reworded(s string) string {
	for _, w := range wordings {
		if w.from.MatchString(s) {
			return w.from.ReplaceAllString(s, w.to)
		}
	}
	return s
}

// message is the text of an error that a script was ended by; "(null)" for what is
// no text, as C prints it.
func message(err error) string {
	var e *lua.ApiError
	if errors.As(err, &e) {
		if e.Object != nil {
			switch v := e.Object.(type) {
			case lua.LString:
				return reworded(string(v))
			case lua.LNumber:
				return v.String()
			case *lua.LNilType:
				if e.Cause != nil {
					return e.Cause.Error()
				}
			}
			return "(null)"
		}
		if e.Cause != nil {
			return e.Cause.Error()
		}
	}
	return reworded(err.Error())
}

// errFilter is a script that does not filter on, which the log has been told. What was
// not sent yet is not sent: Apache's filter answers with a number that means no error
// to those before it (HTTP_INTERNAL_SERVER_ERROR).
var errFilter = errors.New("the script does not filter on")

// errInput is the same for a request's body.
var errInput error = &server.BodyError{Status: 500, What: "the script does not filter on"}

// errEnd is the end of a body.
var errEnd = io.EOF
