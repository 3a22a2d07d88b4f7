package mpm

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

func rootRelative(root, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(root, path)
}

// PidFile is where a configuration's parent writes its process id.
func (p *Program) PidFilePath(l *Loaded) string {
	name := l.mpm().PidFile
	if name == "" {
		name = p.PidFile
	}
	return rootRelative(l.core().ServerRoot, name)
}

// ReadPid reads a PidFile. The error is fs.ErrNotExist when there is none.
func ReadPid(file string) (int, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	// A number of any plausible length, as Apache asks: anything else is not a PidFile.
	if len(text) == 0 || len(text) >= 25 || text[0] < '0' || text[0] > '9' {
		return 0, errors.New("not a process id")
	}
	return atoi(strings.TrimSpace(string(text))), nil
}

// writePid replaces the file in one step: a reader sees the old or the new id,
// never half of one.
func writePid(file string) error {
	if old, err := ReadPid(file); !errors.Is(err, fs.ErrNotExist) && old != os.Getpid() {
		corelog.Warn(nil).Msgf("AH00098: pid file %s overwritten -- Unclean shutdown of previous Apache run?", file)
	}
	f, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".")
	if err != nil {
		return fmt.Errorf("AH00099: could not create %s.XXXXXX: %w", file, err)
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(strconv.Itoa(os.Getpid()) + "\n")
	if err == nil {
		err = f.Chmod(0o644)
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return fmt.Errorf("AH10231: Failed creating pid file %s: %w", f.Name(), err)
	}
	return nil
}

func removePid(file string) {
	if pid, err := ReadPid(file); err == nil && pid == os.Getpid() && os.Remove(file) == nil {
		corelog.Info(nil).Msgf("AH00096: removed PID file %s (pid=%d)", file, pid)
	}
}

// alive tells whether a process other than this one has that id.
func alive(pid int) bool {
	return pid != os.Getpid() && syscall.Kill(pid, 0) == nil
}
