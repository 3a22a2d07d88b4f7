package server

import (
	"net/http"
	"strings"
)

const hexDigits = "0123456789abcdef"

// AppendLogItem writes what a client may have sent so that a line of a log
// stays one line and can be read back (ap_escape_logitem).
func AppendLogItem(b []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x20 && c < 0x7f && c != '"' && c != '\\' {
			b = append(b, c)
			continue
		}
		if j := strings.IndexByte("\b\n\r\t\v\\\"", c); j >= 0 {
			b = append(b, '\\', `bnrtv\"`[j])
			continue
		}
		b = append(b, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
	}
	return b
}

// FieldIn is a field of the request and whether it was sent.
func (r *Request) FieldIn(name string) (string, bool) {
	r.dependsOnField(name)
	return r.fieldIn(name)
}

// fieldIn is FieldIn for what the wire engine knows by itself when it repeats
// an answer: Connection.
func (r *Request) fieldIn(name string) (string, bool) {
	v := r.Header[http.CanonicalHeaderKey(name)]
	if len(v) == 0 {
		// The authority of a stream stands for the field; that of an absolute
		// target, which an HTTP/1.0 client may send without one, does not.
		if strings.EqualFold(name, "Host") && r.Request.Host != "" && r.ProtoAtLeast(1, 1) {
			return r.Request.Host, true
		}
		return "", false
	}
	if len(v) == 1 {
		return v[0], true
	}
	return strings.Join(v, ", "), true
}
