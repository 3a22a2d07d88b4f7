package proxy_uwsgi

import (
	"bufio"
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// receive reads the answer, which begins like one of HTTP, and gives it to the
// client (uwsgi_response).
func receive(c *server.ProxyCall, conn *server.ProxyConn) server.Status {
	r := c.R
	if _, err := conn.R.Peek(1); err != nil {
		return 500 // not even a status line
	}
	status, line, fields, ok := readHead(conn.R)
	if !ok {
		return 502
	}
	r.Status, r.StatusLine = status, line
	for _, f := range fields {
		if hopByHop[server.LowerASCII(f.Name)] {
			elog.Trace(1, r).Msgf("uwsgi: removing hop-by-hop header '%s'", f.Name)
			continue
		}
		r.Out.Add(f.Name, f.Value)
	}
	if t, ok := r.Out.Lookup("Content-Type"); ok {
		r.ContentType = t
	}
	if server.ProxyDir.Of(r.Dir).Overrides(r.Status) {
		s := server.Status(r.Status)
		r.Status, r.StatusLine = 200, ""
		return s
	}
	if err := c.RelayRest(conn, nil); err != nil {
		return c.RelayBroke(err, true)
	}
	return server.OK
}

var hopByHop = map[string]bool{"connection": true, "keep-alive": true, "proxy-authenticate": true, "proxy-authorization": true, "te": true,
	"trailer": true, "transfer-encoding": true, "upgrade": true}

// Bounds of a head (HUGE_STRING_LEN of Apache for a line).
const (
	maxLine   = 8192
	maxFields = 1000
)

// readHead reads the status line and the fields. line is the status and its words.
func readHead(in *bufio.Reader) (status int, line string, fields []server.Field, ok bool) {
	first, ok := readLine(in)
	if !ok {
		return 0, "", nil, false
	}
	at := 0
	switch {
	case matches(first, "HTTP/#.# ###"):
		at = 9
	case matches(first, "HTTP/# ###"):
		at = 7
	default:
		return 0, "", nil, false
	}
	status, _ = strconv.Atoi(first[at : at+3])
	if line = first[at:]; len(line) == 3 {
		line += " "
	}
	for {
		l, ok := readLine(in)
		if !ok || len(fields) == maxFields {
			return 0, "", nil, false
		}
		if l == "" {
			return status, line, fields, true
		}
		name, value, ok := strings.Cut(l, ":")
		if !ok {
			return 0, "", nil, false
		}
		fields = append(fields, server.Field{Name: name, Value: strings.Trim(value, " \t")})
	}
}

func readLine(in *bufio.Reader) (string, bool) {
	var b []byte
	for {
		p, err := in.ReadSlice('\n')
		b = append(b, p...)
		if err == nil {
			return strings.TrimRight(string(b), "\r\n"), true
		}
		if err != bufio.ErrBufferFull || len(b) >= maxLine {
			return "", false
		}
	}
}

// matches tells whether s begins like mask, in which # is a digit.
func matches(s, mask string) bool {
	if len(s) < len(mask) {
		return false
	}
	for i := range mask {
		if mask[i] == '#' && (s[i] < '0' || s[i] > '9') || mask[i] != '#' && s[i] != mask[i] {
			return false
		}
	}
	return true
}
