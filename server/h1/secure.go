package h1

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// secure is the encryption of a connection. Package tls is given a net.Conn that
// never waits: what it writes is gathered, and a read that would have to wait
// fails with errAgain, after which tls can be asked again. So the loop can read
// and answer encrypted requests by itself, and a connection that waits for a
// request has no goroutine here either. While a goroutine shakes hands or has
// given the connection away, reads wait.
type secure struct {
	c     *conn
	conf  *server.Secure
	tls   *tls.Conn
	out   []byte // records that have not been sent
	pre   []byte // read ahead of the first record
	raw   int64  // bytes read from the socket
	done  bool   // the handshake is over
	waits bool   // reads wait
	limit time.Time
	given net.Conn // under which the connection was given away; nil while it is the engine's

	records recordCounter
}

// again is the error of a read that would wait. Package tls keeps a connection
// whose reads fail with a temporary error.
type again struct{}

func (again) Error() string   { return "nothing to read yet" }
func (again) Timeout() bool   { return true }
func (again) Temporary() bool { return true }

var errAgain error = again{}

var (
	_ net.Conn       = (*secure)(nil)
	_ net.Error      = again{}
	_ server.Carrier = (*secure)(nil)
)

func newSecure(c *conn, conf *server.Secure) *secure {
	s := &secure{c: c, conf: conf}
	s.tls = tls.Server(s, conf.Config)
	return s
}

func (s *secure) ServerConn() *server.Conn { return &s.c.info }

// Read is for package tls.
func (s *secure) Read(p []byte) (int, error) {
	if s.given != nil {
		return s.given.Read(p)
	}
	if len(s.pre) > 0 {
		n := copy(p, s.pre)
		s.pre = s.pre[n:]
		s.records.took(p[:n], false)
		return n, nil
	}
	for {
		n, err := read(s.c.fd, p)
		switch {
		case n > 0:
			s.raw += int64(n)
			s.records.took(p[:n], n < len(p))
			return n, nil
		case err == unix.EINTR:
		case err == unix.EAGAIN && !s.waits:
			return 0, errAgain
		case err == unix.EAGAIN:
			if err := s.flush(); err != nil {
				return 0, err
			}
			left := time.Until(s.limit)
			if left <= 0 {
				return 0, errTimeout
			}
			if err := s.c.waitAs(&s.c.loop.crew.WaitIO, left); err != nil {
				return 0, err
			}
		case err != nil:
			return 0, err
		default:
			return 0, io.EOF
		}
	}
}

// Write gathers records; they are sent by flush.
func (s *secure) Write(p []byte) (int, error) {
	if s.given != nil {
		return s.given.Write(p)
	}
	s.out = append(s.out, p...)
	return len(p), nil
}

// Close is for package tls, which has sent its farewell before.
func (s *secure) Close() error                     { return nil }
func (s *secure) LocalAddr() net.Addr              { return net.TCPAddrFromAddrPort(s.c.info.Local) }
func (s *secure) RemoteAddr() net.Addr             { return net.TCPAddrFromAddrPort(s.c.info.Remote) }
func (s *secure) SetDeadline(time.Time) error      { return nil }
func (s *secure) SetReadDeadline(time.Time) error  { return nil }
func (s *secure) SetWriteDeadline(time.Time) error { return nil }

// flush sends what was gathered, waiting as long as Timeout allows each time.
func (s *secure) flush() error {
	if len(s.out) == 0 {
		return nil
	}
	err := s.c.writeRaw(s.out, 0)
	s.out = s.out[:0]
	return err
}

// recordBuffers are for what is gathered in one go.
var recordBuffers = sync.Pool{New: func() any { b := make([]byte, 0, 17<<10); return &b }}

// write encrypts and sends.
func (s *secure) write(p []byte) error {
	if len(s.out) == 0 && cap(s.out) == 0 {
		bp := recordBuffers.Get().(*[]byte)
		defer func() { *bp = (*bp)[:0]; recordBuffers.Put(bp); s.out = nil }()
		s.out = (*bp)[:0]
	}
	for len(p) > 0 {
		n := min(len(p), maxPlain)
		if _, err := s.tls.Write(p[:n]); err != nil {
			return err
		}
		if err := s.flush(); err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// maxPlain is what goes into one record.
const maxPlain = 16 << 10

// recv reads once: EAGAIN when nothing has come.
func (c *conn) recv(p []byte) (int, error) {
	s := c.sec
	if s == nil {
		return read(c.fd, p)
	}
	before := s.raw
	n, err := s.tls.Read(p)
	c.bytesIn += s.raw - before - int64(n) // the caller counts n
	switch {
	case n > 0:
		s.records.gave(n < len(p))
		return n, nil
	case err == errAgain:
		s.records.whole = 0 // what is neither data nor a handshake has been taken in too
		return 0, unix.EAGAIN
	case err == nil, errors.Is(err, io.EOF):
		return 0, nil
	}
	return 0, err
}

// drained tells whether nothing can be read without an event of the socket,
// after a read of n bytes of so many that there was room for.
func (c *conn) drained(n, room int) bool {
	if c.sec != nil {
		return c.sec.records.drained()
	}
	return n < room
}

// begin reads what stands before the encryption, if anything does, and shakes
// hands. It answers false when the connection must end.
func (c *conn) begin() bool {
	if c.preface != nil {
		s := c.sec
		c.sec = nil // it comes in clear
		ok := c.readPreface()
		if c.sec = s; !ok {
			return false
		}
		s.pre, c.buf = c.buf, nil
	}
	return c.handshake()
}

// handshake makes a new connection ready for requests. It answers false when it
// must end.
func (c *conn) handshake() bool {
	s := c.sec
	s.waits, s.limit = true, time.Now().Add(c.handshakeTime())
	err := s.tls.Handshake()
	if err == nil {
		err = s.flush()
	} else {
		s.flush() //nolint:errcheck // an alert
	}
	s.waits, s.done, s.out = false, true, nil
	c.bytesIn += s.raw
	plain := s.conf.Done(&c.info, s.tls, err)
	switch {
	case err == nil:
		c.info.TLS = true
		c.arrival = c.loop.secured(c.arrival, c.info.Named)
		return true
	case plain:
		// Apache goes on as with a request for / that it will not answer.
		c.sec = nil
		c.buf = []byte("GET / HTTP/1.0\r\n\r\n")
		return true
	}
	return false
}

func (c *conn) handshakeTime() time.Duration {
	limit := c.timeout()
	if first := c.reads.Handshake.First; first > 0 {
		limit = min(limit, first)
	}
	return limit
}

// farewell tells the client that nothing more will come.
func (s *secure) farewell() {
	if !s.done || s.given != nil || s.tls.CloseWrite() != nil {
		return
	}
	if len(s.out) > 0 {
		send(s.c.fd, s.out, unix.MSG_NOSIGNAL) //nolint:errcheck // it may be gone
		s.out = nil
	}
}

// secureArrival is what connections have in common that came encrypted to one
// address and named the same host.
type secureArrival struct {
	arrival uint32
	host    *directives.Server
}

// secured is the number of an encrypted connection in the keys of prepared
// answers: those for one host's clients must not go to another's.
func (l *Loop) secured(arrival uint32, host *directives.Server) uint32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := secureArrival{arrival, host}
	i := slices.Index(l.secures, k)
	if i < 0 {
		i = len(l.secures)
		l.secures = append(l.secures, k)
	}
	return 1<<31 | uint32(i)
}

// recordCounter knows when all records that were read have been taken in, by
// their frames: five bytes of head, of which the last two are the length.
type recordCounter struct {
	left  int // bytes of the record that is under way
	head  [5]byte
	have  int // bytes of its head
	whole int // records that came and were not given out
	dry   bool
}

// took is told of bytes that were read; dry: there were no more.
func (r *recordCounter) took(p []byte, dry bool) {
	r.dry = dry
	for len(p) > 0 {
		if r.left > 0 {
			n := min(r.left, len(p))
			r.left -= n
			p = p[n:]
			if r.left == 0 {
				r.whole++
			}
			continue
		}
		n := copy(r.head[r.have:], p)
		r.have += n
		p = p[n:]
		if r.have == len(r.head) {
			r.have = 0
			if r.left = int(r.head[3])<<8 | int(r.head[4]); r.left == 0 {
				r.whole++
			}
		}
	}
}

// gave is told that data of a record was given out, all of it or not.
func (r *recordCounter) gave(all bool) {
	if all {
		r.whole--
	} else {
		r.dry = false // there is more of it
	}
}

// drained tells whether all that came was one record of data after another, and
// given out. A record without data has it say no, which costs a read.
func (r *recordCounter) drained() bool { return r.dry && r.whole == 0 && r.left == 0 && r.have == 0 }
