package h1

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/donjon-httpd/donjon/server"
)

// States of a connection. The loop and the goroutine that serves it agree by
// compare-and-swap who has it.
const (
	idle   int32 = iota // the loop's: waits for a request
	busy                // a goroutine's
	closed              // nobody's
)

// conn is a client's connection.
type conn struct {
	loop  *Loop
	fd    int
	state atomic.Int32
	wake  chan struct{} // one token: something happened while a goroutine had it; nil before it is enrolled
	kept  atomic.Bool   // it waits behind an answer
	since atomic.Int64  // when it became idle, Unix nanoseconds

	info     server.Conn
	limits   *limits
	reads    *server.ReadLimits
	arrival  uint32         // the number of the local address
	enrolled bool           // the loop hears of it
	preface  server.Preface // until it was read; nil for none
	speaker  server.Speaker // what is spoken instead of HTTP; nil for that
	sec      *secure        // its encryption; nil for one in clear
	direct   string         // what it may begin with instead of a request; "" when that is known not to come

	// While a goroutine has it:
	buf      []byte // bytes read and not consumed
	timer    readTimer
	bytesIn  int64
	bytesOut int64
	tunnel   bool                // it was given away
	flight   *server.ProxyFlight // what the loop has sent to a backend for the request that is to be read; nil for nothing
	first    time.Time           // first byte of the response
}

// errTimeout is a client that took too long.
var errTimeout error = &bodyError{408, "timeout", true}

// wait parks the goroutine until something happens on the connection.
func (c *conn) wait(limit time.Duration) error {
	select {
	case <-c.wake:
		return nil
	default:
	}
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-c.wake:
		return nil
	case <-t.C:
		return errTimeout
	case <-c.loop.aborted:
		return errTimeout
	}
}

// waitAs is wait, counted on the scoreboard as one of those.
func (c *conn) waitAs(count *atomic.Int32, limit time.Duration) error {
	count.Add(1)
	defer count.Add(-1)
	return c.wait(limit)
}

// park gives the connection back to the loop.
func (c *conn) park() {
	if c.info.KeepAlives > 0 {
		c.kept.Store(true)
		c.loop.crew.KeepAlive.Add(1)
	}
	c.state.Store(idle)
}

// take takes a waiting connection away from the loop, to be busy or closed.
func (c *conn) take(as int32) bool {
	if !c.state.CompareAndSwap(idle, as) {
		return false
	}
	if c.info.KeepAlives > 0 {
		c.loop.crew.KeepAlive.Add(-1)
	}
	return true
}

func (c *conn) timeout() time.Duration {
	return server.CoreServer.Of(c.info.Server).Timeout.Else(server.DefaultTimeout)
}

// rawRead reads once from the socket; it waits when there is nothing.
func (c *conn) rawRead(p []byte, limit time.Duration) (int, error) {
	for {
		n, err := c.recv(p)
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			err := errTimeout
			if left := c.timer.limit(limit); left > 0 {
				err = c.waitAs(&c.loop.crew.WaitIO, left)
			}
			if err == errTimeout && c.timer.expired != nil {
				c.timer.expired(&c.info, c.timer.part)
			}
			if err != nil {
				return 0, err
			}
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		default:
			c.bytesIn += int64(n)
			c.timer.got(n)
			return n, nil
		}
	}
}

// read gives bytes that were read ahead first.
func (c *conn) read(p []byte) (n int, err error) {
	if t := c.info.Tap; t != nil && t.In != nil {
		defer func() { t.In(&c.info, false, len(p), p[:n]) }()
	}
	if len(c.buf) > 0 {
		n := copy(p, c.buf)
		c.buf = c.buf[n:]
		return n, nil
	}
	return c.rawRead(p, c.timeout())
}

// tapLines shows lines that were read.
func (c *conn) tapLines(p []byte) {
	if t := c.info.Tap; t != nil && t.In != nil {
		for line := range bytes.Lines(p) {
			t.In(&c.info, true, 0, line)
		}
	}
}

// line reads a line of a chunked body, without its CRLF.
func (c *conn) line(limit int) ([]byte, error) {
	for {
		if i := bytes.IndexByte(c.buf, '\n'); i >= 0 {
			line := c.buf[:i]
			c.tapLines(c.buf[:i+1])
			c.buf = c.buf[i+1:]
			if len(line) > 0 && line[len(line)-1] == '\r' {
				line = line[:len(line)-1]
			} else if !c.limits.unsafe {
				return nil, &bodyError{400, "a line of the body ends without CR", false}
			}
			if len(line) > limit {
				return nil, &bodyError{400, "a line of the body is too long", false}
			}
			return line, nil
		}
		if len(c.buf) > limit+2 {
			return nil, &bodyError{400, "a line of the body is too long", false}
		}
		if err := c.fill(c.timeout()); err != nil {
			if err == io.EOF {
				return nil, &bodyError{400, "the body ended early", false}
			}
			return nil, err
		}
	}
}

// fill reads more behind what is buffered.
func (c *conn) fill(limit time.Duration) error {
	p := make([]byte, 8192)
	n, err := c.rawRead(p, limit)
	if n > 0 {
		c.buf = append(c.buf[:len(c.buf):len(c.buf)], p[:n]...)
	}
	return err
}

var buffers = sync.Pool{New: func() any { b := make([]byte, 16<<10); return &b }}

// serve answers requests until nothing is left to read. in is what the loop has
// read already, and d what it has begun to send, if not nil.
func (c *conn) serve(in []byte, d *debt) {
	defer func() {
		if e := recover(); e != nil {
			elog.Crit(&c.info).Msgf("a handler panicked: %v", e)
			c.close()
			panic(e)
		}
	}()
	if d != nil && !c.settle(d) {
		c.linger()
		return
	}
	for {
		again := c.serveOnce(in)
		if in = nil; !again {
			return
		}
		// Back to the loop. A token that came meanwhile means that the loop saw
		// bytes while the connection was still ours.
		c.buf = nil
		c.since.Store(time.Now().UnixNano())
		c.park()
		if c.loop.hurried.Load() && c.take(closed) {
			c.shut()
			return
		}
		select {
		case <-c.wake:
			if !c.take(busy) {
				return
			}
		default:
			return
		}
	}
}

// serveOnce answers what is in in, or else what it reads, while there are
// bytes. It answers false when the connection is gone.
func (c *conn) serveOnce(in []byte) bool {
	c.buf = in
	if c.sec != nil && !c.sec.done {
		if !c.begin() {
			c.linger()
			return false
		}
		if c.sec != nil {
			agreed := c.sec.tls.ConnectionState().NegotiatedProtocol
			if c.info.OtherProtocol(agreed) != nil {
				c.speakOther(agreed)
				return false
			}
			c.direct = c.info.DirectMagic()
		}
	}
	var bp *[]byte
	defer func() {
		if bp != nil {
			buffers.Put(bp)
		}
	}()
	for {
		if len(c.buf) == 0 {
			if (bp != nil || len(in) > 0) && c.sec == nil {
				return true // an event tells of more
			}
			if bp == nil {
				bp = buffers.Get().(*[]byte)
			}
			n, err := c.recv(*bp)
			switch {
			case err == unix.EAGAIN || err == unix.EINTR:
				return true
			case err != nil || n == 0:
				c.close()
				return false
			}
			c.bytesIn += int64(n)
			c.buf = (*bp)[:n:n]
		}
		if c.preface != nil && !c.readPreface() {
			c.close()
			return false
		}
		if c.speaker != nil {
			c.speak()
			return false
		}
		if c.direct != "" && c.beginsOther() {
			c.speakOther("")
			return false
		}
		if !c.request() {
			c.linger()
			return false
		}
	}
}

// readPreface takes off what stands before the first request. It answers false
// when the connection must end.
func (c *conn) readPreface() bool {
	for {
		n, more, err := c.preface(c.buf)
		if err != nil {
			return false
		}
		if !more {
			c.buf, c.preface = c.buf[n:], nil
			return true
		}
		if c.fill(c.timeout()) != nil {
			return false
		}
	}
}

// request reads a head, answers it, and tells whether the connection stays open.
func (c *conn) request() bool {
	received := time.Now()
	before := c.bytesIn - int64(len(c.buf))
	var h *head
	var status int
	c.timer.begin("header", &c.reads.Header, c.headBegan(received), c.reads.Expired)
	defer c.timer.stop()
	for {
		var more bool
		h, status, more = parse(c.buf, *c.limits, false)
		if !more {
			break
		}
		if len(bytes.Trim(c.buf, "\r\n")) == 0 && len(c.buf) > 0 && bytes.HasSuffix(c.buf, []byte("\n")) {
			c.buf = nil // blank lines alone: wait for a request as before
			return true
		}
		if err := c.fill(c.timeout()); err != nil {
			if err == errTimeout {
				c.timedOut(h, received)
			}
			c.info.Close = true
			return false
		}
	}
	c.tapLines(c.buf[:h.consumed])
	raw := c.buf[:h.consumed]
	c.buf = c.buf[h.consumed:]
	hr := &http.Request{Method: h.method, Proto: h.proto, ProtoMajor: h.major, ProtoMinor: h.minor, Header: h.fields, RequestURI: h.target, Body: http.NoBody}
	if hr.Header == nil {
		hr.Header = http.Header{}
	}
	x := &exchange{c: c}
	r := c.info.Gen.NewRequest(&c.info, x, hr)
	r.Received = received
	if c.info.Tap != nil {
		r.Unrepeatable() // what the loop answers by itself nobody would see
	}
	r.TheRequest, r.FieldOrder, r.Simple = h.line, h.order, h.simple
	c.target(r, h.target)
	c.first, c.bytesOut = time.Time{}, 0
	account := func() {
		r.BytesIn, r.BytesOut, r.FirstByte = c.bytesIn-before-int64(len(c.buf)), c.bytesOut, c.first
	}
	x.account = account
	if status != 0 {
		c.info.Close = true
		if h.notes != "" {
			r.Notes.Set("error-notes", h.notes)
		}
		if h.method == "" {
			hr.Method = "-"
		}
		c.info.Gen.Reject(r, server.Status(status))
		return false
	}
	var b *body
	if !h.simple {
		f := bodyFraming(h)
		c.info.Close = c.info.Close || f.close
		if f.status != 0 {
			if f.status == 417 {
				c.info.Gen.Reject(r, 417)
				return !c.info.Close && !x.failed
			}
			c.info.Gen.Reject(r, server.Status(f.status))
			return false
		}
		if f.chunked || f.length > 0 {
			b = &body{c: c, r: r, f: f, left: f.length}
			c.timer.stop()
			if f.chunked {
				b.left = 0
				hr.ContentLength = -1
			} else {
				hr.ContentLength = f.length
			}
			hr.Body = b
			x.body, r.Expecting = b, f.expect
		}
	} else {
		c.info.Close = true
	}
	if c.loop.draining.Load() {
		c.info.Close = true
	}
	w := c.loop.crew.Take(c.loop.aborted)
	if w == nil {
		c.info.Close = true
		return false
	}
	c.loop.begin(w, r)
	if b == nil {
		if x.key = c.loop.keyFor(c, r, h); x.key != nil {
			x.raw = raw
		}
	}
	if c.flight != nil {
		r.Received = c.flight.Began
		r.ContinueFlight(c.flight)
		c.flight = nil
	}
	x.worker, x.r = w, r
	c.info.Gen.Process(r)
	r.EndFlight()
	if x.worker != nil {
		c.loop.finish(w, c, r)
	}
	if x.prepared != nil {
		c.loop.keep(c, r, x, h.fields)
	}
	c.loop.keepRoute(c, r, x, h.fields)
	c.info.KeepAlives++
	if b != nil && !b.done && !c.info.Close {
		if b.f.expect || r.DiscardBody() != server.OK {
			return false
		}
	}
	return !c.info.Close && !x.failed && !c.info.Aborted
}

// headBegan is when the time for a head began: when its first bytes came, or
// for the first one of a connection when that was made.
func (c *conn) headBegan(received time.Time) time.Time {
	if c.info.KeepAlives == 0 && c.since.Load() != 0 {
		return time.Unix(0, c.since.Load())
	}
	return received
}

// timedOut answers a head that did not come in time. Where not even its first
// line came, the connection just ends; the first request of a connection is
// logged all the same (observed on 2.4.71).
func (c *conn) timedOut(h *head, received time.Time) {
	c.info.Close = true
	line := h.fields != nil
	if !line && c.info.KeepAlives > 0 {
		return
	}
	hr := &http.Request{Method: "-", Proto: "HTTP/1.0", ProtoMajor: 1, Header: http.Header{}, Body: http.NoBody}
	r := c.info.Gen.NewRequest(&c.info, &exchange{c: c}, hr)
	r.Received = received
	if !line {
		r.TheRequest = "-"
		c.info.Gen.Abandon(r, 408)
		return
	}
	hr.Method, hr.Proto, hr.ProtoMajor, hr.ProtoMinor = h.method, h.proto, h.major, h.minor
	r.TheRequest = h.line
	c.info.Gen.Reject(r, 408)
}

// expire ends a new connection on which nothing came in time.
func (c *conn) expire() {
	if c.speaker != nil {
		c.close()
		return
	}
	c.reads.Expired(&c.info, "header")
	c.timedOut(&head{}, time.Now())
	c.linger()
}

// target takes the request's target apart: a path, or an absolute URL whose
// authority goes before the Host field.
func (c *conn) target(r *server.Request, t string) {
	r.Request.Host = r.Header.Get("Host")
	path := t
	if r.Method == "CONNECT" {
		path = "" // the target is an authority
	} else if !strings.HasPrefix(t, "/") && t != "*" {
		if i := strings.Index(t, "://"); i > 0 {
			rest := t[i+3:]
			authority := rest
			path = "/"
			if j := strings.IndexAny(rest, "/?#"); j >= 0 {
				authority = rest[:j]
				if path = rest[j:]; path[0] != '/' {
					path = "/" + path
				}
			}
			user := ""
			if j := strings.LastIndexByte(authority, '@'); j >= 0 {
				user, authority = authority[:j], authority[j+1:]
			}
			if scheme := "http"; strings.EqualFold(t[:i], scheme) && c.sec == nil || strings.EqualFold(t[:i], scheme+"s") && c.sec != nil {
				r.Request.Host = authority
			} // else it is no URL of this server's, and the field counts (ap_parse_uri)
			r.URL = &url.URL{Scheme: t[:i], Host: authority}
			if user != "" {
				name, pass, has := strings.Cut(user, ":")
				if has {
					r.URL.User = url.UserPassword(name, pass)
				} else {
					r.URL.User = url.User(name)
				}
			}
		}
	}
	r.SetTarget(path)
	r.UnparsedURI = t
	if r.URL == nil {
		r.URL = &url.URL{}
	}
	r.URL.Path, r.URL.RawQuery = r.URI, r.Args
}

// linger closes without losing what was written: the client is given time to
// read it before the rest of what it sends would reset the connection
// (ap_lingering_close).
func (c *conn) linger() {
	if !c.info.Aborted && c.info.Close && !c.tunnel {
		if c.sec != nil { // after the end of the stream nothing can be said
			c.sec.farewell()
		}
		unix.Shutdown(c.fd, unix.SHUT_WR)
		deadline := time.Now().Add(2 * time.Second)
		p := make([]byte, 4096)
		for total := 0; total < 1<<20; {
			n, err := read(c.fd, p)
			if n > 0 {
				total += n
				continue
			}
			if err == unix.EINTR {
				continue
			}
			if err != unix.EAGAIN {
				break
			}
			left := time.Until(deadline)
			if left <= 0 || c.waitAs(&c.loop.crew.Closing, left) != nil {
				break
			}
		}
	}
	c.close()
}

// close ends a connection that a goroutine has.
func (c *conn) close() {
	if c.state.Swap(closed) != closed {
		c.shut()
	}
}

// readable tells whether something that was sent has not been read.
func (c *conn) readable() bool {
	var b [1]byte
	n, _, err := unix.Recvfrom(c.fd, b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
	return err == nil && n > 0
}

// shut frees the descriptor; the state is closed.
func (c *conn) shut() {
	if c.sec != nil {
		c.sec.farewell()
	}
	c.loop.forget(c)
	if c.tunnel {
		c.loop.disown(c)
	}
	unix.RawSyscall(unix.SYS_CLOSE, uintptr(c.fd), 0, 0)
}

var elog = server.NewLog("http")
