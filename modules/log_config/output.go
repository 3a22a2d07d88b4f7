package log_config

import (
	"bytes"
	"io"
	"sync"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

// output gathers the lines that this process writes to one log. What is
// written is always whole lines, so that processes which share the file never
// tear each other's.
type output struct {
	mu      sync.Mutex
	w       io.Writer
	buf     []byte
	limit   int // bytes at which the buffer is written at once
	pipe    bool
	err     error // of a flush by the timer, told with the next line
	flusher *flusher
}

const (
	fileBuffer = 64 << 10
	pipeBuffer = 4096 // PIPE_BUF: a write to a pipe is whole up to here
)

func newOutput(w io.Writer, pipe bool) *output {
	o := &output{w: w, limit: fileBuffer, pipe: pipe}
	if pipe {
		o.limit = pipeBuffer
	}
	return o
}

// line adds the line that f appends. The error may be that of earlier lines.
func (o *output) line(f func([]byte) []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	start := len(o.buf)
	o.buf = f(o.buf)
	if len(o.buf) >= o.limit {
		if o.pipe && start > 0 && len(o.buf) > o.limit {
			last := append([]byte(nil), o.buf[start:]...)
			o.buf = o.buf[:start]
			o.flushLocked()
			o.buf = append(o.buf, last...)
		} else {
			o.flushLocked()
		}
	}
	if o.flusher == nil || !o.flusher.running() {
		o.flushLocked()
	}
	err := o.err
	o.err = nil
	return err
}

func (o *output) flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.flushLocked()
}

// flushLocked writes the buffer. What a full disk refuses is kept while it
// fits, from its first whole line, and tried again with the next flush.
func (o *output) flushLocked() {
	if len(o.buf) == 0 {
		return
	}
	n, err := o.w.Write(o.buf)
	if err == nil {
		o.buf = o.buf[:0]
		return
	}
	o.err = err
	if n > 0 { // part of it is out: go on behind the last whole line
		if i := bytes.LastIndexByte(o.buf[:n], '\n'); i >= 0 {
			n = i + 1
		}
	}
	rest := o.buf[n:]
	if len(rest) > 16*fileBuffer {
		rest = rest[bytes.IndexByte(rest[len(rest)-8*fileBuffer:], '\n')+1+len(rest)-8*fileBuffer:]
	}
	o.buf = append(o.buf[:0], rest...)
}

// flusher writes all outputs of a generation once a second.
type flusher struct {
	outs []*output
	mu   sync.Mutex
	stop chan struct{}
}

func (f *flusher) running() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stop != nil
}

func startFlusher(g *server.Generation) error {
	f := slot.Of(g.Config.Main).flusher
	stop := make(chan struct{})
	f.mu.Lock()
	f.stop = stop
	f.mu.Unlock()
	go func() {
		t := time.NewTicker(time.Second)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				f.flush()
			case <-stop:
				return
			}
		}
	}()
	return nil
}

// stopFlusher writes what is left; later lines are written one by one.
func stopFlusher(g *server.Generation) error {
	f := slot.Of(g.Config.Main).flusher
	f.mu.Lock()
	if f.stop != nil {
		close(f.stop)
		f.stop = nil
	}
	f.mu.Unlock()
	f.flush()
	return nil
}

func (f *flusher) flush() {
	for _, o := range f.outs {
		o.flush()
	}
}
