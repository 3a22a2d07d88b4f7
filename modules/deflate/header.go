package deflate

import (
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// takeGzip looks whether the last of the codings in a list, but for identity,
// is gzip, and gives the list without it (check_gzip).
func takeGzip(list string) (rest string, found bool) {
	if isGzip(list) {
		return "", true
	}
	if !strings.Contains(list, ",") {
		return list, false
	}
	left := list
	for {
		i := strings.LastIndexByte(left, ',')
		if i < 0 {
			if isGzip(left) {
				return "", true
			}
			return list, false
		}
		last := strings.TrimLeft(left[i+1:], " \t\n\v\f\r")
		left = left[:i]
		switch {
		case isGzip(last):
			return left, true
		case last != "" && !strings.EqualFold(last, "identity"):
			return list, false
		}
	}
}

func isGzip(s string) bool { return strings.EqualFold(s, "gzip") || strings.EqualFold(s, "x-gzip") }

// takeGzipOfRequest takes gzip out of the request's Content-Encoding.
func takeGzipOfRequest(r *server.Request) bool {
	v, ok := r.FieldIn("Content-Encoding")
	if !ok {
		return false
	}
	rest, found := takeGzip(v)
	switch {
	case !found:
	case rest == "":
		r.UnsetFieldIn("Content-Encoding")
	default:
		r.SetFieldIn("Content-Encoding", rest)
	}
	return found
}

// takeGzipOfResponse takes gzip out of the response's Content-Encoding, where
// it is said: in Out, else ErrOut, else by the type of the file.
func takeGzipOfResponse(r *server.Request) bool {
	fields := &r.Out
	if !fields.Has("Content-Encoding") {
		if fields = &r.ErrOut; !fields.Has("Content-Encoding") {
			rest, found := takeGzip(r.ContentEncoding)
			if found {
				r.ContentEncoding = rest
			}
			return found
		}
	}
	rest, found := takeGzip(fields.Get("Content-Encoding"))
	switch {
	case !found:
	case rest == "":
		fields.Unset("Content-Encoding")
	default:
		fields.Set("Content-Encoding", rest)
	}
	if r.ContentEncoding != "" {
		r.ContentEncoding = fields.Get("Content-Encoding")
	}
	return found
}
