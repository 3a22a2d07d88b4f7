package server

import (
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// fileCache keeps the bytes of small files that were sent lately. It never
// makes an answer older than the file system's: the walk has looked the file up
// for this very request, and what is kept counts only while that look-up shows
// the same inode, size, time, mode and owner. EnableMMAP Off leaves it out.
type fileCache struct {
	mu    sync.RWMutex
	files map[string]*cachedFile
	bytes int64
}

type cachedFile struct {
	data  []byte // shared by responses, never written to
	whole wholeFile
}

const (
	cachedFileSize  = 64 << 10 // of a file at most
	cachedFileBytes = 32 << 20 // of all together
	// A file that changes twice between two ticks of its time stamp shows only
	// one of them. One that is younger than this is not kept.
	cachedFileAge = 2 * time.Second
)

// get gives what is kept of a file that looks like info; nil when it has changed.
func (c *fileCache) get(name string, info *Finfo) *cachedFile {
	c.mu.RLock()
	f := c.files[name]
	c.mu.RUnlock()
	if f == nil || !f.whole.info.same(info) {
		return nil
	}
	return f
}

// read gives a small file's bytes and keeps them when they are surely those of
// info; ok is false for a file that is not of the size it had.
func (c *fileCache) read(name string, info *Finfo, f *os.File) (read *cachedFile, ok bool) {
	before, err := f.Stat()
	if err != nil {
		return nil, false
	}
	data := make([]byte, info.Size)
	if _, err := io.ReadFull(io.NewSectionReader(f, 0, info.Size), data); err != nil {
		return nil, false
	}
	opened := FinfoOf(before)
	sure := opened.same(info) && time.Since(info.Mtime) > cachedFileAge
	read = &cachedFile{data, wholeFile{name: name, info: *info, mem: data, sure: sure}}
	if sure {
		c.put(name, read)
	}
	return read, true
}

func (c *fileCache) put(name string, f *cachedFile) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.files == nil {
		c.files = map[string]*cachedFile{}
	}
	if old := c.files[name]; old != nil {
		c.bytes -= int64(len(old.data))
	}
	c.files[name] = f
	c.bytes += int64(len(f.data))
	for victim, v := range c.files { // a map's order is as good as any
		if c.bytes <= cachedFileBytes {
			break
		}
		if v != f {
			c.bytes -= int64(len(v.data))
			delete(c.files, victim)
		}
	}
}

func (f *Finfo) same(g *Finfo) bool {
	return f.Inode == g.Inode && f.Size == g.Size && f.Mtime.Equal(g.Mtime) && f.Mode == g.Mode && f.UID == g.UID && f.GID == g.GID &&
		f.Type == g.Type
}

// cacheable tells whether the request's file may be kept.
func (r *Request) cacheable() bool {
	d := CoreDir.Of(r.Dir)
	return r.Finfo.Type == RegularFile && r.Finfo.Size > 0 && r.Finfo.Size <= cachedFileSize && d.EnableMMAP.Else(true)
}

// openFile opens without the poller that os.Open tries to register each file
// with: five system calls less.
func openFile(name string) (*os.File, error) {
	for {
		fd, err := unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		switch err {
		case nil:
			return os.NewFile(uintptr(fd), name), nil
		case unix.EINTR:
		default:
			return nil, &os.PathError{Op: "open", Path: name, Err: err}
		}
	}
}
