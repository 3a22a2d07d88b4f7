package dav_fs

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/donjon-httpd/donjon/fixroot"
	"github.com/donjon-httpd/donjon/server/dbm"
)

// lockFile is the database that DAVLockDB names. Children are several processes:
// whoever changes it holds a lock on the file, and puts a new file in its place.
// One that lies outside of the jail is opened before the jail closes, and then
// written where it is.
type lockFile struct {
	real, path string // as configured, and as it is reached while serving

	mu      sync.Mutex
	outside *os.File // opened before the jail closed; nil: opened by name
	id      fileID
	read    time.Time
	pruned  atomic.Int64      // when expired locks were looked for, in Unix seconds
	pairs   map[string]string // what the file of that id holds; never changed
}

// fileID is what stat tells of a file; two that agree are the same content.
type fileID struct {
	inode        uint64
	size         int64
	mtime, ctime unix.Timespec
}

// unsettled is how long after a change a second one may leave the same times.
const unsettled = 100 * time.Millisecond

// openOutside opens the file where a jail does not hold its directory. One that
// cannot be opened is told, and looked for by name while serving.
func (f *lockFile) openOutside(jail fixroot.Root) {
	if !jail.Jailed() {
		return
	}
	if _, inside := jail.Inside(f.real); jail.Fix() && inside {
		return
	}
	if st, err := os.Stat(filepath.Join(jail.Dir(), filepath.Dir(f.path))); err == nil && st.IsDir() {
		return // the jail has the same path
	}
	file, err := os.OpenFile(f.real, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		if file, err = os.OpenFile(f.real, os.O_RDWR|os.O_CREATE, 0o600); err == nil {
			likeDir(file)
		}
	}
	if err != nil {
		elog.Error(nil).Err(cause(err)).Msgf("Could not open the lock database %s before the jail closes", f.real)
		return
	}
	f.outside = file
}

// likeDir gives a new file to the owner of its directory, as whom a server without
// a jail would have made it.
func likeDir(file *os.File) {
	var st unix.Stat_t
	if unix.Stat(filepath.Dir(file.Name()), &st) == nil {
		file.Chown(int(st.Uid), int(st.Gid)) //nolint:errcheck // only root may
	}
}

// pruneDue tells whether expired locks should be looked for, to one caller.
func (f *lockFile) pruneDue(now time.Time) bool {
	last := f.pruned.Load()
	return now.Unix()-last >= int64(pruneEvery/time.Second) && f.pruned.CompareAndSwap(last, now.Unix())
}

// content is what the file holds now. A file that is not there holds nothing.
func (f *lockFile) content() (map[string]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	file := f.outside
	if file == nil {
		var st unix.Stat_t
		if err := unix.Stat(f.path, &st); err != nil {
			if err == unix.ENOENT {
				return nil, nil
			}
			return nil, err
		}
		if f.known(&st) {
			return f.pairs, nil
		}
		var err error
		if file, err = os.Open(f.path); err != nil {
			return nil, err
		}
		defer file.Close()
	} else {
		if err := flock(file, unix.LOCK_SH); err != nil {
			return nil, err
		}
		defer flock(file, unix.LOCK_UN) //nolint:errcheck // it was locked
	}
	return f.load(file)
}

func (f *lockFile) known(st *unix.Stat_t) bool {
	id := identify(st)
	return f.pairs != nil && f.id == id && f.read.Sub(time.Unix(id.ctime.Unix())) > unsettled
}

func identify(st *unix.Stat_t) fileID { return fileID{st.Ino, st.Size, st.Mtim, st.Ctim} }

// load reads an open file, whose locks and f.mu are held.
func (f *lockFile) load(file *os.File) (map[string]string, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &st); err != nil {
		return nil, err
	}
	if f.known(&st) {
		return f.pairs, nil
	}
	begun := time.Now()
	pairs, err := parseFile(file, st.Size)
	if err != nil {
		return nil, err
	}
	f.id, f.read, f.pairs = identify(&st), begun, pairs
	return pairs, nil
}

// mostBytes bounds the databases that are read into memory, in bytes.
const mostBytes = 256 << 20

// parseFile reads a database; an empty file is an empty one.
func parseFile(file io.ReaderAt, size int64) (map[string]string, error) {
	if size > mostBytes {
		return nil, unix.EFBIG
	}
	b := make([]byte, size)
	if n, err := file.ReadAt(b, 0); err != nil && (err != io.EOF || int64(n) < size) {
		return nil, err
	}
	if size == 0 {
		return map[string]string{}, nil
	}
	if !dbm.IsDB(b) {
		return nil, unix.EINVAL
	}
	return dbm.DB.Parse(b)
}

func flock(file *os.File, how int) error {
	for {
		if err := unix.Flock(int(file.Fd()), how); err != unix.EINTR {
			return err
		}
	}
}

// lockChange is a change of a lockFile by one alone.
type lockChange struct {
	of    *lockFile
	file  *os.File
	pairs map[string]string
	own   bool // pairs is a copy
	dirty bool
}

// change locks the file, which is made if it is not there.
func (f *lockFile) change() (*lockChange, error) {
	c := &lockChange{of: f, file: f.outside}
	if f.outside != nil {
		f.mu.Lock() // the lock of an open file is the same for all goroutines
		if err := flock(f.outside, unix.LOCK_EX); err != nil {
			f.mu.Unlock()
			return nil, err
		}
	}
	for c.file == nil {
		file, err := os.OpenFile(f.path, os.O_RDWR|os.O_CREATE, 0o666)
		if err != nil {
			return nil, err
		}
		if err := flock(file, unix.LOCK_EX); err != nil {
			file.Close()
			return nil, err
		}
		var mine, there unix.Stat_t
		err1, err2 := unix.Fstat(int(file.Fd()), &mine), unix.Stat(f.path, &there)
		if err1 == nil && err2 == nil && mine.Ino == there.Ino {
			c.file = file
		} else {
			file.Close() // another has taken its place meanwhile
		}
	}
	if f.outside == nil {
		f.mu.Lock()
	}
	pairs, err := f.load(c.file)
	if f.outside == nil {
		f.mu.Unlock()
	}
	if err != nil {
		c.unlock()
		return nil, err
	}
	c.pairs = pairs
	return c, nil
}

func (c *lockChange) unlock() {
	if c.of.outside == nil {
		c.file.Close()
		return
	}
	flock(c.file, unix.LOCK_UN) //nolint:errcheck // it was locked
	c.of.mu.Unlock()
}

func (c *lockChange) set(key, value string) {
	if value == "" {
		if _, there := c.pairs[key]; !there {
			return
		}
	}
	if !c.own {
		c.pairs, c.own = maps.Clone(c.pairs), true
	}
	c.dirty = true
	if value == "" {
		delete(c.pairs, key)
		return
	}
	c.pairs[key] = value
}

// end writes what has changed and lets others in.
func (c *lockChange) end() error {
	defer c.unlock()
	if !c.dirty {
		return nil
	}
	b, err := dbm.FormatDB(c.pairs)
	if err != nil {
		return err
	}
	if c.of.outside == nil {
		err := replaceFile(c.of.path, b, 0o666)
		if !errors.Is(err, os.ErrPermission) {
			return err
		}
	}
	// The directory is not ours: the file itself is written. Its first page comes
	// last, so that a write cut short leaves what nobody takes for a database.
	if _, err := c.file.WriteAt(make([]byte, min(headBytes, len(b))), 0); err != nil {
		return err
	}
	if err := c.file.Truncate(int64(len(b))); err != nil {
		return err
	}
	if _, err := c.file.WriteAt(b[headBytes:], headBytes); err != nil {
		return err
	}
	_, err = c.file.WriteAt(b[:headBytes], 0)
	return err
}

const headBytes = 512

// replaceFile puts a new file in the place of one.
func replaceFile(path string, content []byte, mode os.FileMode) error {
	temp, err := createTemp(filepath.Dir(path), mode)
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // in vain when it was renamed
	if _, err := temp.Write(content); err != nil {
		temp.Close()
		return err
	}
	if err := temp.Close(); err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
}
