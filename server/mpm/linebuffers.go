package mpm

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/donjon-httpd/donjon/server"
)

// A child gathers its access log lines in a memory file, with a buffer for each
// log of its generation. The parent keeps the file open and reads it when the
// child has ended: what was killed before it could write has lost nothing. The
// parent never maps it, because a child could make it shorter.

// newLineBuffers makes the memory file for a child's logs.
func newLineBuffers(logs int) (fd int, err error) {
	fd, err = unix.MemfdCreate("httpd-log-lines", unix.MFD_CLOEXEC)
	if err == nil {
		err = unix.Ftruncate(fd, int64(logs)*server.LogBufferSize)
	}
	if err != nil {
		return -1, fmt.Errorf("memory for log lines: %w", err)
	}
	return fd, nil
}

// mapLineBuffers is the child's side. The descriptor is closed.
func mapLineBuffers(fd int, specs []string) (map[string]*server.LogBuffer, error) {
	defer unix.Close(fd)
	buffers := map[string]*server.LogBuffer{}
	if len(specs) == 0 {
		return buffers, nil
	}
	mem, err := unix.Mmap(fd, 0, len(specs)*server.LogBufferSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_NORESERVE)
	if err != nil {
		return nil, fmt.Errorf("memory for log lines: %w", err)
	}
	for i, spec := range specs {
		buffers[spec] = server.NewLogBuffer(mem[i*server.LogBufferSize : (i+1)*server.LogBufferSize])
	}
	return buffers, nil
}

// salvage writes the lines that an ended child has left.
func (p *parentLogs) salvage(fd int) {
	for i, spec := range p.specs {
		at := int64(i) * server.LogBufferSize
		var head [server.LogBufferHead]byte
		if n, err := unix.Pread(fd, head[:], at); n < len(head) || err != nil {
			continue
		}
		used := binary.NativeEndian.Uint32(head[:])
		if used == 0 || used > server.LogBufferSize-server.LogBufferHead {
			continue
		}
		lines := make([]byte, used)
		if n, err := unix.Pread(fd, lines, at+server.LogBufferHead); n < len(lines) || err != nil {
			continue
		}
		if err := p.append(spec, lines); err != nil {
			corelog.Error(nil).Err(err).Msgf("AH00646: Error writing to %s: %d lines that an ended child has left are lost",
				spec, strings.Count(string(lines), "\n"))
		}
	}
}

// append writes lines to a log, at most PIPE_BUF bytes at once to a program.
func (p *parentLogs) append(spec string, lines []byte) error {
	w, most := p.writer(spec), len(lines)
	if strings.HasPrefix(spec, "|") {
		most = pipeBuf
	}
	for len(lines) > 0 {
		n := min(most, len(lines))
		if n < len(lines) {
			if i := strings.LastIndexByte(string(lines[:n]), '\n'); i >= 0 {
				n = i + 1
			}
		}
		if _, err := w.Write(lines[:n]); err != nil {
			return err
		}
		lines = lines[n:]
	}
	return nil
}

// logWriter writes to what is open for spec in the way that suits it.
func logWriter(spec string, f *os.File) io.Writer {
	switch {
	case isSyslog(spec):
		return syslogWriter(rawFD(f))
	case strings.HasPrefix(spec, "|"):
		return pipeWriter(rawFD(f))
	}
	return f
}

// pipeBuf is how much a write to a pipe may be to arrive whole (PIPE_BUF).
const pipeBuf = 4096

// pipeWriter writes to a pipe without waiting for who reads it.
type pipeWriter int

func (w pipeWriter) Write(b []byte) (int, error) {
	for {
		n, err := unix.Write(int(w), b)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return max(n, 0), err
		case n < len(b): // only what is longer than PIPE_BUF
			return n, unix.EAGAIN
		default:
			return n, nil
		}
	}
}
