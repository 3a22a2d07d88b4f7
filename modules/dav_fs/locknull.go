package dav_fs

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/donjon-httpd/donjon/server"
)

// nullFile, in the .DAV of a directory, names its members that are nothing but
// locked, each with a zero byte behind it.
const nullFile = ".locknull"

// nullMembers reads the list of a directory.
func nullMembers(dir string) ([]string, *server.DavError) {
	name := path.Join(dir, stateDir, nullFile)
	b, err := os.ReadFile(name)
	switch {
	case err == nil:
	case errors.Is(err, unix.EISDIR):
		return nil, &server.DavError{Status: 500, Text: "Failure reading locknull file for " + dir, Cause: cause(err)}
	default:
		return nil, nil
	}
	return parseNull(string(b)), nil
}

// parseNull takes names apart; what no zero byte ends is no name, nor is what
// could be the path of something else.
func parseNull(s string) (names []string) {
	for {
		name, rest, ok := strings.Cut(s, "\x00")
		if !ok {
			return names
		}
		if name != "" && name != "." && name != ".." && !strings.Contains(name, "/") {
			names = append(names, name)
		}
		s = rest
	}
}

func saveNull(dir string, names []string) *server.DavError {
	makeStateDir(dir)
	name := path.Join(dir, stateDir, nullFile)
	if len(names) == 0 {
		if err := os.Remove(name); err != nil {
			return &server.DavError{Status: 500, Text: "Error removing " + name, Cause: cause(err)}
		}
		return nil
	}
	if err := replaceFile(name, []byte(strings.Join(names, "\x00")+"\x00"), 0o666); err != nil {
		return &server.DavError{Status: 500, Text: "Error opening " + name + " for writing", Cause: cause(err)}
	}
	return nil
}

// addNullMember puts a path on the list of its directory, once: Apache has it as
// often there as it is locked, and lists it so.
func addNullMember(file string) *server.DavError {
	dir, name := path.Split(file)
	names, err := nullMembers(dir)
	if err != nil {
		return err.Push(500, "Could not load .locknull file.")
	}
	if slices.Contains(names, name) {
		return nil
	}
	if err := saveNull(dir, append(names, name)); err != nil {
		return err.Push(500, "Could not save .locknull file.")
	}
	return nil
}

func removeNullMember(file string) *server.DavError {
	dir, name := path.Split(file)
	names, err := nullMembers(dir)
	if err != nil {
		return err
	}
	if !slices.Contains(names, name) {
		return nil
	}
	return saveNull(dir, slices.DeleteFunc(names, func(n string) bool { return n == name }))
}

// makeStateDir makes the .DAV of a directory; that it cannot is told by what follows.
func makeStateDir(dir string) { os.Mkdir(path.Join(dir, stateDir), 0o777) } //nolint:errcheck // see above

// cause is the system's error behind an operation on a file.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	var l *os.LinkError
	if errors.As(err, &l) {
		return l.Err
	}
	return err
}
