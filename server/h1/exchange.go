package h1

import (
	"errors"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/scoreboard"
)

// exchange takes one response out.
type exchange struct {
	c       *conn
	started bool
	failed  bool
	account func() // puts the byte counts into the request
	body    *body  // of the request; nil for none

	worker *scoreboard.Worker // who answers; nil when it was let go
	r      *server.Request

	key      []byte    // under which the response may be kept; nil: it is not
	prepared *prepared // what is kept of it
	raw      []byte    // the request's head as it came
	learning learning

	halfClosed time.Time // when Gone saw first that the client sends no more
}

var _ server.Exchange = (*exchange)(nil)

func (x *exchange) Drop() {
	x.c.info.Close = true
	if x.account != nil {
		x.account()
	}
}

// Interim sends a 1xx response.
func (x *exchange) Interim(r *server.Request, status int) error {
	if status == 100 && x.body != nil {
		x.body.f.expect = false // somebody else has asked for it
	}
	if !r.ProtoAtLeast(1, 1) {
		return nil
	}
	text := server.StatusText(status)
	if l := r.StatusLine; len(l) > 4 && l[3] == ' ' && l[:3] == strconv.Itoa(status) {
		text = l
	}
	b := append([]byte("HTTP/1.1 "), text...)
	b = append(b, "\r\n"...)
	b = appendFields(b, r)
	return x.c.writeAll(append(b, "\r\n"...))
}

// dateNow is the Date field's value, made once a second.
var dateNow atomic.Pointer[dated]

type dated struct {
	sec  int64
	text string
}

func date() string {
	now := time.Now()
	if d := dateNow.Load(); d != nil && d.sec == now.Unix() {
		return d.text
	}
	d := &dated{now.Unix(), now.UTC().Format(http.TimeFormat)}
	dateNow.Store(d)
	return d.text
}

func appendFields(b []byte, r *server.Request) []byte {
	for _, f := range r.Out.All() {
		b = append(b, f.Name...)
		b = append(b, ": "...)
		b = append(b, f.Value...)
		b = append(b, "\r\n"...)
	}
	return b
}

// appendHead writes the status line and the fields: Date and Server first,
// unless the response brings its own Date or Server (basic_http_header).
func appendHead(b []byte, r *server.Request) []byte {
	b = append(b, r.Protocol...)
	b = append(b, ' ')
	b = append(b, r.StatusLine...)
	b = append(b, "\r\nDate: "...)
	if d, ok := r.Out.Lookup("Date"); ok && r.Proxied {
		b = append(b, d...)
	} else {
		b = append(b, date()...)
	}
	r.Out.Unset("Date")
	b = append(b, "\r\nServer: "...)
	if s, ok := r.Out.Lookup("Server"); ok && r.Proxied {
		b = append(b, s...)
	} else {
		b = append(b, r.Gen.Banner()...)
	}
	r.Out.Unset("Server")
	b = append(b, "\r\n"...)
	b = appendFields(b, r)
	return append(b, "\r\n"...)
}

// Body writes a brigade; the first one brings the head with it.
func (x *exchange) Body(r *server.Request, b *server.Brigade) error {
	if x.failed {
		return errors.New("the connection is gone")
	}
	var out []byte
	if !x.started {
		x.started = true
		x.learn(r, b)
		if !r.Simple {
			out = appendHead(make([]byte, 0, 1024), r)
		}
		x.learning.check(out, r)
		x.c.first = time.Now()
		if x.key != nil {
			x.prepared = prepare(r, b)
		}
	}
	x.learning.passed(b)
	if t := x.c.info.Tap; t != nil && t.Out != nil {
		x.tap(t, r, b, out)
	}
	sent := b.Size()
	chunk := r.Chunked && sent > 0 // one for a brigade, as Apache's filter makes them
	if chunk {
		out = strconv.AppendInt(out, sent, 16)
		out = append(out, "\r\n"...)
	}
	for _, k := range b.Buckets {
		if k.Size() == 0 {
			continue
		}
		if k.File != nil {
			if err := x.file(r, &out, k); err != nil {
				return x.fail(err)
			}
		} else {
			out = append(out, k.Mem...)
			if len(out) > 64<<10 {
				if err := x.c.writeAll(out); err != nil {
					return x.fail(err)
				}
				out = out[:0]
			}
		}
	}
	if chunk {
		out = append(out, "\r\n"...)
	}
	r.Top().SentBody += sent
	if r.Top() != r {
		r.SentBody += sent
	}
	if b.EOS && r.Chunked {
		out = append(out, "0\r\n\r\n"...)
	}
	if len(out) > 0 {
		if err := x.c.writeAll(out); err != nil {
			return x.fail(err)
		}
	}
	if b.EOS && x.account != nil {
		x.account()
	}
	return nil
}

// tap shows a brigade as it is sent: the head by itself, and chunks with their lines.
func (x *exchange) tap(t *server.Tap, r *server.Request, b *server.Brigade, head []byte) {
	if len(head) > 0 {
		t.Out(&x.c.info, &server.Brigade{Buckets: []server.Bucket{{Mem: head}}})
	}
	shown := *b
	if n := b.Size(); r.Chunked && n > 0 {
		line := server.Bucket{Mem: append(strconv.AppendInt(nil, n, 16), "\r\n"...)}
		shown.Buckets = append(append([]server.Bucket{line}, b.Buckets...), server.Bucket{Mem: []byte("\r\n")})
	}
	if r.Chunked && b.EOS {
		shown.Buckets = append(shown.Buckets[:len(shown.Buckets):len(shown.Buckets)], server.Bucket{Mem: []byte("0\r\n\r\n")})
	}
	t.Out(&x.c.info, &shown)
}

func (x *exchange) fail(err error) error {
	x.failed = true
	x.c.info.Aborted, x.c.info.Close = true, true
	if x.account != nil {
		x.account()
	}
	return err
}

// smallFile is what is read and sent together with the head; a larger file is
// sent by the kernel.
const smallFile = 32 << 10

func (x *exchange) file(r *server.Request, out *[]byte, k server.Bucket) error {
	if k.Len <= smallFile {
		at := len(*out)
		*out = append(*out, make([]byte, k.Len)...)
		n, err := k.File.ReadAt((*out)[at:], k.Off)
		if int64(n) < k.Len {
			if err == nil {
				err = errors.New("the file became shorter")
			}
			return err
		}
		return nil
	}
	if len(*out) > 0 {
		if err := x.c.writeMore(*out); err != nil {
			return err
		}
		*out = (*out)[:0]
	}
	if !usesSendfile(r) {
		return x.copyFile(k)
	}
	return x.c.sendfile(int(k.File.Fd()), k.Off, k.Len)
}

// usesSendfile tells whether the kernel may send files: unless EnableSendfile
// Off says that it must not, for file systems that cannot.
func usesSendfile(r *server.Request) bool {
	return server.CoreDir.Of(r.Dir).EnableSendfile.Else(true)
}

// copyFile sends a piece of a file by reading it.
func (x *exchange) copyFile(k server.Bucket) error {
	buf := make([]byte, min(k.Len, 64<<10))
	for at, end := k.Off, k.Off+k.Len; at < end; {
		n, err := k.File.ReadAt(buf[:min(int64(len(buf)), end-at)], at)
		if n == 0 {
			if err == nil || err == io.EOF {
				err = errors.New("the file became shorter")
			}
			return err
		}
		if err := x.c.writeAll(buf[:n]); err != nil {
			return err
		}
		at += int64(n)
	}
	return nil
}

// encryptFile is sendfile for an encrypted connection.
func (c *conn) encryptFile(fd int, off, n int64) error {
	buf := make([]byte, min(n, 4*maxPlain))
	for n > 0 {
		m, err := unix.Pread(fd, buf[:min(int64(len(buf)), n)], off)
		if m <= 0 {
			if err == nil {
				err = errors.New("the file became shorter")
			}
			return err
		}
		if err := c.sec.write(buf[:m]); err != nil {
			return err
		}
		off, n = off+int64(m), n-int64(m)
	}
	return nil
}

// writeAll writes to the socket, waiting as long as Timeout allows each time.
func (c *conn) writeAll(p []byte) error { return c.write(p, 0) }

// writeMore is writeAll for a head that a file follows at once.
func (c *conn) writeMore(p []byte) error { return c.write(p, unix.MSG_MORE) }

func (c *conn) write(p []byte, flags int) error {
	if c.sec != nil {
		return c.sec.write(p)
	}
	return c.writeRaw(p, flags)
}

// writeRaw writes to the socket what it carries, encrypted or not.
func (c *conn) writeRaw(p []byte, flags int) error {
	for len(p) > 0 {
		n, err := send(c.fd, p, flags|unix.MSG_NOSIGNAL)
		if n > 0 {
			c.bytesOut += int64(n)
			p = p[n:]
		}
		switch {
		case err == nil, err == unix.EINTR:
		case err == unix.EAGAIN:
			if err := c.waitAs(&c.loop.crew.Sending, c.timeout()); err != nil {
				return err
			}
		default:
			return err
		}
	}
	return nil
}

func (c *conn) sendfile(fd int, off, n int64) error {
	if c.sec != nil {
		return c.encryptFile(fd, off, n)
	}
	for n > 0 {
		m, err := sendFile(c.fd, fd, &off, n)
		c.bytesOut += m
		n -= m
		switch {
		case err == nil && m == 0:
			return errors.New("the file became shorter")
		case err == nil:
			runtime.Gosched() // a fast reader must not keep the others waiting
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			if err := c.waitAs(&c.loop.crew.Sending, c.timeout()); err != nil {
				return err
			}
		default:
			return err
		}
	}
	return nil
}
