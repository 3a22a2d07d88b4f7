package proxy_http2

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/net/http2"

	"github.com/donjon-httpd/donjon/server"
)

var (
	errClient   = errors.New("the client is gone")
	errOverride = errors.New("another answer takes the place of the backend's")
)

// maxInterim is how many 1xx responses may come before the answer.
const maxInterim = 100

// answer reads the response and gives it to the client.
func (x *exchange) answer() (server.Status, error) {
	r, s := x.r, x.s
	interims := 0
	for {
		f, err := s.framer.ReadFrame()
		if err != nil {
			return 0, err
		}
		if f.Header().StreamID != x.id {
			if err := s.common(f, x); err != nil {
				return 0, err
			}
			if s.goAway && s.last < x.id {
				return 0, errRefused
			}
			continue
		}
		switch f := f.(type) {
		case *http2.MetaHeadersFrame:
			if f.Truncated {
				return 0, http2.StreamError{StreamID: x.id, Code: http2.ErrCodeProtocol}
			}
			if x.answered {
				x.trailers(f)
				if f.StreamEnded() {
					return x.end()
				}
				continue
			}
			status, err := strconv.Atoi(f.PseudoValue("status"))
			if err != nil || status < 100 || status > 999 || len(f.PseudoValue("status")) != 3 {
				return 0, http2.StreamError{StreamID: x.id, Code: http2.ErrCodeProtocol}
			}
			if !x.fields(f, status) {
				return 0, http2.StreamError{StreamID: x.id, Code: http2.ErrCodeProtocol}
			}
			if status < 200 {
				if interims++; f.StreamEnded() || interims > maxInterim || status == 101 {
					return 0, http2.StreamError{StreamID: x.id, Code: http2.ErrCodeProtocol}
				}
				x.inform(status)
				continue
			}
			x.answered = true
			if err := x.begin(status); err != nil {
				return 0, err
			}
			if f.StreamEnded() {
				return x.end()
			}
			if x.sending != nil && s.in.Buffered() == 0 {
				// A client that still sends may wait for the head before it goes on.
				if r.PassBrigade(&server.Brigade{Flush: true}) != nil {
					return 0, errClient
				}
			}
		case *http2.DataFrame:
			if !x.answered {
				return 0, http2.StreamError{StreamID: x.id, Code: http2.ErrCodeProtocol}
			}
			if err := x.piece(f); err != nil {
				return 0, err
			}
			if f.StreamEnded() {
				return x.end()
			}
		case *http2.RSTStreamFrame:
			if f.ErrCode == http2.ErrCodeRefusedStream {
				return 0, errRefused
			}
			return 0, errReset
		default:
			if err := s.common(f, x); err != nil {
				return 0, err
			}
		}
		if r.Conn.Aborted {
			return 0, errClient
		}
	}
}

// fields takes the fields of a head in; it is false when there is one that cannot be.
func (x *exchange) fields(f *http2.MetaHeadersFrame, status int) (ok bool) {
	r := x.r
	r.Notes.Set("proxy-status", strconv.Itoa(status))
	for _, h := range f.RegularFields() {
		name := http.CanonicalHeaderKey(h.Name)
		switch name {
		case "Connection", "Proxy-Connection", "Keep-Alive", "Upgrade", "Transfer-Encoding":
			return false // there are none in HTTP/2 (RFC 9113 section 8.2.2)
		case "Content-Type":
			r.ContentType = h.Value
			r.Out.Set(name, h.Value)
			continue
		case "Set-Cookie":
			r.Out.Add(name, r.ProxyCookie(h.Value))
			continue
		case "Location", "Content-Location", "Uri", "Destination":
			r.Out.Add(name, r.ProxyLocation(h.Value))
			continue
		case "Link":
			r.Out.Add(name, reverseLink(h.Value, x.mapped))
			continue
		}
		r.Out.Add(name, h.Value)
	}
	return true
}

// mapped is a target of a link as the client knows it: a path of the backend's stays
// a path.
func (x *exchange) mapped(target string) string {
	if !strings.HasPrefix(target, "/") || strings.HasPrefix(target, "//") {
		return x.r.ProxyLocation(target)
	}
	base := x.call.URL
	if i := strings.Index(base, "://"); i >= 0 {
		if j := strings.IndexAny(base[i+3:], "/?"); j >= 0 {
			base = base[:i+3+j]
		}
	}
	there := base + target
	here := x.r.ProxyLocation(there)
	if here == there {
		return target
	}
	if i := strings.Index(here, "://"); i >= 0 {
		if j := strings.IndexByte(here[i+3:], '/'); j >= 0 {
			return here[i+3+j:]
		}
	}
	return here
}

// reverseLink maps the targets in a Link field.
func reverseLink(s string, mapped func(string) string) string {
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '<')
		if i < 0 {
			break
		}
		j := strings.IndexByte(s[i:], '>')
		if j < 0 {
			break
		}
		b.WriteString(s[:i+1])
		b.WriteString(mapped(s[i+1 : i+j]))
		b.WriteByte('>')
		s = s[i+j+1:]
	}
	b.WriteString(s)
	return b.String()
}

// inform sends a 1xx response on to a client that speaks HTTP/2 too.
func (x *exchange) inform(status int) {
	r := x.r
	if r.Conn.Stream == nil {
		return
	}
	old, line := r.Status, r.StatusLine
	r.Status, r.StatusLine = status, server.StatusText(status)
	r.Exchange.Interim(r, status) //nolint:errcheck // the response itself will tell
	r.Status, r.StatusLine = old, line
}

// begin makes the head of the response.
func (x *exchange) begin(status int) error {
	r := x.r
	via := x.call.Conf.Via.Else(server.ProxyViaOff)
	if via == server.ProxyViaOn || via == server.ProxyViaFull {
		r.Out.Add("Via", r.ProxyViaField(via))
	}
	if x.dir.Overrides(status) {
		if status == 401 {
			if v, ok := r.Out.Lookup("WWW-Authenticate"); ok {
				r.ErrOut.Set("WWW-Authenticate", v)
			}
		}
		elog.Debug(r).Msgf("proxy-error-override status %d", status)
		r.Notes.Set("proxy-error-override", "1")
		r.Status, r.StatusLine = 200, ""
		x.status = status
		return errOverride
	}
	r.Status, r.StatusLine = status, server.StatusText(status)
	return nil
}

// piece gives some of the body to the client.
func (x *exchange) piece(f *http2.DataFrame) error {
	r, s := x.r, x.s
	p := f.Data()
	x.call.Worker.Shared.Read().Add(uint64(len(p)))
	if len(p) > 0 && !r.HeaderOnly {
		if err := r.PassPiece(p, s.in.Buffered() == 0 && !f.StreamEnded()); err != nil {
			return errClient
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if x.unread += int64(f.Length); x.unread >= streamWindow/2 && !f.StreamEnded() {
		s.windowUpdate(x.id, uint32(x.unread))
		x.unread = 0
	}
	if err := s.took(x.id, int64(f.Length)); err != nil {
		return err
	}
	return s.flush()
}

// trailers are sent behind the body to clients that speak HTTP/2.
func (x *exchange) trailers(f *http2.MetaHeadersFrame) {
	for _, h := range f.RegularFields() {
		x.r.TrailersOut.Add(http.CanonicalHeaderKey(h.Name), h.Value)
	}
}

// end ends the response.
func (x *exchange) end() (server.Status, error) {
	if x.r.End() != nil {
		return 0, errClient
	}
	return server.OK, nil
}
