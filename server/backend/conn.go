// Package backend is the connections to other servers: what is dialled, kept
// and read for the proxy modules. It knows sockets and no protocol.
package backend

import (
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Conn is a connection to a backend. Timeout bounds each wait, not the whole of
// a read. One goroutine may read while another writes.
type Conn struct {
	net.Conn
	raw     syscall.RawConn
	timeout time.Duration

	readUntil, writeUntil time.Time // the deadlines that are set

	// Of the read and the write that are under way, for the functions that were
	// made once.
	in, out         []byte
	nIn, nOut       int
	errIn, errOut   error
	tryIn, tryOut   func(fd uintptr) bool
	peeked          int
	peek            func(fd uintptr)
	waitIn, waitOut func(fd uintptr) bool
	interrupted     atomic.Bool
}

// ErrTimeout is a backend that took too long.
var ErrTimeout error = timeoutError{}

type timeoutError struct{}

func (timeoutError) Error() string   { return "(70007)The timeout specified has expired" }
func (timeoutError) Timeout() bool   { return true }
func (timeoutError) Temporary() bool { return true }

// New makes a connection of one that was dialled, which must be a TCP or a Unix
// stream socket.
func New(c net.Conn, timeout time.Duration) (*Conn, error) {
	s, ok := c.(syscall.Conn)
	if !ok {
		return nil, errors.New("backend: not a socket")
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return nil, err
	}
	b := &Conn{Conn: c, raw: raw, timeout: timeout}
	b.tryIn = func(fd uintptr) bool { b.readOnce(fd); return true }
	b.waitIn = func(fd uintptr) bool { b.readOnce(fd); return b.errIn != unix.EAGAIN }
	b.tryOut = func(fd uintptr) bool { b.writeOnce(fd); return true }
	b.waitOut = func(fd uintptr) bool { b.writeOnce(fd); return b.errOut != unix.EAGAIN }
	b.peek = func(fd uintptr) { b.peeked = peek(fd) }
	return b, nil
}

// FromFD makes a connection of a connected socket, which it owns from then on.
func FromFD(fd int, timeout time.Duration) (*Conn, error) {
	f := os.NewFile(uintptr(fd), "backend")
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	return New(c, timeout)
}

// SetTimeout bounds waits from now on; 0 is no bound.
func (c *Conn) SetTimeout(d time.Duration) { c.timeout = d }

func (c *Conn) readOnce(fd uintptr) {
	for {
		n, _, e := unix.RawSyscall(unix.SYS_READ, fd, uintptr(unsafe.Pointer(unsafe.SliceData(c.in))), uintptr(len(c.in)))
		if e == unix.EINTR {
			continue
		}
		c.nIn, c.errIn = int(n), nil
		if e != 0 {
			c.nIn, c.errIn = 0, e
		}
		return
	}
}

func (c *Conn) writeOnce(fd uintptr) {
	for len(c.out) > 0 {
		n, _, e := unix.RawSyscall6(unix.SYS_SENDTO, fd, uintptr(unsafe.Pointer(unsafe.SliceData(c.out))), uintptr(len(c.out)), unix.MSG_NOSIGNAL, 0, 0)
		switch e {
		case unix.EINTR:
			continue
		case 0:
			c.nOut += int(n)
			c.out = c.out[n:]
			continue
		}
		c.errOut = e
		return
	}
	c.errOut = nil
}

// Read gives what there is, and waits when there is nothing.
func (c *Conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	c.in = p
	err := c.raw.Read(c.tryIn)
	if err == nil && c.errIn == unix.EAGAIN {
		if err = c.extend(&c.readUntil, c.Conn.SetReadDeadline); err == nil {
			err = c.raw.Read(c.waitIn)
		}
	}
	c.in = nil
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return 0, ErrTimeout
	case err != nil:
		return 0, err
	case c.errIn != nil:
		return 0, c.errIn
	case c.nIn == 0:
		return 0, io.EOF
	}
	return c.nIn, nil
}

// Write writes all of p.
func (c *Conn) Write(p []byte) (int, error) {
	c.out, c.nOut = p, 0
	err := c.raw.Write(c.tryOut)
	for err == nil && c.errOut == unix.EAGAIN {
		before := c.nOut
		if err = c.extend(&c.writeUntil, c.Conn.SetWriteDeadline); err == nil {
			err = c.raw.Write(c.waitOut)
		}
		if err == nil && c.errOut == unix.EAGAIN && c.nOut == before {
			break
		}
	}
	c.out = nil
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return c.nOut, ErrTimeout
	case err != nil:
		return c.nOut, err
	}
	return c.nOut, c.errOut
}

// extend moves a deadline on when it is nearer than the timeout. One that is far
// is set with some room, so that a busy connection moves it seldom.
func (c *Conn) extend(until *time.Time, set func(time.Time) error) error {
	if c.interrupted.Load() {
		return os.ErrDeadlineExceeded
	}
	now := time.Now()
	if c.timeout <= 0 {
		if until.IsZero() {
			return nil
		}
		*until = time.Time{}
		return set(*until)
	}
	if want := now.Add(c.timeout); until.Before(want) || until.Sub(want) > time.Second {
		*until = want
		if c.timeout >= 10*time.Second {
			*until = want.Add(time.Second)
		}
		return set(*until)
	}
	return nil
}

// State is what a connection that waits unused has come to.
type State int

const (
	Alive  State = iota // nothing happened
	Gone                // the other side closed it, or it failed
	Spoken              // the other side has sent what nobody asked for
)

// Check looks at a connection that waits unused; nothing is read.
func (c *Conn) Check() State {
	if c.raw.Control(c.peek) != nil {
		return Gone
	}
	switch c.peeked {
	case 1:
		return Spoken
	case -1:
		return Alive
	}
	return Gone
}

func peek(fd uintptr) int {
	var b [1]byte
	n, _, e := unix.RawSyscall6(unix.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(&b[0])), 1, unix.MSG_PEEK|unix.MSG_DONTWAIT, 0, 0)
	switch {
	case e == unix.EAGAIN, e == unix.EINTR:
		return -1
	case e != 0 || n == 0:
		return 0
	}
	return 1
}

// Readable tells whether something, or the end, can be read without waiting.
func (c *Conn) Readable() bool { return c.Check() != Alive }

// ReadableWithin waits for something to be read, or the end, for a while.
func (c *Conn) ReadableWithin(d time.Duration) bool {
	if c.Readable() {
		return true
	}
	c.readUntil = time.Now().Add(d)
	if c.Conn.SetReadDeadline(c.readUntil) != nil {
		return true
	}
	c.raw.Read(func(fd uintptr) bool { return peek(fd) >= 0 }) //nolint:errcheck // the next look tells
	return c.Readable()
}

// CloseWrite says that nothing more will be sent.
func (c *Conn) CloseWrite() error {
	if w, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return nil
}

// Interrupt ends a read and a write that wait, and all that follow.
func (c *Conn) Interrupt() {
	c.interrupted.Store(true)
	c.Conn.SetDeadline(time.Unix(1, 0)) //nolint:errcheck // it is closed then
}
