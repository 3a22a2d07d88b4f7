// Package authfile reads files of users and groups while requests are served.
// What a file held is remembered until the file changes.
package authfile

import (
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Cache remembers what files hold. Files are told apart by path and by what
// stat says of them, so a change counts with the next request.
type Cache[T any] struct {
	parse func(text string) T

	mu    sync.Mutex
	files map[string]file[T]
}

type file[T any] struct {
	id   identity
	held T
}

// identity is what stat tells of a file; two that agree are the same content.
type identity struct {
	dev, inode   uint64
	size         int64
	mtime, ctime unix.Timespec
}

const (
	// most is how many files are remembered; .htaccess files can name any number.
	most = 256
	// unsettled is how long after a change a second one may leave the same
	// times: the kernel's clock for them ticks.
	unsettled = 100 * time.Millisecond
	// largest is how large a file may be, in bytes: whoever writes .htaccess
	// files must not fill the memory.
	largest = 256 << 20
)

// NewCache makes a cache of files whose text is read by parse.
func NewCache[T any](parse func(text string) T) *Cache[T] {
	return &Cache[T]{parse: parse, files: map[string]file[T]{}}
}

// Get is what the file holds now. Errors are errnos; EBADF for what is neither
// a regular file nor /dev/null (ap_pcfg_openfile), EFBIG for one of more than 256 MiB.
func (c *Cache[T]) Get(path string) (T, error) {
	var none T
	id, err := stat(path)
	if err != nil {
		return none, err
	}
	c.mu.Lock()
	f, ok := c.files[path]
	c.mu.Unlock()
	if ok && f.id == id {
		return f.held, nil
	}
	begun := time.Now()
	text, id, err := read(path)
	if err != nil {
		return none, err
	}
	f = file[T]{id, c.parse(text)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if begun.Sub(time.Unix(id.ctime.Unix())) < unsettled {
		delete(c.files, path)
		return f.held, nil
	}
	if len(c.files) >= most {
		clear(c.files)
	}
	c.files[path] = f
	return f.held, nil
}

func stat(path string) (identity, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return identity{}, err
	}
	return identify(&st), nil
}

func identify(st *unix.Stat_t) identity {
	return identity{uint64(st.Dev), st.Ino, st.Size, st.Mtim, st.Ctim}
}

func read(path string) (string, identity, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return "", identity{}, err
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return "", identity{}, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		if path == os.DevNull {
			return "", identify(&st), nil
		}
		return "", identity{}, syscall.EBADF
	}
	if st.Size > largest {
		return "", identity{}, syscall.EFBIG
	}
	b, err := io.ReadAll(io.LimitReader(f, largest))
	return string(b), identify(&st), err
}

// Lines gives the lines of a text as Apache reads a file of users: continued
// by a backslash at the end, white space around them cut off, comments and
// empty lines left out. The text ends where a line has max bytes or more
// (ap_cfg_getline gives up there).
func Lines(text string, max int) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		var joined strings.Builder
		for text != "" {
			end := strings.IndexByte(text, '\n')
			line, whole := text, end >= 0
			if whole {
				line, text = text[:end], text[end+1:]
			} else {
				text = ""
			}
			if joined.Len()+len(line) >= max-1 {
				return
			}
			if cut := strings.TrimSuffix(line, "\r"); whole && strings.HasSuffix(cut, `\`) {
				joined.WriteString(cut[:len(cut)-1])
				if text != "" {
					continue
				}
				line = ""
			}
			if joined.Len() > 0 {
				joined.WriteString(line)
				line = joined.String()
				joined.Reset()
			}
			line, _, _ = strings.Cut(line, "\x00")
			line = strings.Trim(line, " \t\n\v\f\r")
			if line != "" && line[0] != '#' && !yield(line) {
				return
			}
		}
	}
}

// Word cuts s at a stop, and takes further ones right behind it away too (ap_getword).
func Word(s string, stop byte) (word, rest string) {
	i := strings.IndexByte(s, stop)
	if i < 0 {
		return s, ""
	}
	word, rest = s[:i], s[i:]
	for rest != "" && rest[0] == stop {
		rest = rest[1:]
	}
	return word, rest
}
