package h2

import (
	"net/http"
	"net/textproto"
	"strconv"
	"strings"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/donjon-httpd/donjon/server"
)

// maxString bounds one name or value.
const maxString = 128 << 10

// block is a block of fields that is being read.
type block struct {
	id       uint32
	end      bool // END_STREAM
	trailers bool
	first    int // bytes of it so far
	pieces   int
	size     int // as decoded
	head     *head
}

// head is what the fields of a request say.
type head struct {
	method, scheme, authority, path, protocol string
	has                                       pseudo
	fields                                    http.Header // one value a name
	order                                     []string
	count                                     int
	regular                                   bool   // a field that is no pseudo-field came
	malformed                                 string // why; "" for not
	status                                    int    // that the request is refused with; 0 for none
	trailers                                  bool
	wire                                      int64 // bytes on the wire
	limits                                    limits
}

// limits are the directives that bound a head.
type limits struct{ line, field, fields int }

func limitsOf(c *server.ServerConfig) limits {
	return limits{c.LimitRequestLine.Else(8190), c.LimitRequestFieldSize.Else(8190), c.LimitRequestFields.Else(100)}
}

type pseudo uint8

const (
	hasMethod pseudo = 1 << iota
	hasScheme
	hasAuthority
	hasPath
	hasProtocol
)

func (s *session) headers(f *http2.HeadersFrame) error {
	s.block = block{id: f.StreamID, end: f.StreamEnded(), head: &head{fields: http.Header{}, limits: limitsOf(server.CoreServer.Of(s.conn.Server))}}
	if f.HasPriority() && f.Priority.StreamDep == f.StreamID {
		s.block.head.malformed = "a stream depends on itself"
	}
	s.mu.Lock()
	switch st := s.streams[f.StreamID]; {
	case f.StreamID%2 == 0:
		s.mu.Unlock()
		return protocolError("a stream of the client's has an even number")
	case st != nil && !st.remoteEnd:
		s.block.trailers, s.block.head.trailers = true, true
		s.block.head.fields = nil
		if !f.StreamEnded() {
			s.block.head.malformed = "trailers do not end the stream"
		}
	case st != nil:
		s.mu.Unlock()
		return &connError{http2.ErrCodeStreamClosed, "HEADERS on a stream that has ended"}
	case f.StreamID <= s.last:
		s.block.trailers = true // of a stream that is over: they are decoded, and forgotten
		s.block.head.trailers = true
	}
	s.mu.Unlock()
	return s.fragment(f.HeaderBlockFragment(), f.HeadersEnded())
}

func (s *session) continuation(f *http2.ContinuationFrame) error {
	if s.block.pieces++; s.block.pieces > maxContinuations {
		return &connError{http2.ErrCodeEnhanceYourCalm, "too many CONTINUATION frames"}
	}
	return s.fragment(f.HeaderBlockFragment(), f.HeadersEnded())
}

// fragment decodes a piece of a block.
func (s *session) fragment(p []byte, last bool) error {
	b := &s.block
	if b.first += len(p); b.first > maxBlock {
		return &connError{http2.ErrCodeEnhanceYourCalm, "too many fields"}
	}
	b.head.wire += int64(len(p)) + 9
	if _, err := s.fields.Write(p); err != nil {
		return &connError{http2.ErrCodeCompression, err.Error()}
	}
	if b.size > maxFields {
		return &connError{http2.ErrCodeEnhanceYourCalm, "the fields are too long"}
	}
	if !last {
		return nil
	}
	if err := s.fields.Close(); err != nil {
		return &connError{http2.ErrCodeCompression, err.Error()}
	}
	h := b.head
	b.head = nil
	if b.trailers {
		return s.trailers(h, b.id)
	}
	return s.begin(h, b.id, b.end)
}

// emit is told a field.
func (s *session) emit(f hpack.HeaderField) {
	h := s.block.head
	if s.block.size += int(f.Size()); s.block.size > maxFields || h == nil || h.malformed != "" {
		return
	}
	h.add(f.Name, f.Value)
}

// add takes a field in (RFC 9113 sections 8.2 and 8.3).
func (h *head) add(name, value string) {
	if !validValue(value) {
		h.malformed = "the value of a field is malformed"
		return
	}
	if strings.HasPrefix(name, ":") {
		h.addPseudo(name, value)
		return
	}
	h.regular = true
	if !validName(name) {
		h.malformed = "the name of a field is malformed"
		return
	}
	switch name {
	case "connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade":
		h.malformed = "a field is about a connection"
		return
	case "te":
		if !strings.EqualFold(value, "trailers") {
			h.malformed = "TE allows more than trailers"
			return
		}
	case "http2-settings":
		return
	}
	if h.count++; h.limits.fields > 0 && h.count > h.limits.fields || h.limits.field > 0 && len(name)+len(value)+2 > h.limits.field {
		if h.status == 0 {
			h.status = 431
		}
		return
	}
	key := textproto.CanonicalMIMEHeaderKey(name)
	if h.fields == nil {
		h.fields = http.Header{}
	}
	old, had := h.fields[key]
	switch {
	case !had:
		h.fields[key] = []string{value}
		h.order = append(h.order, key)
	case key == "Host":
		h.malformed = "there are two hosts"
	case key == "Content-Length":
		if old[0] != value {
			h.malformed = "there are two lengths"
		}
	case key == "Cookie":
		h.fields[key] = []string{old[0] + "; " + value} // RFC 9113 section 8.2.3
	default:
		h.fields[key] = []string{old[0] + ", " + value}
	}
}

func (h *head) addPseudo(name, value string) {
	if h.regular {
		h.malformed = "a pseudo-field stands behind fields"
		return
	}
	if h.trailers {
		h.malformed = "a pseudo-field stands in trailers"
		return
	}
	var bit pseudo
	var to *string
	switch name {
	case ":method":
		bit, to = hasMethod, &h.method
	case ":scheme":
		bit, to = hasScheme, &h.scheme
	case ":authority":
		bit, to = hasAuthority, &h.authority
	case ":path":
		bit, to = hasPath, &h.path
	case ":protocol":
		bit, to = hasProtocol, &h.protocol
	default:
		h.malformed = "a pseudo-field is not known"
		return
	}
	if h.has&bit != 0 {
		h.malformed = "a pseudo-field is there twice"
		return
	}
	if l := h.limits.line; l > 0 && len(value) > l && h.status == 0 {
		h.status = 414
	}
	h.has |= bit
	*to = value
}

// check finds what is wrong with a request's head as a whole.
func (h *head) check(extended bool) string {
	switch {
	case h.malformed != "":
		return h.malformed
	case h.has&hasMethod == 0 || !validMethod(h.method):
		return "there is no method"
	case h.has&hasProtocol != 0 && (!extended || h.method != "CONNECT" || h.protocol == ""):
		return "a protocol is asked for"
	case h.method == "CONNECT" && h.has&hasProtocol == 0:
		if h.has != hasMethod|hasAuthority || h.authority == "" {
			return "CONNECT is malformed"
		}
		return ""
	case h.has&hasScheme == 0 || h.scheme == "":
		return "there is no scheme"
	case h.has&hasPath == 0 || h.path == "":
		return "there is no path"
	case h.path[0] != '/' && (h.path != "*" || h.method != "OPTIONS"):
		return "the path is malformed"
	case h.has&hasAuthority == 0 && h.fields["Host"] == nil, h.has&hasAuthority != 0 && h.authority == "":
		return "there is no authority"
	}
	for i := 0; i < len(h.path); i++ {
		if c := h.path[i]; c <= ' ' || c == 0x7f {
			return "the path is malformed"
		}
	}
	return ""
}

// foreign tells whether the scheme is none of HTTP's.
func (h *head) foreign() bool {
	return h.scheme != "" && !strings.EqualFold(h.scheme, "http") && !strings.EqualFold(h.scheme, "https")
}

// length is the Content-Length; -1 for none.
func (h *head) length() (int64, bool) {
	v, ok := h.fields["Content-Length"]
	if !ok {
		return -1, true
	}
	for _, c := range []byte(v[0]) {
		if c < '0' || c > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(v[0], 10, 64)
	return n, err == nil
}

// request makes a request of the head.
func (h *head) request(end bool) *http.Request {
	if h.has&hasAuthority != 0 && h.method != "CONNECT" {
		if h.fields["Host"] == nil {
			h.order = append(h.order, "Host")
		}
		h.fields["Host"] = []string{h.authority}
	}
	r := &http.Request{Method: h.method, Proto: "HTTP/2.0", ProtoMajor: 2, Header: h.fields, RequestURI: h.path, Body: http.NoBody}
	if h.method == "CONNECT" && h.has&hasProtocol == 0 {
		r.RequestURI, r.Host = h.authority, h.authority
		h.fields["Host"] = []string{h.authority}
	} else if host := h.fields["Host"]; host != nil {
		r.Host = host[0]
	}
	if !end {
		n, _ := h.length()
		if r.ContentLength = n; n < 0 && h.method != "CONNECT" {
			h.fields["Transfer-Encoding"] = []string{"chunked"} // what the phases know such bodies by
			h.order = append(h.order, "Transfer-Encoding")
		}
	}
	return r
}

// headOfUpgrade is the head of a request that came by HTTP/1.1.
func headOfUpgrade(r *server.Request) *head {
	h := &head{method: r.Method, scheme: "http", path: r.UnparsedURI, has: hasMethod | hasScheme | hasPath, fields: http.Header{}}
	drop := append(strings.Split(r.Header.Get("Connection"), ","), "Connection", "Upgrade", "HTTP2-Settings", "Keep-Alive", "Proxy-Connection")
	for _, name := range r.FieldOrder {
		key := textproto.CanonicalMIMEHeaderKey(name)
		if v, ok := r.Header[key]; ok && !containsFold(drop, key) {
			h.fields[key] = v
			h.order = append(h.order, name)
		}
	}
	if r.Request.Host != "" {
		h.authority = r.Request.Host
		h.has |= hasAuthority
	}
	return h
}

func containsFold(list []string, s string) bool {
	for _, x := range list {
		if strings.EqualFold(strings.TrimSpace(x), s) {
			return true
		}
	}
	return false
}

// validValue is RFC 9113 section 8.2.1.
func validValue(s string) bool {
	if s == "" {
		return true
	}
	if c := s[0]; c == ' ' || c == '\t' {
		return false
	}
	if c := s[len(s)-1]; c == ' ' || c == '\t' {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

func validName(s string) bool {
	if s == "" {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0) {
			return false
		}
	}
	return true
}

func validMethod(s string) bool {
	if s == "" {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0) {
			return false
		}
	}
	return true
}
