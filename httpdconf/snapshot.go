package httpdconf

import (
	"bytes"
	"encoding/gob"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

// Recorder is a Source that remembers every answer of another one. The
// snapshot that it makes reads the same configuration without asking the
// outside: a parent gives it to its children.
type Recorder struct {
	Source Source
	snap   snapshot
}

var (
	_ Source = (*Recorder)(nil)
	_ Source = (*Replay)(nil)
)

type snapshot struct {
	Files map[string]fileAnswer
	Dirs  map[string]dirAnswer
	Stats map[string]statAnswer
	Env   map[string]envAnswer
}

type (
	fileAnswer struct {
		Text string
		Err  uint
	}
	dirAnswer struct {
		Entries []Entry
		Err     uint
	}
	statAnswer struct{ Dir, OK bool }
	envAnswer  struct {
		Value string
		OK    bool
	}
)

// NewRecorder records what s answers.
func NewRecorder(s Source) *Recorder {
	return &Recorder{Source: s, snap: snapshot{map[string]fileAnswer{}, map[string]dirAnswer{}, map[string]statAnswer{}, map[string]envAnswer{}}}
}

// errno keeps the cause of an error across processes; 0 is none.
func errno(err error) uint {
	var no syscall.Errno
	switch {
	case err == nil:
		return 0
	case errors.As(err, &no):
		return uint(no)
	case errors.Is(err, fs.ErrNotExist):
		return uint(syscall.ENOENT)
	}
	return uint(syscall.EIO)
}

func asError(no uint) error {
	if no == 0 {
		return nil
	}
	return syscall.Errno(no)
}

func (r *Recorder) ReadFile(name string) (string, error) {
	text, err := r.Source.ReadFile(name)
	r.snap.Files[name] = fileAnswer{text, errno(err)}
	return text, err
}

func (r *Recorder) List(dir string) ([]Entry, error) {
	list, err := r.Source.List(dir)
	r.snap.Dirs[dir] = dirAnswer{list, errno(err)}
	return list, err
}

func (r *Recorder) Stat(name string) (dir, ok bool) {
	dir, ok = r.Source.Stat(name)
	r.snap.Stats[name] = statAnswer{dir, ok}
	return dir, ok
}

func (r *Recorder) Getenv(name string) (string, bool) {
	v, ok := r.Source.Getenv(name)
	r.snap.Env[name] = envAnswer{v, ok}
	return v, ok
}

// MarshalBinary gives the snapshot of what was read so far.
func (r *Recorder) MarshalBinary() ([]byte, error) {
	var b bytes.Buffer
	err := gob.NewEncoder(&b).Encode(r.snap)
	return b.Bytes(), err
}

// Replay is a Source that answers from a snapshot. What was not asked when it
// was recorded is not there.
type Replay struct{ snap snapshot }

// UnmarshalBinary reads a snapshot.
func (r *Replay) UnmarshalBinary(b []byte) error {
	return gob.NewDecoder(bytes.NewReader(b)).Decode(&r.snap)
}

func (r *Replay) ReadFile(name string) (string, error) {
	a, ok := r.snap.Files[name]
	if !ok {
		return "", fmt.Errorf("not in the snapshot: %w", syscall.ENOENT)
	}
	return a.Text, asError(a.Err)
}

func (r *Replay) List(dir string) ([]Entry, error) {
	a, ok := r.snap.Dirs[dir]
	if !ok {
		return nil, fmt.Errorf("not in the snapshot: %w", syscall.ENOENT)
	}
	return a.Entries, asError(a.Err)
}

func (r *Replay) Stat(name string) (dir, ok bool) {
	a := r.snap.Stats[name]
	return a.Dir, a.OK
}

func (r *Replay) Getenv(name string) (string, bool) {
	a := r.snap.Env[name]
	return a.Value, a.OK
}
