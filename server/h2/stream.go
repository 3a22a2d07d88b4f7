package h2

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http2"

	"github.com/donjon-httpd/donjon/server"
)

// stream is a request and its response. What stands here belongs to the session's mu.
type stream struct {
	s      *session
	id     uint32
	window int64 // bytes of DATA that may be sent

	open      bool // the client counts it
	reset     bool // it was ended before its time
	remoteEnd bool // nothing more comes
	localEnd  bool // nothing more is sent
	bodyless  bool // its head ended it
	length    int64
	body      body
	trailers  *head
	on        uint32 // the stream that had it pushed; 0 for none

	onReset func() // see [server.Stream]; nil for none

	wireIn, wireOut int64
	first           time.Time // when the response began
}

// bodyError is a request's body that cannot be read on, with the status that tells
// the client.
type bodyError struct {
	status server.Status
	what   string
	told   bool // Apache tells the length of the error page
}

func (e *bodyError) Error() string             { return e.what }
func (e *bodyError) HTTPStatus() server.Status { return e.status }

// LengthTold is for [server.Request.BodyFailed].
func (e *bodyError) LengthTold() bool { return e.told }

var (
	errTimeout = errors.New("timeout")
	errReset   = errors.New("the stream was reset")
)

// begin begins a stream with the head of a request; end says that there is no body.
func (s *session) begin(h *head, id uint32, end bool) error {
	problem := h.check(s.opt.WebSockets)
	length, ok := h.length()
	if !ok || end && length > 0 {
		problem = "the length is malformed"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = id
	if s.draining {
		return s.spend(1) // the client knows, or will
	}
	if problem != "" {
		elog.Debug(s.conn).Msgf("AH10302: h2_stream(%s-%d): %s", s.name, id, problem)
		s.appendReset(id, http2.ErrCodeProtocol)
		s.kick()
		return s.spend(resetPrice)
	}
	if s.open >= s.opt.MaxStreams || s.running >= 2*s.opt.MaxStreams {
		s.appendReset(id, http2.ErrCodeRefusedStream)
		s.kick()
		return s.spend(resetPrice)
	}
	s.earn(openRefund)
	st := s.newStream(id, end, length)
	st.wireIn = h.wire
	st.start(h)
	return nil
}

// newStream makes a stream. mu is held.
func (s *session) newStream(id uint32, end bool, length int64) *stream {
	st := &stream{s: s, id: id, window: s.initial, open: true, remoteEnd: end, bodyless: end, length: length}
	st.body = body{st: st, window: int64(s.opt.Window)}
	s.streams[id] = st
	return st
}

// start has the stream's request answered on a goroutine of its own. mu is held.
func (st *stream) start(h *head) {
	s := st.s
	if s.running++; st.on == 0 {
		s.open++
	} else {
		s.pushes++
	}
	s.served = true
	if s.open+s.pushes == 1 {
		s.wire.SetReadDeadline(time.Time{}) //nolint:errcheck // the read tells
	}
	push := s.opt.Push && s.takesPush
	s.wire.Go(func() { st.serve(h, push) })
}

// serve is the life of the stream's request.
func (st *stream) serve(h *head, push bool) {
	s := st.s
	x := &exchange{st: st, s: s}
	defer func() {
		if e := recover(); e != nil {
			elog.Crit(s.conn).Msgf("a handler panicked: %v", e)
			st.finish(x)
			panic(e)
		}
		st.finish(x)
	}()
	c := *s.conn
	c.Stream = &server.Stream{ID: st.id, Tag: s.name + "-" + strconv.Itoa(int(st.id)), Push: push && policy(h.fields) != "none", PushedOn: st.on, OnReset: st.whenReset}
	c.Notes = server.Fields{}
	c.KeepAlives, c.Close, c.Aborted = 1, true, false
	c.Speaks = s.protocol()
	var hr *http.Request
	if h.has&hasProtocol != 0 && !strings.EqualFold(h.protocol, "websocket") {
		h.status = 501
	}
	if h.has&hasProtocol != 0 && h.status == 0 {
		x.socket = true
		hr = h.websocket()
	} else {
		hr = h.request(st.bodyless)
	}
	r := c.Gen.NewRequest(&c, x, hr)
	x.r = r
	r.Unrepeatable()
	if !st.bodyless && !x.socket {
		st.body.r = r
		hr.Body = &st.body
		if e := hr.Header["Expect"]; len(e) > 0 && len(e[0]) == len("100-continue") {
			st.body.x, r.Expecting = x, true
		}
	}
	target(r, hr.RequestURI)
	if h.foreign() || s.opt.ProxyRequests && h.method != "CONNECT" && !x.socket {
		// It is for a proxy, which knows by its absolute URL.
		hr.RequestURI = h.scheme + "://" + hr.Host + h.path
		r.UnparsedURI, r.URL.Scheme, r.URL.Host = hr.RequestURI, h.scheme, hr.Host
	}
	r.TheRequest = h.method + " " + hr.RequestURI + " " + hr.Proto
	r.FieldOrder = h.order
	if !s.wire.Process(r, server.Status(h.status), func() int64 { return st.wireOut }) {
		x.dropped, x.refused = true, true
	}
}

func (s *session) protocol() string {
	if s.conn.TLS {
		return "h2"
	}
	return "h2c"
}

// target takes the request's target apart.
func target(r *server.Request, t string) {
	path := t
	if r.Method == "CONNECT" && len(t) > 0 && t[0] != '/' {
		path = ""
	}
	r.SetTarget(path)
	r.UnparsedURI = t
	r.URL = &url.URL{Path: r.URI, RawQuery: r.Args}
}

// gone tells why nothing can be sent or read. mu is held.
func (st *stream) gone() error {
	switch {
	case st.s.err != nil:
		return st.s.err
	case st.reset:
		return errReset
	}
	return nil
}

// abort ends the stream without its end. mu is held.
func (st *stream) abort() {
	st.reset = true
	st.notify()
	st.close()
	st.s.changed.Broadcast()
}

// notify tells who waits for something else that the client has given up. mu is held.
func (st *stream) notify() {
	if f := st.onReset; f != nil {
		st.onReset = nil
		f()
	}
}

// whenReset is for [server.Stream].
func (st *stream) whenReset(f func()) (stop func()) {
	s := st.s
	s.mu.Lock()
	defer s.mu.Unlock()
	st.onReset = f
	if st.gone() != nil {
		st.notify()
	}
	return func() {
		s.mu.Lock()
		st.onReset = nil
		s.mu.Unlock()
	}
}

// close has the client count one stream less. mu is held.
func (st *stream) close() {
	if !st.open {
		return
	}
	st.open = false
	s := st.s
	if st.on == 0 {
		s.open--
	} else {
		s.pushes--
	}
	if s.open+s.pushes == 0 {
		s.rest()
	}
}

// finish ends the stream when its request was answered.
func (st *stream) finish(x *exchange) {
	s := st.s
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case st.reset:
	case !st.localEnd || x.dropped:
		code := http2.ErrCodeInternal
		if x.refused {
			code = http2.ErrCodeRefusedStream
		}
		s.appendReset(st.id, code)
		st.reset = true
	case !st.remoteEnd:
		s.appendReset(st.id, http2.ErrCodeNo) // RFC 9113 section 8.1: the rest is not wanted
		st.reset = true
	}
	delete(s.streams, st.id)
	s.flush()
	st.close()
	s.running--
	s.changed.Broadcast()
}

// trailers takes in fields behind the body.
func (s *session) trailers(h *head, id uint32) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.streams[id]
	if st == nil || st.reset {
		return s.spend(1)
	}
	if h.malformed != "" {
		return s.failStream(st, http2.ErrCodeProtocol)
	}
	st.wireIn += h.wire
	st.trailers = h
	return s.endOfRequest(st)
}

// body is what of a request's body has come and was not read.
type body struct {
	st     *stream
	r      *server.Request
	x      *exchange // that is asked for 100 Continue before the first read; nil for not
	data   []byte
	window int64 // that the client may still send
	owed   int64 // that was read, and not given back to the window
	got    int64
	read   int64
	closed bool // nobody will read
	err    error
}

// give returns room to the client. mu is held.
func (b *body) give(n int64) {
	b.owed += n
	st := b.st
	if st.remoteEnd || st.reset || b.owed < int64(st.s.opt.Window)/2 {
		return
	}
	st.s.appendWindowUpdate(st.id, uint32(b.owed))
	b.window += b.owed
	b.owed = 0
	st.s.kick()
}

// defaultBodyLimit is LimitRequestBody's default.
const defaultBodyLimit = 1 << 30

func (b *body) Close() error { return nil }

// Read gives what has come, or waits for it.
func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.next(p)
	if err != nil {
		b.err = err
	}
	return n, err
}

func (b *body) next(p []byte) (int, error) {
	st, s := b.st, b.st.s
	limit := server.CoreDir.Of(b.r.Dir).LimitRequestBody.Else(defaultBodyLimit)
	if limit > 0 && st.length > limit {
		return 0, &bodyError{413, fmt.Sprintf("AH01587: Requested content-length of %d is larger than the configured limit of %d", st.length, limit), false}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if x := b.x; x != nil {
		b.x, b.r.Expecting = nil, false
		if !b.r.HeadSent {
			x.appendHead(http2.FrameHeaders, st.id, "100", nil, false)
			s.flush()
		}
	}
	var until time.Time
	for len(b.data) == 0 {
		if err := st.gone(); err != nil {
			return 0, &bodyError{400, "the body ended early", false}
		}
		if st.remoteEnd {
			if t := st.trailers; t != nil {
				st.trailers = nil
				b.addTrailers(t)
			}
			return 0, io.EOF
		}
		if until.IsZero() {
			until = time.Now().Add(s.streamTimeout())
		}
		if !s.waitUntil(until) && len(b.data) == 0 {
			return 0, &bodyError{408, "timeout", true}
		}
	}
	n := copy(p, b.data)
	if b.data = b.data[n:]; len(b.data) == 0 {
		b.data = nil
	}
	if b.read += int64(n); limit > 0 && b.read > limit {
		return 0, &bodyError{413, fmt.Sprintf("AH01591: Read content length of %d is larger than the configured limit of %d", b.read, limit), false}
	}
	b.give(int64(n))
	return n, nil
}

func (b *body) addTrailers(h *head) {
	merge := server.CoreServer.Of(b.r.Server).MergeTrailers.Else(false)
	for name, v := range h.fields {
		if b.r.Trailer == nil {
			b.r.Trailer = http.Header{}
		}
		b.r.Trailer[name] = v
		if _, had := b.r.Header[name]; !had && merge {
			b.r.Header[name] = v
		}
	}
}
