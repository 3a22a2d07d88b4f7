package h2

import (
	"bytes"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // RFC 6455 wants it
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http2"

	"github.com/donjon-httpd/donjon/server"
)

// A stream may carry something else than HTTP: CONNECT (RFC 9113 section 8.5), and
// WebSockets (RFC 8441). The phases know both as HTTP/1.1 has them: a WebSocket is
// a GET that asks for an upgrade there, and what answers it with 101 is told to the
// client as 200.

// websocket makes the request of HTTP/1.1 of one that asks for a WebSocket.
func (h *head) websocket() *http.Request {
	key := make([]byte, 16)
	rand.Read(key) //nolint:errcheck // it never fails
	for _, f := range [...]server.Field{{Name: "Upgrade", Value: "websocket"}, {Name: "Connection", Value: "Upgrade"},
		{Name: "Sec-WebSocket-Key", Value: base64.StdEncoding.EncodeToString(key)}} {
		name := http.CanonicalHeaderKey(f.Name)
		if h.fields[name] == nil {
			h.order = append(h.order, f.Name)
		}
		h.fields[name] = []string{f.Value}
	}
	h.method = "GET"
	return h.request(true)
}

// accepts tells whether a 101 proves that a WebSocket was understood (RFC 6455
// section 4.2.2).
func accepts(r *server.Request) bool {
	sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return r.Out.Get("Sec-WebSocket-Accept") == base64.StdEncoding.EncodeToString(sum[:])
}

// refuse answers a request for a WebSocket with 502: what came was no 101, and a
// client would take a 200 for one. mu is held.
func (x *exchange) refuse() {
	x.started = true
	x.appendHead(http2.FrameHeaders, x.st.id, "502", []server.Field{{Name: "content-length", Value: "0"}}, true)
	x.account()
	x.s.flush()
}

// tunnel is a stream without HTTP.
type tunnel struct {
	x    *exchange
	read time.Time // deadline; zero for none
	head []byte    // what was written of a head of HTTP/1
}

var _ server.Hijacker = (*exchange)(nil)

// Hijack gives the stream away; see [server.Hijacker].
func (x *exchange) Hijack() (server.ClientStream, error) {
	s := x.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := x.st.gone(); err != nil {
		return nil, err
	}
	if x.st.localEnd {
		return nil, errors.New("the response has ended")
	}
	x.tunnel = true
	return &tunnel{x: x}, nil
}

// Read gives what the client has sent.
func (t *tunnel) Read(p []byte) (int, error) {
	x := t.x
	st, s := x.st, x.s
	s.mu.Lock()
	defer s.mu.Unlock()
	b := &st.body
	for len(b.data) == 0 {
		if err := st.gone(); err != nil {
			return 0, err
		}
		if st.remoteEnd {
			return 0, io.EOF
		}
		switch {
		case t.read.IsZero():
			s.changed.Wait()
		case !s.waitUntil(t.read) && len(b.data) == 0:
			return 0, os.ErrDeadlineExceeded
		}
	}
	n := copy(p, b.data)
	if b.data = b.data[n:]; len(b.data) == 0 {
		b.data = nil
	}
	b.give(int64(n))
	return n, nil
}

// Write sends bytes to the client. The head of an answer of HTTP/1 that comes first
// becomes that of the stream (H2_C2_NET_CATCH_H1).
func (t *tunnel) Write(p []byte) (int, error) {
	x := t.x
	s := x.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := x.st.gone(); err != nil {
		return 0, err
	}
	rest := p
	if !x.started {
		var err error
		if rest, err = t.answer(p); err != nil || !x.started {
			return len(p), err
		}
	}
	if len(rest) > 0 {
		if err := x.data(rest, false); err != nil {
			return 0, err
		}
	}
	s.flush()
	if s.err != nil {
		return 0, s.err
	}
	return len(p), nil
}

// answer gathers a head of HTTP/1, and sends it when it is whole. It gives what
// stands behind it. mu is held.
func (t *tunnel) answer(p []byte) (rest []byte, err error) {
	t.head = append(t.head, p...)
	i := bytes.Index(t.head, []byte("\r\n\r\n"))
	if i < 0 {
		if len(t.head) > 64<<10 {
			return nil, errors.New("the head of the answer is too long")
		}
		return nil, nil
	}
	status, out, ok := answerOf(string(t.head[:i+2]))
	if !ok {
		return nil, errors.New("no answer of HTTP")
	}
	t.x.accept(status, out)
	return t.head[i+4:], nil
}

// answerOf reads the head of an answer of HTTP/1, without its empty line.
func answerOf(head string) (status int, fields []server.Field, ok bool) {
	line, rest, _ := strings.Cut(head, "\r\n")
	w := strings.SplitN(line, " ", 3)
	if len(w) < 2 || !strings.HasPrefix(w[0], "HTTP/1.") || len(w[1]) != 3 {
		return 0, nil, false
	}
	status, err := strconv.Atoi(w[1])
	if err != nil || status < 100 || status > 599 {
		return 0, nil, false
	}
	for l := range strings.SplitSeq(strings.TrimSuffix(rest, "\r\n"), "\r\n") {
		name, value, found := strings.Cut(l, ":")
		if value = strings.Trim(value, " \t"); found && validName(strings.ToLower(name)) && validValue(value) {
			fields = append(fields, server.Field{Name: name, Value: value})
		}
	}
	return status, fields, true
}

// accept sends the head of a stream that became a tunnel. mu is held.
func (x *exchange) accept(status int, fields []server.Field) {
	if status == 101 {
		status = 200
	}
	kept := fields[:0:0]
	for _, f := range fields {
		if !strings.EqualFold(f.Name, "Sec-WebSocket-Accept") {
			kept = append(kept, f)
		}
	}
	x.started = true
	x.appendHead(http2.FrameHeaders, x.st.id, strconv.Itoa(status), kept, false)
}

// CloseWrite says that nothing more will come.
func (t *tunnel) CloseWrite() error {
	x := t.x
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	if x.st.localEnd || x.st.reset || !x.started {
		return nil
	}
	x.appendData(nil, true)
	x.s.flush()
	return nil
}

// SetReadDeadline bounds reads from now on.
func (t *tunnel) SetReadDeadline(d time.Time) error {
	t.x.s.mu.Lock()
	t.read = d
	t.x.s.changed.Broadcast()
	t.x.s.mu.Unlock()
	return nil
}

// SetDeadline is SetReadDeadline; a deadline that is over ends writes too.
func (t *tunnel) SetDeadline(d time.Time) error {
	t.SetReadDeadline(d) //nolint:errcheck // it never fails
	if !d.IsZero() && d.Before(time.Now()) {
		t.x.s.mu.Lock()
		if !t.x.st.localEnd && !t.x.st.reset {
			t.x.s.appendReset(t.x.st.id, http2.ErrCodeCancel)
			t.x.s.kick()
			t.x.st.abort()
		}
		t.x.s.mu.Unlock()
	}
	return nil
}
