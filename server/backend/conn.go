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
	exchange        func(fd uintptr) bool
	phase           int
	primed          []byte
	fd              int
	ahead           []byte
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
	b.exchange = b.exchangeStep
	b.peek = func(fd uintptr) { b.peeked = peek(fd) }
	if err := raw.Control(func(fd uintptr) { b.fd = int(fd) }); err != nil {
		return nil, err
	}
	return b, nil
}

// FD is the connection's descriptor, which is non-blocking, for one who reads and
// writes it without a goroutine. It is valid until Close.
func (c *Conn) FD() int { return c.fd }

// Ahead gives the next Reads bytes that somebody has read from the descriptor.
// They are not copied.
func (c *Conn) Ahead(p []byte) { c.ahead = p }

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

// Prime leaves a request for the next Read to send: see [Conn.Exchange]. A
// connection on which something happened while it waited unused gives [ErrGone]
// or [ErrSpoken] instead, and has sent nothing.
func (c *Conn) Prime(request []byte) { c.primed = request }

// Errors of a Read after Prime.
var (
	ErrGone   = errors.New("the connection was closed while it waited")
	ErrSpoken = errors.New("the other side has spoken first")
)

// Read gives what there is, and waits when there is nothing.
func (c *Conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(c.ahead) > 0 {
		n := copy(p, c.ahead)
		c.ahead = c.ahead[n:]
		return n, nil
	}
	if request := c.primed; request != nil {
		c.primed = nil
		n, state, _, err := c.Exchange(request, p)
		switch {
		case state == Gone:
			return 0, ErrGone
		case state == Spoken:
			return 0, ErrSpoken
		case n > 0 || err != nil:
			return n, err
		}
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

// Exchange is for a connection that has waited unused: it looks whether anything
// happened to it, sends a request and gives the beginning of the answer, with as
// few system calls as that takes. sent is false when the connection was Gone or
// had Spoken, or part of the request is still to be written: then n is 0 and the
// caller goes on by Write and Read.
func (c *Conn) Exchange(request, answer []byte) (n int, state State, sent bool, err error) {
	c.in, c.out, c.nOut = answer, request, 0
	c.phase = exchangeCheck
	if err := c.extend(&c.readUntil, c.Conn.SetReadDeadline); err != nil {
		return 0, Gone, false, err
	}
	err = c.raw.Read(c.exchange)
	c.in = nil
	rest := c.out
	c.out = nil
	switch {
	case c.phase == exchangeCheck && err == nil: // the first read gave something
		switch {
		case c.errIn == nil && c.nIn > 0:
			return 0, Spoken, false, nil
		default:
			return 0, Gone, false, nil
		}
	case c.errOut != nil || len(rest) > 0:
		if c.errOut == unix.EAGAIN || c.errOut == nil {
			_, err := c.Write(rest)
			return 0, Alive, err == nil, err
		}
		return 0, Alive, false, c.errOut
	case errors.Is(err, os.ErrDeadlineExceeded):
		return 0, Alive, true, ErrTimeout
	case err != nil:
		return 0, Alive, true, err
	case c.errIn != nil:
		return 0, Alive, true, c.errIn
	case c.nIn == 0:
		return 0, Alive, true, io.EOF
	}
	return c.nIn, Alive, true, nil
}

// Phases of Exchange.
const (
	exchangeCheck = iota
	exchangeAnswer
)

// exchangeStep is called until it is true, when the socket can be read. The first
// read must find nothing; the request goes out behind it, so that whatever comes
// afterwards wakes the goroutine up.
func (c *Conn) exchangeStep(fd uintptr) bool {
	c.readOnce(fd)
	if c.phase == exchangeAnswer {
		return c.errIn != unix.EAGAIN
	}
	if c.errIn != unix.EAGAIN {
		return true
	}
	c.phase = exchangeAnswer
	c.writeOnce(fd)
	return c.errOut != nil
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
