package server

import (
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/donjon-httpd/donjon/directives"
)

// FileCache is what the main server says about things that are remembered of
// files: FileCacheValid and FileCacheSize, which Apache does not have.
var FileCache = directives.NewServerSlot(func(base, add FileCacheConfig) FileCacheConfig {
	return FileCacheConfig{add.Valid.Or(base.Valid), add.Size.Or(base.Size)}
})

// FileCacheConfig says for how long an answer that was made of files, and what
// was found of .htaccess files, is believed without looking again, and how
// many bytes of answers and of small files each child keeps.
type FileCacheConfig struct {
	Valid directives.Opt[time.Duration] // 0: looked at for each request
	Size  directives.Opt[int64]
}

// The defaults of FileCacheValid and FileCacheSize.
const (
	DefaultFileCacheValid = time.Second
	DefaultFileCacheSize  = 32 << 20
)

// ValidFor is FileCacheValid, or its default.
func (c *FileCacheConfig) ValidFor() time.Duration { return c.Valid.Else(DefaultFileCacheValid) }

// Bytes is FileCacheSize, or its default.
func (c *FileCacheConfig) Bytes() int64 { return c.Size.Else(DefaultFileCacheSize) }

// fileCache keeps the bytes of small files that were sent lately. It never
// makes an answer older than the file system's: the walk has looked the file up
// for this very request, and what is kept counts only while that look-up shows
// the same inode, size, time, mode and owner. EnableMMAP Off leaves it out.
type fileCache struct {
	mu    sync.RWMutex
	most  int64 // bytes of all files
	files map[string]*cachedFile
	bytes int64
}

type cachedFile struct {
	data  []byte // shared by responses, never written to
	whole wholeFile
}

const (
	cachedFileSize = 64 << 10 // of a file at most
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
	if int64(len(f.data)) > c.most {
		return
	}
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
		if c.bytes <= c.most {
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
