package cache_disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/donjon-httpd/donjon/server"
)

// place is the files of an entry: its base, with .header and .data behind.
type place struct {
	host *hostConfig
	root string
	base string
	key  string
}

func placeOf(r *server.Request, key string) (p place, ok bool) {
	c := hosts.Of(r.Server)
	root, ok := c.root.Get()
	return place{c, root, root + c.path(key), key}, ok
}

// varied is the place of one of several entries that a URL has.
func (p place) varied(r *server.Request, names []string) place {
	var key strings.Builder
	for _, n := range names {
		key.WriteString(n)
		if v, ok := r.FieldIn(n); ok {
			key.WriteString(v)
		}
	}
	key.WriteString(p.key)
	p.base = p.base + ".header.vary" + p.host.path(key.String())
	return p
}

func find(r *server.Request, key string) *server.CacheEntry {
	p, ok := placeOf(r, key)
	if !ok {
		elog.Debug(r).Msgf("AH00703: Cannot cache files to disk without a CacheRoot specified.")
		return nil
	}
	text, err := os.ReadFile(p.base + ".header")
	if err != nil {
		return nil
	}
	if names, ok := server.DecodeCacheVary(text); ok {
		p = p.varied(r, names)
		if text, err = os.ReadFile(p.base + ".header"); err != nil {
			return nil
		}
	}
	e, inode, device, err := server.DecodeCacheHead(text)
	if err != nil || e.Key != key {
		elog.Debug(r).Msgf("AH00706: Cannot read header file %s", p.base+".header")
		return nil
	}
	f, err := os.Open(p.base + ".data")
	if err != nil {
		return nil
	}
	st, err := f.Stat()
	if err != nil || st.Sys().(*syscall.Stat_t).Ino != inode || uint64(st.Sys().(*syscall.Stat_t).Dev) != device { // of another head
		f.Close()
		return nil
	}
	r.AtEnd(func() { f.Close() })
	e.File, e.Size = f, st.Size()
	elog.Debug(r).Msgf("AH00709: Recalled cached URL info header %s", key)
	elog.Debug(r).Msgf("AH00720: Recalled headers for URL %s", key)
	return e
}

// create begins an entry whose body fits; a file that grows too large is given up later.
func create(r *server.Request, key string, size int64) server.CacheWriter {
	p, ok := placeOf(r, key)
	c := slot.Of(r.Dir)
	w := &writer{r: r, place: p, least: c.least.Else(1), most: c.most.Else(1000000)}
	switch {
	case !ok:
		return nil
	case r.Status == 206:
		elog.Debug(r).Msgf("AH00700: URL %s partial content response not cached", key)
		return nil
	case size >= 0 && size > w.most:
		elog.Debug(r).Msgf("AH00701: URL %s failed the size check (%d > %d)", key, size, w.most)
		return nil
	case size >= 0 && size < w.least:
		elog.Debug(r).Msgf("AH00702: URL %s failed the size check (%d < %d)", key, size, w.least)
		return nil
	}
	return w
}

// writer is an entry that is being written.
type writer struct {
	r           *server.Request
	place       place
	least, most int64
	info        server.CacheInfo
	out, in     server.Fields
	data        *os.File
	size        int64
	vary        []string
}

func (w *writer) Head(info *server.CacheInfo, out, in *server.Fields) error {
	w.info, w.out, w.in = *info, *out, *in
	for _, f := range out.All() {
		if strings.EqualFold(f.Name, "Vary") {
			for n := range strings.FieldsFuncSeq(server.LowerASCII(f.Value), func(c rune) bool { return c == ',' || c == ' ' || c == '\t' }) {
				w.vary = append(w.vary, n)
			}
		}
	}
	slices.Sort(w.vary)
	w.vary = slices.Compact(w.vary)
	var err error
	if w.data, err = os.CreateTemp(w.place.root, "aptmp"); err != nil {
		return cause(err)
	}
	return nil
}

var errTooLarge = errors.New("larger than CacheMaxFileSize")

func (w *writer) Write(p []byte) error {
	if w.size += int64(len(p)); w.size > w.most {
		elog.Debug(w.r).Msgf("AH00732: URL %s failed the size check (%d>%d)", w.place.key, w.size, w.most)
		return errTooLarge
	}
	_, err := w.data.Write(p)
	return cause(err)
}

func (w *writer) Abort() {
	if w.data != nil {
		w.data.Close()
		os.Remove(w.data.Name())
	}
}

func (w *writer) Commit() error {
	if w.size < w.least {
		elog.Debug(w.r).Msgf("AH00734: URL %s failed the size check (%d<%d)", w.place.key, w.size, w.least)
		w.Abort()
		return nil
	}
	err := w.commit()
	if err != nil {
		elog.Warn(w.r).Err(cause(err)).Msgf("AH00736: commit_entity: URL '%s' not cached due to earlier disk error.", w.place.key)
		w.Abort()
		return err
	}
	elog.Debug(w.r).Msgf("AH00737: commit_entity: Headers and body for URL %s cached.", w.place.key)
	return nil
}

func (w *writer) commit() error {
	st, err := w.data.Stat()
	if err != nil {
		return err
	}
	if err := w.data.Close(); err != nil {
		return err
	}
	p := w.place
	if w.vary != nil {
		if err := replace(p.root, p.base+".header", server.EncodeCacheVary(w.info.Expires, w.vary)); err != nil {
			return err
		}
		p = p.varied(w.r, w.vary)
	} else {
		os.RemoveAll(p.base + ".header.vary")
	}
	sys := st.Sys().(*syscall.Stat_t)
	if err := replace(p.root, p.base+".header", server.EncodeCacheHead(p.key, &w.info, sys.Ino, uint64(sys.Dev), &w.out, &w.in)); err != nil {
		return err
	}
	return os.Rename(w.data.Name(), p.base+".data")
}

// replace puts a file in its place, whole or not at all.
func replace(root, name string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(root, "aptmp")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

func refresh(r *server.Request, e *server.CacheEntry) error {
	p, ok := placeOf(r, e.Key)
	if !ok || e.File == nil {
		return errors.New("no file")
	}
	if text, err := os.ReadFile(p.base + ".header"); err == nil {
		if names, ok := server.DecodeCacheVary(text); ok {
			p = p.varied(r, names)
		}
	}
	st, err := e.File.Stat()
	if err != nil {
		return cause(err)
	}
	sys := st.Sys().(*syscall.Stat_t)
	return cause(replace(p.root, p.base+".header", server.EncodeCacheHead(e.Key, &e.Info, sys.Ino, uint64(sys.Dev), &e.Out, &e.In)))
}

func remove(r *server.Request, key string) error {
	p, ok := placeOf(r, key)
	if !ok {
		return nil
	}
	if text, err := os.ReadFile(p.base + ".header"); err == nil {
		if names, ok := server.DecodeCacheVary(text); ok {
			p = p.varied(r, names)
		}
	}
	err := os.Remove(p.base + ".header")
	if derr := os.Remove(p.base + ".data"); err == nil {
		err = derr
	}
	for dir := filepath.Dir(p.base); len(dir) > len(p.root); dir = filepath.Dir(dir) {
		if os.Remove(dir) != nil {
			break
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return cause(err)
	}
	return nil
}

// cause is the errno in an error of package os.
func cause(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return path.Err
	case errors.As(err, &link):
		return link.Err
	}
	return err
}
