package server

import (
	"os"
	"sync"
	"time"
	"unsafe"
)

// fileForms remembers what codings made of files that were sent, so that an
// unchanged file is coded once. As in fileCache, what is remembered counts only
// while the look-up of this very request shows the same file.
type fileForms struct {
	mu    sync.RWMutex
	most  int64 // bytes of all forms
	forms map[formKey]*fileForm
	bytes int64
}

type formKey struct{ name, coding string }

type fileForm struct {
	info Finfo
	data []byte // shared by responses, never written to
}

const formSize = 8 << 20 // of a form at most

// wholeFile is the file that a bucket holds all of: what tells a response that
// no filter has changed from others.
type wholeFile struct {
	name string
	info Finfo
	file *os.File // one of both
	mem  []byte
	sure bool // mem was read while the file looked like info
}

// wholeFile gives the file that the brigade is, from its first byte to its
// last; nil for any other response.
func (b *Brigade) wholeFile() *wholeFile {
	if !b.EOS || len(b.Buckets) != 1 {
		return nil
	}
	k := &b.Buckets[0]
	w := k.whole
	switch {
	case w == nil:
		return nil
	case k.File != nil:
		if k.File != w.file || k.Off != 0 || k.Len != w.info.Size {
			return nil
		}
	case len(k.Mem) != len(w.mem) || unsafe.SliceData(k.Mem) != unsafe.SliceData(w.mem):
		return nil
	}
	return w
}

func (c *fileForms) get(w *wholeFile, coding string) ([]byte, bool) {
	c.mu.RLock()
	f := c.forms[formKey{w.name, coding}]
	c.mu.RUnlock()
	if f == nil || !f.info.same(&w.info) {
		return nil, false
	}
	return f.data, true
}

// put remembers a form that was made of a file's bytes, if these are surely
// those of the file that was looked up.
func (c *fileForms) put(w *wholeFile, coding string, data []byte) {
	if int64(len(data)) > min(formSize, c.most) || !w.sure && !w.isSure() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.forms == nil {
		c.forms = map[formKey]*fileForm{}
	}
	key, f := formKey{w.name, coding}, &fileForm{w.info, data}
	if old := c.forms[key]; old != nil {
		c.bytes -= int64(len(old.data))
	}
	c.forms[key] = f
	c.bytes += int64(len(f.data))
	for victim, v := range c.forms { // a map's order is as good as any
		if c.bytes <= c.most {
			break
		}
		if v != f {
			c.bytes -= int64(len(v.data))
			delete(c.forms, victim)
		}
	}
}

func (w *wholeFile) isSure() bool {
	if w.file == nil {
		return false
	}
	st, err := w.file.Stat()
	if err != nil {
		return false
	}
	opened := FinfoOf(st)
	return opened.same(&w.info) && time.Since(w.info.Mtime) > cachedFileAge
}
