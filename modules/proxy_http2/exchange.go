package proxy_http2

import (
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/backend"
)

// exchange is a request and its answer (h2_proxy_stream).
type exchange struct {
	call   *server.ProxyCall
	r      *server.Request
	dir    *server.ProxyDirConfig
	scheme string
	conn   *server.ProxyConn
	s      *session
	status int // the request's own, before the backend's
	line   string

	id       uint32
	window   int64 // that the backend has for the body; mu of the session
	over     bool  // the answer has ended, or cannot go on; mu of the session
	sent     bool  // the request has ended
	sending  chan struct{}
	bodyGone atomic.Bool // some of the body was read: no other attempt is possible
	answered bool        // the head of the answer came
	unread   int64
}

// Errors of the backend's side of a stream.
var (
	errRefused = errors.New("the backend has not begun to work on the request")
	errReset   = errors.New("the backend has reset the stream")
)

// attempt asks once. again says that the backend has not answered, and may be
// asked anew.
func (x *exchange) attempt() (status server.Status, again bool) {
	c, r := x.call, x.r
	conn, s := c.Acquire(strings.ToUpper(x.scheme))
	if s != server.OK {
		return s, false
	}
	x.conn = conn
	conn.Chatty = true
	if x.scheme == "h2" {
		conn.ALPN = []string{"h2"}
	}
	closes := conn.Close
	defer conn.Release()
	_, host, port, err := server.SplitProxyURL(c.URL)
	if err != nil || host == "" {
		conn.Close = true
		return r.ProxyError(400, "URI cannot be parsed: "+c.URL), false
	}
	if s := x.connect(host); s != server.OK {
		conn.Close = true
		return s, false
	}
	conn.Close = closes
	r.Notes.Set("proxy-source-port", conn.LocalPort())
	var gone atomic.Bool
	if st := r.Conn.Stream; st != nil && st.OnReset != nil {
		stop := st.OnReset(func() {
			gone.Store(true)
			conn.Under().Interrupt()
		})
		defer func() {
			if stop(); gone.Load() {
				conn.Close = true
			}
		}()
	}
	err = x.ask(server.ProxyHostPort(host, port, server.ProxyPort(x.scheme)))
	if err == nil {
		status, err = x.answer()
	}
	x.finish(err)
	switch {
	case err == nil:
		return status, false
	case gone.Load():
		elog.Debug(r).Msg("AH03374: the client is gone")
		return server.Done, false
	}
	return x.failed(err)
}

// connect opens the connection and its session, or takes up those that were kept.
func (x *exchange) connect(host string) server.Status {
	c, conn := x.call, x.conn
	for fresh := false; ; fresh = true {
		if err := c.Connect(conn); err != nil {
			elog.Error(x.r).Msgf("AH03352: H2: failed to make connection to backend: %s", conn.Hostname)
			return 503
		}
		if x.scheme == "h2" {
			name := host
			if x.dir.PreserveHost.Else(false) && x.r.Hostname != "" {
				name = x.r.Hostname
			}
			if err := conn.StartTLS(c, name); err != nil {
				elog.Error(x.r).Err(err).Msgf("AH03353: setup new connection: is_ssl=1 %s", conn.Hostname)
				return 500
			}
		}
		x.s, _ = conn.State.(*session)
		switch {
		case x.s == nil:
			x.s, _ = open(conn)
			return server.OK
		case x.s.settle():
			return server.OK
		case fresh:
			return 503
		}
		conn.Reset()
	}
}

// ask sends the request.
func (x *exchange) ask(authority string) error {
	s, r := x.s, x.r
	body := x.hasBody()
	s.mu.Lock()
	x.id = s.next
	s.next += 2
	x.window, x.over, x.sent, x.answered, x.unread = s.initial, false, !body, false, 0
	s.encoded.Reset()
	for _, f := range x.head(authority) {
		s.encoder.WriteField(hpack.HeaderField{Name: f.Name, Value: f.Value}) //nolint:errcheck // a buffer takes all
	}
	s.fields(x.id, !body)
	err := s.flush()
	s.mu.Unlock()
	x.call.Worker.Shared.Transferred().Add(uint64(s.encoded.Len()))
	if err != nil || !body {
		return err
	}
	if r.Conn.Stream == nil {
		return x.sendBody(func() error { return x.step(nil) })
	}
	// On a stream the client may want to be answered while it still sends.
	x.sending = make(chan struct{})
	go func() {
		defer close(x.sending)
		x.sendBody(func() error { s.opened.Wait(); return nil }) //nolint:errcheck // the answer tells
	}()
	return nil
}

func (x *exchange) hasBody() bool {
	r := x.r
	if r.Main != nil && r.KeptBody == nil {
		return false
	}
	return len(r.KeptBody) > 0 || r.ContentLength != 0
}

// head is the fields of the request in Apache's order.
func (x *exchange) head(authority string) []server.Field {
	r, c := x.r, x.call
	if x.dir.PreserveHost.Else(false) {
		if authority = r.Header.Get("Host"); authority == "" {
			authority = server.CoreServer.Of(r.Server).ServerName
			elog.Warn(r).Msgf("AH10511: incoming HTTP/0.9 request (with no Host header) and preserve host set, forcing hostname to be %s for uri %s", authority, r.URI)
		}
	}
	path := c.URL[strings.Index(c.URL, "://")+3:]
	if i := strings.IndexAny(path, "/?"); i < 0 {
		path = "/"
	} else if path = path[i:]; path[0] == '?' {
		path = "/" + path
	}
	scheme := "http"
	if x.scheme == "h2" {
		scheme = "https"
	}
	h := []server.Field{{Name: ":scheme", Value: scheme}, {Name: ":authority", Value: authority}, {Name: ":path", Value: path}, {Name: ":method", Value: r.Method}}
	adds := server.Fields{}
	adds.Add("te", "trailers")
	if x.dir.AddHeaders.Else(true) && !r.Forward {
		adds.Add("x-forwarded-for", r.ClientIP)
		if host, ok := r.Header["Host"]; ok && len(host) > 0 {
			adds.Add("x-forwarded-host", host[0])
		}
		adds.Add("x-forwarded-server", server.CoreServer.Of(r.Server).ServerName)
	}
	connection := strings.Split(r.Header.Get("Connection"), ",")
	for i, name := range r.FieldOrder {
		key := http.CanonicalHeaderKey(name)
		values := r.Header[key]
		if len(values) == 0 || x.dropped(key, connection) || slices.Contains(r.FieldOrder[:i], name) {
			continue
		}
		f := server.Field{Name: strings.ToLower(name), Value: strings.Join(values, ", ")}
		if v, ok := adds.Lookup(f.Name); ok {
			if f.Name == "te" {
				f.Value = v
			} else {
				f.Value += ", " + v
			}
			adds.Unset(f.Name)
		}
		h = append(h, f)
	}
	return append(h, adds.All()...)
}

// dropped tells whether a field of the request is not sent on.
func (x *exchange) dropped(key string, connection []string) bool {
	switch key {
	case "Host", "Transfer-Encoding", "Connection", "Proxy-Connection", "Keep-Alive", "Upgrade", "Http2-Settings", "Expect":
		return true
	case "Content-Length":
		return x.r.HasInputFilters() || !x.hasBody() && x.r.ContentLength != 0
	case "Proxy-Authorization":
		return x.r.User != "" && !x.r.Env.Has("Proxy-Chain-Auth")
	case "If-Match", "If-Modified-Since", "If-Range", "If-Unmodified-Since", "If-None-Match":
		if x.r.Main != nil {
			return true
		}
	}
	for _, name := range connection {
		if strings.EqualFold(strings.TrimSpace(name), key) && key != "Te" {
			return true
		}
	}
	return false
}

// errBody is a request's body that cannot be read.
type errBody struct{ err error }

func (e *errBody) Error() string { return e.err.Error() }

// sendBody sends the request's body. wait is called with the session's mu held,
// when the backend has no room.
func (x *exchange) sendBody(wait func() error) error {
	s, r := x.s, x.r
	var buf [16 << 10]byte
	kept := r.KeptBody
	for {
		var p []byte
		var err error
		if kept != nil {
			n := min(len(kept), len(buf))
			if p, kept = kept[:n], kept[n:]; len(kept) == 0 {
				err = io.EOF
			}
		} else {
			x.bodyGone.Store(true)
			var n int
			n, err = r.Body.Read(buf[:])
			p = buf[:n]
		}
		if err != nil && err != io.EOF {
			return &errBody{err}
		}
		if done, e := x.send(p, err == io.EOF, wait); done || e != nil {
			return e
		}
		if err == io.EOF {
			s.mu.Lock()
			x.sent = true
			s.mu.Unlock()
			return nil
		}
	}
}

// send sends a piece of the body, unless the answer has ended.
func (x *exchange) send(p []byte, end bool, wait func() error) (done bool, err error) {
	s := x.s
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if x.over {
			return true, nil
		}
		if len(p) == 0 {
			break
		}
		n := int(min(int64(len(p)), s.window, x.window, int64(s.maxFrame)))
		if n <= 0 {
			if err := wait(); err != nil {
				return false, err
			}
			continue
		}
		s.window -= int64(n)
		x.window -= int64(n)
		flags := http2.Flags(0)
		if end && n == len(p) {
			flags = http2.FlagDataEndStream
		}
		s.frame(http2.FrameData, flags, x.id, p[:n])
		x.call.Worker.Shared.Transferred().Add(uint64(n))
		if err := s.flush(); err != nil {
			return false, err
		}
		if p = p[n:]; flags != 0 {
			return false, nil
		}
	}
	if end {
		s.frame(http2.FrameData, http2.FlagDataEndStream, x.id, nil)
	}
	return false, s.flush()
}

// step reads a frame while the body is sent; mu is held. What belongs to the answer
// is kept for later by answering at once: an answer that comes before the request
// has ended ends the sending.
func (x *exchange) step(error) error {
	s := x.s
	s.mu.Unlock()
	defer s.mu.Lock()
	head, err := s.in.Peek(9)
	if err != nil {
		return err
	}
	t, id := http2.FrameType(head[3]), binary.BigEndian.Uint32(head[5:])&(1<<31-1)
	if id == x.id && (t == http2.FrameHeaders || t == http2.FrameRSTStream) {
		s.mu.Lock()
		x.over = true
		s.mu.Unlock()
		return nil
	}
	f, err := s.framer.ReadFrame()
	if err != nil {
		return err
	}
	return s.common(f, x)
}

// finish ends the stream, so that the connection can be used for another.
func (x *exchange) finish(err error) {
	s := x.s
	s.mu.Lock()
	x.over = true
	s.opened.Broadcast()
	var body *errBody
	switch {
	case err != nil && !errors.Is(err, errReset) && !errors.Is(err, errRefused) && !errors.As(err, &body) && !errors.Is(err, errClient) && !errors.Is(err, errOverride):
		x.conn.Close = true
	case err != nil || !x.sent:
		s.frame(http2.FrameRSTStream, 0, x.id, binary.BigEndian.AppendUint32(nil, uint32(http2.ErrCodeCancel)))
		if s.flush() != nil {
			x.conn.Close = true
		}
	}
	if s.goAway {
		x.conn.Close = true
	}
	s.mu.Unlock()
	if x.sending != nil && err != nil {
		x.conn.Close = true // the other goroutine may be sending
	}
}

// failed says what an error of the backend's comes to.
func (x *exchange) failed(err error) (s server.Status, again bool) {
	r := x.r
	var body *errBody
	switch {
	case errors.Is(err, errOverride):
		return server.Status(x.status), false
	case errors.Is(err, errClient):
		return server.Done, false
	case errors.As(err, &body):
		return r.BodyFailed(body.err), false
	case r.HeadSent:
		elog.Info(r).Err(server.ErrnoOf(err)).Msg("AH03519: the answer of the backend is not whole")
		r.Truncate()
		return server.Done, false
	}
	r.Out = server.Fields{}
	r.Status, r.StatusLine, r.ContentType = 200, "", ""
	switch {
	case errors.Is(err, errRefused):
		return 502, true
	case errors.Is(err, errReset):
		return 502, !x.answered
	case errors.Is(err, backend.ErrTimeout):
		return 504, false
	}
	var se http2.StreamError
	var ce http2.ConnectionError
	if errors.As(err, &se) || errors.As(err, &ce) {
		return 502, false
	}
	return 503, !x.answered
}
