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
// tear each other's. A disk that is full or a program that does not read makes
// lines wait, and when the buffer is full the oldest go.
type output struct {
	mu      sync.Mutex
	spec    string
	w       io.Writer
	buf     *server.LogBuffer
	most    int  // bytes of one write
	failing bool // the last write failed, which was told
	dropped int  // lines lost since
	flusher *flusher
}

const (
	fileWrite = server.LogBufferSize
	pipeWrite = 4096 // PIPE_BUF: a write to a pipe is whole up to here
	fullAt    = server.LogBufferSize * 3 / 4
)

func newOutput(spec string, w io.Writer, buf *server.LogBuffer, pipe bool) *output {
	o := &output{spec: spec, w: w, buf: buf, most: fileWrite}
	if pipe {
		o.most = pipeWrite
	}
	return o
}

// line adds the line that f appends.
func (o *output) line(f func([]byte) []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	space := o.buf.Space()
	line := f(space)
	if len(line) <= cap(space) {
		o.buf.Add(len(line))
	} else { // f's append has moved it
		o.flushLocked()
		if n := o.buf.CutLines(min(len(line), fullAt)); n > 0 {
			o.dropped += n
		}
		if space = o.buf.Space(); len(line) <= cap(space) {
			o.buf.Add(copy(space[:len(line)], line))
		} else if _, err := o.w.Write(line); err != nil {
			o.failed(err)
			o.dropped++
		}
	}
	waiting := len(o.buf.Bytes())
	if waiting >= fullAt || o.most == pipeWrite && waiting >= pipeWrite && !o.failing || o.flusher == nil || !o.flusher.running() {
		o.flushLocked()
	}
}

func (o *output) flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.flushLocked()
}

// flushLocked writes what waits. What is refused stays and is tried again with
// the next flush, from its first whole line.
func (o *output) flushLocked() {
	for {
		all := o.buf.Bytes()
		if len(all) == 0 {
			break
		}
		n, err := o.w.Write(portion(all, o.most))
		if err != nil {
			if i := bytes.LastIndexByte(all[:n], '\n'); i >= 0 {
				o.buf.Cut(i + 1)
			}
			o.failed(err)
			return
		}
		o.buf.Cut(n)
	}
	if o.failing {
		o.failing = false
		elog.Notice(nil).Msgf("writing to %s again; %d lines were lost", o.spec, o.dropped)
		o.dropped = 0
	}
}

// portion is the whole lines that are written at once: as many as fit in most
// bytes, but at least one.
func portion(lines []byte, most int) []byte {
	if len(lines) <= most {
		return lines
	}
	if i := bytes.LastIndexByte(lines[:most], '\n'); i >= 0 {
		return lines[:i+1]
	}
	if i := bytes.IndexByte(lines, '\n'); i >= 0 {
		return lines[:i+1]
	}
	return lines
}

// failed says once that a log cannot be written.
func (o *output) failed(err error) {
	if !o.failing {
		o.failing = true
		elog.Warn(nil).Err(err).Msgf("AH00646: Error writing to %s", o.spec)
	}
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
