package h1

import (
	"bytes"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// limits are the directives that bound a head.
type limits struct {
	line, field, fields int
	unsafe, http09      bool
	registered          bool
	forward             bool // a proxy may ask for URLs of any scheme
}

// Defaults of LimitRequestLine, LimitRequestFieldsize and LimitRequestFields.
const (
	defaultLine   = 8190
	defaultField  = 8190
	defaultFields = 100
)

func limitsOf(c *server.ServerConfig) limits {
	return limits{line: c.LimitRequestLine.Else(defaultLine), field: c.LimitRequestFieldSize.Else(defaultField),
		fields: c.LimitRequestFields.Else(defaultFields), unsafe: c.Unsafe.Else(false), http09: c.HTTP09.Else(true),
		registered: c.RegisteredMethods.Else(false)}
}

// head is a request's line and fields.
type head struct {
	line     string // as sent
	method   string
	target   string
	proto    string // "" for HTTP/0.9
	major    int
	minor    int
	fields   http.Header // one value a name
	order    []string    // names as spelled
	notes    string      // error-notes of a bad request
	simple   bool
	consumed int
}

// parse reads a head from b. It gives the status of a malformed one, and more
// when b ends before the head does: then nothing is decided yet.
func parse(b []byte, l limits, eof bool) (h *head, status int, more bool) {
	h = &head{}
	at := 0
	for blank := 0; ; blank++ { // blank lines before the request line are skipped
		if bytes.HasPrefix(b[at:], []byte("\r\n")) {
			at += 2
		} else if bytes.HasPrefix(b[at:], []byte("\n")) && l.unsafe {
			at++
		} else {
			break
		}
		if blank >= l.fields && l.fields > 0 {
			return h, 400, false
		}
	}
	raw, next, st, more := cutLine(b, at, l.line, l)
	if more {
		if len(b)-at > l.line+2 {
			h.line = printable(b[at : at+l.line])
			return h, 414, false
		}
		return h, 0, true
	}
	h.line = string(raw)
	if st == errLong {
		h.line = printable(raw[:min(len(raw), l.line)])
		return h, 414, false
	}
	if st != 0 {
		if h.requestLine(l); h.simple { // a half of a line is no request of HTTP/0.9
			h.simple, h.proto, h.major, h.minor = false, "HTTP/1.0", 1, 0
		}
		return h, 400, false
	}
	if s := h.requestLine(l); s != 0 {
		return h, s, false
	}
	h.consumed = next
	if h.simple {
		return h, 0, false
	}
	return h.readFields(b, next, l)
}

func printable(b []byte) string { return string(b) }

const (
	errLong = 1
	errBare = 2
)

// cutLine cuts a line ending in CRLF (or LF where HttpProtocolOptions Unsafe allows it).
func cutLine(b []byte, at, limit int, l limits) (line []byte, next, err int, more bool) {
	i := bytes.IndexByte(b[at:], '\n')
	if i < 0 {
		return nil, 0, 0, true
	}
	line, next = b[at:at+i], at+i+1
	if len(line) > 0 && line[len(line)-1] == '\r' {
		line = line[:len(line)-1]
	} else if !l.unsafe {
		err = errBare
	}
	if limit > 0 && len(line) > limit {
		err = errLong
	}
	return line, next, err, false
}

// requestLine takes the line apart: method, target and protocol between single
// spaces. 0 is no error.
func (h *head) requestLine(l limits) int {
	s := h.line
	h.proto, h.major, h.minor = "HTTP/1.0", 1, 0
	i := strings.IndexByte(s, ' ')
	if i <= 0 {
		h.method = s
		if i < 0 && len(s) > 0 && validToken(s) {
			h.target = ""
		}
		return 400
	}
	h.method = s[:i]
	rest := s[i+1:]
	if l.unsafe {
		rest = strings.TrimLeft(rest, " \t")
	}
	target, proto, has := strings.Cut(rest, " ")
	h.target = target
	if !validToken(h.method) && !l.unsafe || target == "" || !validValue(h.method) || strings.IndexByte(h.method, '\t') >= 0 {
		return 400
	}
	for j := 0; j < len(target); j++ {
		if c := target[j]; c <= ' ' || c == 0x7f {
			return 400
		}
	}
	if !validTarget(h.method, target, l.forward, l.unsafe) {
		return 400
	}
	if l.registered && !server.KnownMethod(h.method) {
		return 501
	}
	if !has || proto == "" {
		if !l.http09 || h.method != "GET" || target[0] != '/' {
			return 400
		}
		h.simple, h.proto, h.major, h.minor = true, "HTTP/0.9", 0, 9
		return 0
	}
	if l.unsafe {
		proto = strings.Trim(proto, " ")
	}
	if len(proto) != 8 || proto[:5] != "HTTP/" || proto[6] != '.' || !digit(proto[5]) || !digit(proto[7]) {
		return 400
	}
	h.proto, h.major, h.minor = proto, int(proto[5]-'0'), int(proto[7]-'0')
	if h.major < 1 {
		return 400
	}
	return 0 // a later major version is answered as 1.1, as Apache does
}

// validTarget refuses what is a path to one reader and something else to
// another: fragments, users in front of hosts, schemes that are not HTTP's, a
// path for CONNECT (observed on 2.4.71). HttpProtocolOptions Unsafe lets users pass.
func validTarget(method, target string, anyScheme, users bool) bool {
	if strings.IndexByte(target, '#') >= 0 {
		return false
	}
	if method == "CONNECT" {
		host, port, ok := strings.Cut(target[strings.LastIndexByte(target, ']')+1:], ":")
		_, err := strconv.ParseUint(port, 10, 16)
		return ok && err == nil && target[0] != '/' && (host != "" || target[0] == '[')
	}
	scheme, rest, absolute := strings.Cut(target, "://")
	if !absolute || target[0] == '/' || strings.IndexByte(scheme, '?') >= 0 {
		return true
	}
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		rest = rest[:i]
	}
	return (anyScheme || strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https")) && (users || strings.IndexByte(rest, '@') < 0)
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

const tokenChars = "!#$%&'*+-.^_`|~"

var isToken [256]bool

func init() {
	for c := range 256 {
		isToken[c] = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c < 0x80 && strings.IndexByte(tokenChars, byte(c)) >= 0
	}
}

func validToken(s string) bool {
	if s == "" {
		return false
	}
	for i := 0; i < len(s); i++ {
		if !isToken[s[i]] {
			return false
		}
	}
	return true
}

// readFields reads the fields up to the empty line. Fields of one name become
// one, joined by commas; a folded line is joined by a space.
func (h *head) readFields(b []byte, at int, l limits) (*head, int, bool) {
	h.fields = make(http.Header, 12)
	name, value := "", ""
	count := 0
	flush := func() {
		if name == "" {
			return
		}
		key := textproto.CanonicalMIMEHeaderKey(name)
		if old, ok := h.fields[key]; ok {
			h.fields[key] = []string{old[0] + ", " + value}
		} else {
			h.fields[key] = []string{value}
			h.order = append(h.order, name)
		}
		name = ""
	}
	for {
		line, next, err, more := cutLine(b, at, l.field, l)
		if more {
			if l.field > 0 && len(b)-at > l.field+2 {
				h.tooLong(b[at:])
				return h, 400, false
			}
			return h, 0, true
		}
		at = next
		if err == errLong {
			h.tooLong(line)
			return h, 400, false
		}
		if err != 0 {
			return h, 400, false
		}
		if len(line) == 0 {
			flush()
			h.consumed = at
			return h, 0, false
		}
		if line[0] == ' ' || line[0] == '\t' {
			if name == "" {
				h.notes = "Request header field is missing ':' separator.<br />\n<pre>\n" + server.EscapeHTML(string(line)) + "</pre>\n"
				return h, 400, false
			}
			if len(line) == 1 { // "Empty folded line encountered", AH03443
				return h, 400, false
			}
			more := strings.Trim(string(line), " \t")
			if l.field > 0 && len(name)+len(value)+len(more) > l.field {
				h.tooLong([]byte(name + ": " + value))
				return h, 400, false
			}
			value = strings.TrimRight(value, " \t") + " " + more
			if !l.takes(more) {
				return h, 400, false
			}
			continue
		}
		flush()
		if count++; l.fields > 0 && count > l.fields {
			h.notes = "The number of request header fields exceeds this server's limit."
			return h, 400, false
		}
		i := bytes.IndexByte(line, ':')
		if i < 0 {
			h.notes = ""
			return h, 400, false
		}
		n := string(line[:i])
		if !validToken(n) {
			return h, 400, false
		}
		v := strings.Trim(string(line[i+1:]), " \t")
		if !l.takes(v) {
			return h, 400, false
		}
		name, value = n, v
	}
}

func (h *head) tooLong(line []byte) {
	name, _, _ := bytes.Cut(line, []byte(":"))
	if len(name) > 80 {
		name = name[:80]
	}
	h.notes = "Size of a request header field exceeds server limit."
	_ = name
}

// takes tells whether a field may have a value. HttpProtocolOptions Unsafe
// leaves four control characters that no value has: NUL, which ends a string of
// Apache's, and those that isspace(3) knows besides tab (observed on 2.4.71).
func (l limits) takes(value string) bool {
	return validValue(value) || l.unsafe && !strings.ContainsAny(value, "\x00\v\f\r")
}

// validValue tells whether there are no control characters but tabs.
func validValue(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// framing is how a request's body is delimited.
type framing struct {
	chunked bool
	length  int64
	close   bool // the connection must end after this request
	status  int  // of a contradiction
	expect  bool // 100-continue
}

// bodyFraming decides by the fields (RFC 9112 section 6.3).
func bodyFraming(h *head) framing {
	var f framing
	te, hasTE := h.fields["Transfer-Encoding"]
	cl, hasCL := h.fields["Content-Length"]
	if hasTE {
		if !strings.EqualFold(te[0], "chunked") {
			codings := strings.Split(te[0], ",")
			if !strings.EqualFold(strings.TrimSpace(codings[len(codings)-1]), "chunked") {
				f.status, f.close = 400, true
				return f
			}
			f.status, f.close = 501, true
			return f
		}
		f.chunked = true
		if hasCL {
			delete(h.fields, "Content-Length")
			f.close = true
		}
		if h.minor == 0 && h.major == 1 {
			f.close = true
		}
	} else if hasCL {
		n, err := strconv.ParseInt(cl[0], 10, 64)
		if err != nil || n < 0 || !digit(cl[0][0]) {
			f.status, f.close = 400, true
			return f
		}
		f.length = n
	}
	if e, ok := h.fields["Expect"]; ok && (h.major > 1 || h.minor >= 1) {
		if !strings.EqualFold(e[0], "100-continue") {
			f.status = 417
			return f
		}
		f.expect = f.chunked || f.length > 0
	}
	return f
}
