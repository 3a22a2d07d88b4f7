package proxy_ajp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Messages of AJP 1.3 (Tomcat's "AJPv13" description): two magic bytes, the length
// of what follows, and a type. Numbers are big-endian; a string has its length
// before it and a zero byte behind.

// Types of messages. Those above the line go to the container.
const (
	forwardRequest = 2
	cping          = 10

	sendBodyChunk = 3
	sendHeaders   = 4
	endResponse   = 5
	getBodyChunk  = 6
	cpong         = 9
)

// Sizes of a message, its head included (AJP_MSG_BUFFER_SZ, AJP_MAX_BUFFER_SZ).
const (
	headLen     = 4
	defaultSize = 8192
	maximalSize = 65536
	// chunkHead is what a piece of body has before it: the head and its length.
	chunkHead = 6
)

// Attributes of a request.
const (
	attrRemoteUser  = 3
	attrAuthType    = 4
	attrQuery       = 5
	attrRoute       = 6
	attrRequest     = 10 // one with a name
	attrSecret      = 12
	attrMethod      = 13
	attrDone        = 0xff
	methodAttribute = 0xff // the method is an attribute
)

// methods have numbers.
var methods = map[string]byte{"OPTIONS": 1, "GET": 2, "HEAD": 3, "POST": 4, "PUT": 5, "DELETE": 6, "TRACE": 7, "PROPFIND": 8, "PROPPATCH": 9,
	"MKCOL": 10, "COPY": 11, "MOVE": 12, "LOCK": 13, "UNLOCK": 14, "ACL": 15, "REPORT": 16, "VERSION-CONTROL": 17, "CHECKIN": 18, "CHECKOUT": 19,
	"UNCHECKOUT": 20, "SEARCH": 21, "MKWORKSPACE": 22, "UPDATE": 23, "LABEL": 24, "MERGE": 25, "BASELINE-CONTROL": 26, "MKACTIVITY": 27}

// requestFields have numbers in a request.
var requestFields = map[string]uint16{"accept": 0xa001, "accept-charset": 0xa002, "accept-encoding": 0xa003, "accept-language": 0xa004,
	"authorization": 0xa005, "connection": 0xa006, "content-type": 0xa007, "content-length": 0xa008, "cookie": 0xa009, "cookie2": 0xa00a,
	"host": 0xa00b, "pragma": 0xa00c, "referer": 0xa00d, "user-agent": 0xa00e}

// responseFields are the names behind 0xa001 and so on in a response.
var responseFields = [...]string{"Content-Type", "Content-Language", "Content-Length", "Date", "Last-Modified", "Location", "Set-Cookie", "Set-Cookie2",
	"Servlet-Engine", "Status", "WWW-Authenticate"}

// writer makes a message of at most max bytes.
type writer struct {
	b    []byte
	max  int
	full bool
}

func newWriter(size int) *writer {
	return &writer{b: append(make([]byte, 0, 512), 0x12, 0x34, 0, 0), max: size}
}

func (w *writer) room(n int) bool {
	w.full = w.full || len(w.b)+n > w.max
	return !w.full
}

func (w *writer) byte(c byte) {
	if w.room(1) {
		w.b = append(w.b, c)
	}
}

func (w *writer) number(n uint16) {
	if w.room(2) {
		w.b = binary.BigEndian.AppendUint16(w.b, n)
	}
}

func (w *writer) text(s string) {
	if w.room(3 + len(s)) {
		w.b = append(append(binary.BigEndian.AppendUint16(w.b, uint16(len(s))), s...), 0)
	}
}

// null is a string that is not there.
func (w *writer) null() { w.number(0xffff) }

// attribute is a numbered one.
func (w *writer) attribute(kind byte, value string) {
	w.byte(kind)
	w.text(value)
}

// named is an attribute with a name.
func (w *writer) named(name, value string) {
	w.attribute(attrRequest, name)
	w.text(value)
}

// bytes are the message, with its length.
func (w *writer) bytes() []byte {
	binary.BigEndian.PutUint16(w.b[2:], uint16(len(w.b)-headLen))
	return w.b
}

// appendChunk is a piece of body; nothing is its end.
func appendChunk(b, piece []byte) []byte {
	b = append(b, 0x12, 0x34)
	b = binary.BigEndian.AppendUint16(b, uint16(len(piece)+2))
	return append(binary.BigEndian.AppendUint16(b, uint16(len(piece))), piece...)
}

// errMessage is a message of the container that cannot be understood.
var errMessage = errors.New("malformed message")

// messageError is a message whose head is wrong already.
type messageError struct{ text string }

func (e *messageError) Error() string { return e.text }

// readMessage reads a message of at most size bytes into buf and gives its content.
func readMessage(in io.Reader, buf []byte, size int) ([]byte, error) {
	var head [headLen]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint16(head[2:]))
	switch {
	case string(head[:2]) != "AB":
		return nil, &messageError{fmt.Sprintf("AH01080: ajp_msg_check_header() got bad signature %02x%02x", head[0], head[1])}
	case n > size:
		return nil, &messageError{fmt.Sprintf("AH01081: ajp_msg_check_header() incoming message is too big %d, max is %d", n, size)}
	case n == 0:
		return nil, errMessage
	}
	buf = append(buf[:0], make([]byte, n)...)
	if _, err := io.ReadFull(in, buf); err != nil {
		return nil, err
	}
	return buf, nil
}

// reader takes a message apart; bad says that something was not there.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n int) []byte {
	if n > len(r.b) {
		r.b, r.bad = nil, true
		return nil
	}
	p := r.b[:n]
	r.b = r.b[n:]
	return p
}

func (r *reader) number() int {
	if p := r.take(2); p != nil {
		return int(binary.BigEndian.Uint16(p))
	}
	return 0
}

// text gives a string; ok is false for one that is not there.
func (r *reader) text() (s string, ok bool) {
	n := r.number()
	if r.bad || n == 0xffff {
		return "", false
	}
	s = string(r.take(n))
	r.take(1)
	return s, !r.bad
}

// field is a field of a response.
type field struct{ name, value string }

// parseHeaders reads what is behind the type of a SEND_HEADERS message.
func parseHeaders(b []byte) (status int, words string, hasWords bool, fields []field, err error) {
	r := reader{b: b}
	status = r.number()
	words, hasWords = r.text()
	count := r.number()
	for range count {
		if r.bad {
			break
		}
		f := field{}
		ok := true
		if len(r.b) > 0 && r.b[0] == 0xa0 {
			code := r.number() - 0xa001
			if code < 0 || code >= len(responseFields) {
				return 0, "", false, nil, errMessage
			}
			f.name = responseFields[code]
		} else if f.name, ok = r.text(); !ok {
			return 0, "", false, nil, errMessage
		}
		if f.value, ok = r.text(); !ok {
			return 0, "", false, nil, errMessage
		}
		fields = append(fields, f)
	}
	if r.bad {
		return 0, "", false, nil, errMessage
	}
	return status, words, hasWords, fields, nil
}

// parseChunk gives the piece of body behind the type of a SEND_BODY_CHUNK message.
func parseChunk(b []byte) ([]byte, error) {
	r := reader{b: b}
	n := r.number()
	p := r.take(n)
	if r.bad || len(r.b) != 1 {
		return nil, errMessage // the zero byte behind it is all that is left
	}
	return p, nil
}
