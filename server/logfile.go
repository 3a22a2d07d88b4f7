package server

import (
	"bytes"
	"io"
	"sync/atomic"
	"unsafe"
)

// LogOpener opens what a log directive names: a path, or "|program". The
// parent opens and starts; a child is handed the descriptors and finds them
// under the same words.
type LogOpener interface {
	// OpenLog gives the destination named by spec, which is a path made
	// absolute or starts with "|". Two calls with one spec give one writer.
	// Each Write is one or more whole lines and reaches the file in one piece.
	// A program that does not read makes it fail with EAGAIN; it never waits.
	OpenLog(spec string) (io.Writer, error)
	// LogBuffer gives the place where lines for that destination may wait to be
	// written together. What is in it when the process is killed is written by
	// its parent.
	LogBuffer(spec string) *LogBuffer
}

// LogBuffer holds the lines that a process has not written to one log yet. It
// lies in memory that another process can read; see LogOpener. Its methods are
// not safe for concurrent use.
type LogBuffer struct {
	used *atomic.Uint32
	data []byte
}

// LogBufferSize is the memory of a LogBuffer in bytes, LogBufferHead of which
// are the number of bytes used.
const (
	LogBufferSize = 64 << 10
	LogBufferHead = 8
)

// NewLogBuffer makes a buffer of LogBufferSize bytes of zeroed memory; nil is
// memory of this process alone.
func NewLogBuffer(mem []byte) *LogBuffer {
	if mem == nil {
		mem = make([]byte, LogBufferSize)
	}
	return &LogBuffer{used: (*atomic.Uint32)(unsafe.Pointer(&mem[0])), data: mem[LogBufferHead:LogBufferSize]}
}

// Bytes is what waits. It is valid until the next Add or Cut.
func (b *LogBuffer) Bytes() []byte { return b.data[:b.used.Load()] }

// Space is the free part, empty and with its size as capacity: lines are
// appended to it and then made part of the buffer by Add.
func (b *LogBuffer) Space() []byte {
	n := b.used.Load()
	return b.data[n:n]
}

// Add takes in n bytes that were appended to Space.
func (b *LogBuffer) Add(n int) { b.used.Store(b.used.Load() + uint32(n)) }

// Cut takes out the first n bytes.
func (b *LogBuffer) Cut(n int) {
	rest := b.Bytes()[n:]
	if len(rest) > 0 {
		b.used.Store(0) // a process that is killed here loses lines rather than tears them
		copy(b.data, rest)
	}
	b.used.Store(uint32(len(rest)))
}

// CutLines takes out whole lines from the front until n bytes are free, and
// tells how many there were.
func (b *LogBuffer) CutLines(n int) (lines int) {
	waiting := b.Bytes()
	need := n - (len(b.data) - len(waiting))
	if need <= 0 {
		return 0
	}
	end := len(waiting)
	if need < end {
		if i := bytes.IndexByte(waiting[need-1:], '\n'); i >= 0 {
			end = need + i
		}
	}
	lines = bytes.Count(waiting[:end], []byte("\n"))
	b.Cut(end)
	return lines
}
