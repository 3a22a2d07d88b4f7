package h1

import (
	"bytes"
	"fmt"
	"io"
	"net/textproto"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

// bodyError is a request body that cannot be read on, with the status that
// tells the client.
type bodyError struct {
	status server.Status
	what   string
	told   bool // Apache tells the length of the error page
}

func (e *bodyError) Error() string             { return e.what }
func (e *bodyError) HTTPStatus() server.Status { return e.status }

// LengthTold is for [server.Request.BodyFailed].
func (e *bodyError) LengthTold() bool { return e.told }

// defaultBodyLimit is LimitRequestBody's default.
const defaultBodyLimit = 1 << 30

// body reads a request's body from its connection.
type body struct {
	c       *conn
	r       *server.Request
	f       framing
	left    int64 // of the body, or of the chunk being read
	started bool  // the first chunk's line was read
	done    bool
	read    int64
	err     error
}

func (b *body) Close() error { return nil }

func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if b.done {
		return 0, io.EOF
	}
	if b.c.timer.part != "body" && b.r.Method != "CONNECT" {
		l := b.c.info.Gen.ReadLimits(b.r.Server)
		b.c.timer.begin("body", &l.Body, time.Now(), l.Expired)
	}
	n, err := b.next(p)
	b.read += int64(n)
	if err != nil && err != io.EOF {
		b.err = err
		b.c.info.Close = true
	}
	if err == io.EOF {
		b.done = true
	}
	return n, err
}

func (b *body) next(p []byte) (int, error) {
	limit := server.CoreDir.Of(b.r.Dir).LimitRequestBody.Else(defaultBodyLimit)
	if limit > 0 && !b.f.chunked && b.f.length > limit {
		return 0, &bodyError{413, fmt.Sprintf("AH01587: Requested content-length of %d is larger than the configured limit of %d", b.f.length, limit), false}
	}
	if b.f.expect {
		b.f.expect, b.r.Expecting = false, false
		if !b.r.HeadSent {
			if err := b.c.writeAll([]byte("HTTP/1.1 100 Continue\r\n\r\n")); err != nil {
				return 0, err
			}
		}
	}
	if !b.f.chunked {
		if b.left == 0 {
			return 0, io.EOF
		}
		n, err := b.c.read(p[:min(int64(len(p)), b.left)])
		b.left -= int64(n)
		if err == io.EOF {
			err = &bodyError{400, "the body ended early", false}
		}
		if err == nil && b.left == 0 {
			b.done = true
		}
		return n, err
	}
	if b.left == 0 {
		size, err := b.chunkLine()
		if err != nil {
			return 0, err
		}
		if size == 0 {
			if err := b.trailers(); err != nil {
				return 0, err
			}
			return 0, io.EOF
		}
		b.left = size
		if limit > 0 && b.read+size > limit {
			return 0, &bodyError{413, fmt.Sprintf("AH01591: Read content length of %d is larger than the configured limit of %d", b.read+size, limit), false}
		}
	}
	n, err := b.c.read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	if err == io.EOF {
		err = &bodyError{400, "the body ended early", false}
	}
	return n, err
}

const maxChunkLine = 8190

func (b *body) chunkLine() (int64, error) {
	if b.started {
		line, err := b.c.line(2)
		if err != nil || len(line) != 0 {
			return 0, &bodyError{400, "a chunk does not end with CRLF", false}
		}
	}
	b.started = true
	line, err := b.c.line(maxChunkLine)
	if err != nil {
		return 0, err
	}
	return parseChunkSize(line)
}

// parseChunkSize reads a chunk's line: hexadecimal digits, then extensions,
// which are ignored (RFC 9112 section 7.1).
func parseChunkSize(line []byte) (int64, error) {
	bad := &bodyError{400, "AH01590: Error reading chunk", false}
	digits, ext, _ := bytes.Cut(line, []byte(";"))
	digits = bytes.TrimRight(digits, " \t")
	if len(digits) == 0 {
		return 0, bad
	}
	for _, c := range ext {
		if c < ' ' && c != '\t' || c == 0x7f {
			return 0, bad
		}
	}
	var n int64
	for _, c := range digits {
		var v byte
		switch {
		case c >= '0' && c <= '9':
			v = c - '0'
		case c >= 'a' && c <= 'f':
			v = c - 'a' + 10
		case c >= 'A' && c <= 'F':
			v = c - 'A' + 10
		default:
			return 0, bad
		}
		if n > (1<<62)>>4 {
			return 0, &bodyError{413, "AH01590: the size of a chunk is out of range", false}
		}
		n = n<<4 | int64(v)
	}
	return n, nil
}

// trailers reads the fields behind the last chunk.
func (b *body) trailers() error {
	l := b.c.limits
	for count := 0; ; count++ {
		line, err := b.c.line(max(l.field, 1))
		if err != nil {
			return err
		}
		if len(line) == 0 {
			return nil
		}
		if l.fields > 0 && count >= l.fields {
			return &bodyError{400, "too many trailer fields", true}
		}
		i := bytes.IndexByte(line, ':')
		if i <= 0 || !validToken(string(line[:i])) {
			return &bodyError{400, "a trailer field is malformed", true}
		}
		name, value := textproto.CanonicalMIMEHeaderKey(string(line[:i])), strings.Trim(string(line[i+1:]), " \t")
		if !l.takes(value) {
			return &bodyError{400, "a trailer field is malformed", true}
		}
		if b.r.Trailer == nil {
			b.r.Trailer = map[string][]string{}
		}
		b.r.Trailer.Add(name, value)
		// A field that the head had hides the one behind the body (apr_table_overlay).
		if _, had := b.r.Header[name]; !had && server.CoreServer.Of(b.r.Server).MergeTrailers.Else(false) {
			b.r.Header.Add(name, value)
		}
	}
}
