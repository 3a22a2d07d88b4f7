package httpdconf

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Source is all that reading a configuration asks of the outside.
type Source interface {
	// ReadFile gives a file's text.
	ReadFile(name string) (string, error)
	// List gives the entries of a directory by name, sorted.
	List(dir string) ([]Entry, error)
	// IsDir tells whether name is a directory; ok is false when there is nothing.
	Stat(name string) (dir, ok bool)
	// Getenv gives a variable of the environment.
	Getenv(name string) (string, bool)
}

// Entry is a name in a directory.
type Entry struct {
	Name string
	Dir  bool // itself a directory, not a link to one
}

// OS is the real outside.
var OS Source = system{}

type system struct{}

func (system) ReadFile(name string) (string, error) {
	b, err := os.ReadFile(name)
	return string(b), bare(err)
}

func (system) List(dir string) ([]Entry, error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, bare(err)
	}
	entries := make([]Entry, len(list))
	for i, e := range list {
		entries[i] = Entry{e.Name(), e.IsDir()}
	}
	slices.SortFunc(entries, func(a, b Entry) int {
		switch {
		case a.Name < b.Name:
			return -1
		case a.Name > b.Name:
			return 1
		}
		return 0
	})
	return entries, nil
}

func (system) Stat(name string) (dir, ok bool) {
	st, err := os.Stat(name)
	return err == nil && st.IsDir(), err == nil
}

func (system) Getenv(name string) (string, bool) { return os.LookupEnv(name) }

// bare is the cause without operation and path, which Apache's messages say
// themselves.
func bare(err error) error {
	if pe, ok := err.(*fs.PathError); ok {
		return pe.Err
	}
	return err
}

// fullPath joins as ap_make_full_path does.
func fullPath(dir, name string) string { return filepath.Join(dir, name) }
