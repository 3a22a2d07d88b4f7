package h1

import (
	"bytes"
	"encoding/binary"
	"strconv"

	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/fcgi"
)

// Routes to FastCGI applications: the request is a list of variables, and the
// answer comes in records. A later request has the same variables, but for those
// of its fields, and the client's address and port.

// variables is what a request to an application is made of, in order.
type variables struct {
	parts []part
}

// part is some variables that are the same each time, or one kind of those that are not.
type part struct {
	kind  partKind
	fixed []byte // encoded
}

type partKind uint8

const (
	fixed partKind = iota
	clientFields
	clientAddress
	clientPort
)

// Names of variables that are not the same each time.
const (
	remoteAddr = "REMOTE_ADDR"
	remotePort = "REMOTE_PORT"
)

// recordsHeader is what stands before the variables, but for their length.
var recordsHeader = fcgi.AppendBegin(nil, fcgi.Responder, false)

// newVariables learns what was sent for a request; nil for what the loop could not send.
func newVariables(sent, raw []byte, c *server.Conn) *variables {
	content, ok := paramsOf(sent)
	if !ok {
		return nil
	}
	fields, ok := appendFieldVars(nil, raw)
	if !ok {
		return nil
	}
	v := &variables{}
	at := bytes.Index(content, fields)
	if len(fields) == 0 || at < 0 || bytes.LastIndex(content, fields) != at {
		return nil
	}
	v.addFixed(content[:at], c)
	v.parts = append(v.parts, part{kind: clientFields})
	v.addFixed(content[at+len(fields):], c)
	again, ok := v.appendRequest(nil, raw, c)
	if !ok || !bytes.Equal(again, sent) {
		return nil
	}
	return v
}

// addFixed takes encoded variables in, and those of the client's address out of them.
func (v *variables) addFixed(b []byte, c *server.Conn) {
	for _, own := range [...]struct {
		kind        partKind
		name, value string
	}{{clientAddress, remoteAddr, c.ClientIP}, {clientPort, remotePort, portOf(c)}} {
		pair := fcgi.AppendPair(nil, own.name, own.value)
		if at := bytes.Index(b, pair); at >= 0 {
			v.addFixed(b[:at], c)
			v.parts = append(v.parts, part{kind: own.kind})
			v.addFixed(b[at+len(pair):], c)
			return
		}
	}
	if len(b) > 0 {
		v.parts = append(v.parts, part{fixed: bytes.Clone(b)})
	}
}

func portOf(c *server.Conn) string { return strconv.Itoa(int(c.Remote.Port())) }

// appendRequest writes what is sent to the application for a request.
func (v *variables) appendRequest(b, raw []byte, c *server.Conn) ([]byte, bool) {
	b = append(b, recordsHeader...)
	p := fcgi.BeginParams(b)
	start := p.Len()
	for _, part := range v.parts {
		switch part.kind {
		case fixed:
			p.AddEncoded(part.fixed)
		case clientFields:
			var ok bool
			if ok = p.AddWith(func(b []byte) ([]byte, bool) { return appendFieldVars(b, raw) }); !ok {
				return b, false
			}
		case clientAddress:
			p.Add(remoteAddr, c.ClientIP)
		case clientPort:
			p.Add(remotePort, portOf(c))
		}
	}
	if p.Len()-start > fcgi.MaxContent {
		return b, false
	}
	return fcgi.AppendStdin(p.End(), nil), true
}

func (v *variables) same(o *variables) bool {
	if len(v.parts) != len(o.parts) {
		return false
	}
	for i := range v.parts {
		if v.parts[i].kind != o.parts[i].kind || !bytes.Equal(v.parts[i].fixed, o.parts[i].fixed) {
			return false
		}
	}
	return true
}

// paramsOf gives the variables in a request that has them in one record.
func paramsOf(sent []byte) (content []byte, ok bool) {
	rest, ok := bytes.CutPrefix(sent, recordsHeader)
	if !ok || len(rest) < fcgi.HeaderLen {
		return nil, false
	}
	n := int(binary.BigEndian.Uint16(rest[4:]))
	if len(rest) < fcgi.HeaderLen+n {
		return nil, false
	}
	return rest[fcgi.HeaderLen : fcgi.HeaderLen+n], true
}

// appendFieldVars writes a request's fields as variables (ap_add_common_vars). It
// is false for one with a field, or two of one name, that only the phases can tell.
func appendFieldVars(b, raw []byte) ([]byte, bool) {
	var seen [maxFields][]byte
	var name [64]byte
	count := 0
	_, rest, _ := bytes.Cut(raw, crlf)
	for {
		var field []byte
		var ok bool
		field, rest, ok = bytes.Cut(rest, crlf)
		if !ok {
			return b, false
		}
		if len(field) == 0 {
			return b, len(rest) == 0
		}
		colon := bytes.IndexByte(field, ':')
		if colon <= 0 || count == maxFields || colon > len(name)-len("HTTP_") || !tellable(field[:colon]) {
			return b, false
		}
		for _, s := range seen[:count] {
			if len(s) == colon && bytes.EqualFold(s, field[:colon]) {
				return b, false
			}
		}
		seen[count] = field[:colon]
		count++
		n := copy(name[:], "HTTP_")
		for _, c := range field[:colon] {
			switch {
			case c >= 'a' && c <= 'z':
				c -= 'a' - 'A'
			case c == '-':
				c = '_'
			case c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
			default:
				return b, false
			}
			name[n] = c
			n++
		}
		b = fcgi.AppendPair(b, name[:n], bytes.Trim(field[colon+1:], " "))
	}
}

// tellable tells whether a field is told to applications as it is.
func tellable(name []byte) bool {
	switch len(name) {
	case 5:
		return !is(name, "proxy")
	case 6:
		return !is(name, "expect")
	case 12:
		return !is(name, "content-type") && !is(name, "max-forwards")
	case 13:
		return !is(name, "authorization")
	case 14:
		return !is(name, "content-length")
	case 17:
		return !is(name, "transfer-encoding")
	case 19:
		return !is(name, "proxy-authorization")
	}
	return true
}

// readRecords looks at an application's answer that has come as a whole; its
// fields become the head, and the body is put together in text. It is false for
// one that has not come as a whole, or that is unusual in any way.
func (h *answerHead) readRecords(b, text []byte) (ok bool, rest []byte) {
	h.key, h.date, h.digits, h.length = h.key[:0], nil, nil, 0
	text = text[:0]
	for len(b) >= fcgi.HeaderLen {
		kind, n, pad := b[1], int(binary.BigEndian.Uint16(b[4:])), int(b[6])
		if b[0] != fcgi.Version || b[2] != 0 || b[3] != fcgi.RequestID || len(b) < fcgi.HeaderLen+n+pad {
			return false, text
		}
		content := b[fcgi.HeaderLen : fcgi.HeaderLen+n]
		b = b[fcgi.HeaderLen+n+pad:]
		switch {
		case kind == fcgi.Stdout:
			text = append(text, content...)
		case kind == fcgi.Stderr && n == 0:
		case kind == fcgi.End && n == 8 && content[4] == 0 && len(b) == 0:
			return h.cutFields(text), text
		default:
			return false, text
		}
	}
	return false, text
}

// cutFields finds the end of an application's fields, whose lines all end alike.
func (h *answerHead) cutFields(text []byte) bool {
	end := bytes.Index(text, []byte("\r\n\r\n"))
	if end < 0 || bytes.Contains(text[:end], []byte("\n\n")) {
		return false
	}
	h.size = end + 4
	h.key = append(h.key, text[:h.size]...)
	return true
}

// newRecordsHead learns what became of the fields of an application's answer. It
// is called before the head of the response is written.
func newRecordsHead(f *server.Forwarding, r *server.Request) *routedHead {
	var h answerHead
	if !r.Chunked || r.Out.Has("Date") || r.Out.Has("Content-Length") || !h.cutFields([]byte(f.Head)) || h.size != len(f.Head) {
		return nil
	}
	banner, ok := r.Out.Lookup("Server")
	if !ok {
		banner = r.Gen.Banner()
	}
	t := &routedHead{key: h.key, p: headOf(r, banner), chunks: true}
	t.p.conn = server.PersistenceOf(server.CoreServer.Of(r.Server))
	return t
}

// appendChunks writes a body as one chunk and the last one.
func appendChunks(b, body []byte) []byte {
	if len(body) > 0 {
		b = append(strconv.AppendInt(b, int64(len(body)), 16), "\r\n"...)
		b = append(append(b, body...), "\r\n"...)
	}
	return append(b, "0\r\n\r\n"...)
}
