package proxy_http

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"regexp"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// defaultFieldSize bounds a line of a response's head (HUGE_STRING_LEN).
const defaultFieldSize = 8192

// maxHead bounds a response's head as a whole.
const maxHead = 1 << 20

var (
	errFieldSize = errors.New("a line of the response's head is too long")
	errBadField  = errors.New("a line of the response's head is no field")
	errNoSpace   = errors.New("(28)No space left on device")
)

var warning = regexp.MustCompile("[0-9]{3}[ \t]+[^ \t]+[ \t]+\"[^\"]*\"([ \t]+\"([^\"]+)\")?")

// rawHead is a response's head as it came.
type rawHead struct {
	line   string // the status line
	fields string // the lines behind it, without the empty one
	size   int
	bad    string // the line that was too long
	whole  string // all of it, where it came at once and is usual
}

// readHead reads a head, whole lines only: nothing behind it is taken from in.
// A first line that is no status line is given back alone.
func readHead(in *bufio.Reader, limit int) (h rawHead, err error) {
	if _, err := in.Peek(1); err != nil {
		return h, err
	}
	have, _ := in.Peek(in.Buffered())
	if n := headEnd(have); n > 0 && short(have[:n], limit) && have[0] != '\r' && have[0] != '\n' {
		text := string(have[:n])
		if line, fields, _ := strings.Cut(text, "\n"); isHTTP(line) {
			in.Discard(n) //nolint:errcheck // it is buffered
			h.line, h.size, h.whole = strings.TrimRight(line, "\r \t"), n, text
			h.fields = fields[:len(fields)-blankLine(fields)]
			return h, nil
		}
	}
	return readLines(in, limit)
}

// headEnd is where the empty line ends that ends the head; 0 when it has not come.
func headEnd(b []byte) int {
	for at := 0; ; {
		i := bytes.IndexByte(b[at:], '\n')
		if i < 0 {
			return 0
		}
		at += i + 1
		switch {
		case at < len(b) && b[at] == '\n':
			return at + 1
		case at+1 < len(b) && b[at] == '\r' && b[at+1] == '\n':
			return at + 2
		}
	}
}

func blankLine(fields string) int {
	if strings.HasSuffix(fields, "\r\n") {
		return 2
	}
	return 1
}

// short tells whether no line is longer than the limit.
func short(b []byte, limit int) bool {
	if len(b) < limit {
		return true
	}
	for len(b) > 0 {
		i := bytes.IndexByte(b, '\n')
		if i >= limit-1 {
			return false
		}
		b = b[i+1:]
	}
	return true
}

// readLines is readHead line by line.
func readLines(in *bufio.Reader, limit int) (h rawHead, err error) {
	line, err := readLine(in, limit)
	if err == nil && strings.TrimRight(line, "\r\n") == "" {
		line, err = readLine(in, limit) // one stray CRLF
	}
	h.size = len(line)
	if line != "" && (err == nil || err == io.EOF || errors.Is(err, errFieldSize)) {
		h.line = strings.TrimRight(line, "\r\n \t")
		if !isHTTP(h.line) {
			h.line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
			if h.line == "" {
				return h, io.ErrUnexpectedEOF
			}
			return h, nil
		}
	}
	if err != nil {
		if h.line != "" && err == io.EOF {
			return h, nil // a status line, and then the end
		}
		return h, err
	}
	if h.line == "" {
		return h, io.ErrUnexpectedEOF
	}
	var b strings.Builder
	for {
		line, err := readLine(in, limit)
		h.size += len(line)
		switch {
		case errors.Is(err, errFieldSize), err == nil && h.size > maxHead:
			h.bad = line
			return h, errFieldSize
		case err != nil:
			return h, err
		case strings.TrimRight(line, "\r\n") == "":
			h.fields = b.String()
			return h, nil
		}
		b.WriteString(line)
	}
}

// readLine gives a line with its end.
func readLine(in *bufio.Reader, limit int) (string, error) {
	var b []byte
	for {
		part, err := in.ReadSlice('\n')
		b = append(b, part...)
		if len(b) > limit {
			return string(b[:limit]), errFieldSize
		}
		if err != bufio.ErrBufferFull {
			return string(b), err
		}
	}
}

// fields reads the lines behind the status line into the request's fields
// (ap_proxy_read_headers).
func (x *exchange) fields(h rawHead, a *answer) error {
	r := x.r
	var cookies server.Fields
	for _, f := range r.Out.All() {
		if equalFold(f.Name, "Set-Cookie") {
			cookies.Add(f.Name, f.Value)
		}
	}
	r.Out.Clear()
	traces := elog.Trace(4, r) != nil
	if traces {
		elog.Trace(4, r).Msg("Headers received from backend:")
	}
	saw := false
	for rest := h.fields; rest != ""; {
		var line string
		line, rest = cutFolded(rest)
		if traces {
			elog.Trace(4, r).Msg(line)
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			if !isHTTP(line) {
				switch x.call.Conf.BadHeader.Else(server.ProxyBadHeaderIsError) {
				case server.ProxyBadHeaderIsError:
					return errBadField
				case server.ProxyBadHeaderStartBody:
					if saw {
						elog.Warn(r).Msgf("AH01098: Starting body due to bogus non-header in headers returned by %s (%s)", r.URI, r.Method)
						// The line itself is lost, as in Apache.
					} else {
						elog.Warn(r).Msgf("AH01099: No HTTP headers returned by %s (%s)", r.URI, r.Method)
					}
					a.pre = []byte(rest + "\r\n")
					x.addCookies(&cookies)
					return nil
				}
			}
			elog.Warn(r).Msgf("AH01100: Ignoring bogus HTTP header returned by %s (%s)", r.URI, r.Method)
			continue
		}
		saw = true
		value = trimSpace(value)
		switch {
		case equalFold(name, "Set-Cookie"):
			cookies.Add(name, r.ProxyCookie(value))
		case equalFold(name, "Date"), equalFold(name, "Expires"), equalFold(name, "Last-Modified"):
			r.Out.Add(name, canonicalDate(value))
		case equalFold(name, "Location"), equalFold(name, "Content-Location"), equalFold(name, "URI"), equalFold(name, "Destination"):
			r.Out.Add(name, r.ProxyLocation(value))
		default:
			r.Out.Add(name, value)
		}
	}
	x.addCookies(&cookies)
	return nil
}

// addCookies puts the cookies behind the other fields.
func (x *exchange) addCookies(cookies *server.Fields) {
	for _, f := range cookies.All() {
		x.r.Out.Add(f.Name, f.Value)
	}
}

// cutFolded cuts a line off, with those that continue it (RFC 9112 section 5.2).
func cutFolded(s string) (line, rest string) {
	line, rest = cutLine(s)
	for rest != "" && (rest[0] == ' ' || rest[0] == '\t') {
		var more string
		more, rest = cutLine(rest)
		line += more
	}
	return line, rest
}

func cutLine(s string) (line, rest string) {
	line, rest, _ = strings.Cut(s, "\n")
	return strings.TrimRight(line, "\r \t"), rest
}

func trimSpace(s string) string { return strings.Trim(s, " \t\n\v\f\r") }
