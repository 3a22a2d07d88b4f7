package h1

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/donjon-httpd/donjon/server"
)

var testLimits = limits{line: 8190, field: 8190, fields: 100, http09: true}

func TestParse(t *testing.T) {
	tests := []struct {
		name, text string
		status     int
		more       bool
		method     string
		fields     int
	}{
		{"plain", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0, false, "GET", 1},
		{"blank lines first", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 0, false, "GET", 1},
		{"not complete", "GET / HTTP/1.1\r\nHost: a\r\n", 0, true, "", 0},
		{"joined", "GET / HTTP/1.1\r\nA: 1\r\nA: 2\r\n\r\n", 0, false, "GET", 1},
		{"bare LF", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400, false, "GET", 0},
		{"no colon", "GET / HTTP/1.1\r\nHost\r\n\r\n", 400, false, "GET", 0},
		{"space before colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400, false, "GET", 0},
		{"control in value", "GET / HTTP/1.1\r\nA: \x01\r\n\r\n", 400, false, "GET", 0},
		{"two spaces", "GET  / HTTP/1.1\r\n\r\n", 400, false, "GET", 0},
		{"long line", "GET /" + strings.Repeat("a", 9000) + " HTTP/1.1\r\n\r\n", 414, false, "", 0},
		{"long line, no end yet", "GET /" + strings.Repeat("a", 9000), 414, false, "", 0},
		{"0.9", "GET /\r\n", 0, false, "GET", 0},
		{"half of a target", "GET /\nb HTTP/1.1\r\n\r\n", 400, false, "GET", 0},
		{"folded", "GET / HTTP/1.1\r\nA: 1\r\n 2\r\n\r\n", 0, false, "GET", 1},
		{"folded, empty", "GET / HTTP/1.1\r\nA: 1\r\n \r\n\r\n", 400, false, "GET", 0},
		{"folded, blank", "GET / HTTP/1.1\r\nA: 1\r\n  \r\n\r\n", 0, false, "GET", 1},
	}
	for _, tt := range tests {
		h, status, more := parse([]byte(tt.text), testLimits, false)
		if status != tt.status || more != tt.more {
			t.Errorf("%s: status %d, more %v", tt.name, status, more)
			continue
		}
		if !more && tt.method != "" && h.method != tt.method {
			t.Errorf("%s: method %q", tt.name, h.method)
		}
		if status == 0 && !more && len(h.fields) != tt.fields {
			t.Errorf("%s: fields %v", tt.name, h.fields)
		}
	}
}

// TestUnsafe: what HttpProtocolOptions Unsafe does not take either.
func TestUnsafe(t *testing.T) {
	l := testLimits
	l.unsafe = true
	for text, want := range map[string]int{
		"GET / HTTP/1.1\nA: b\n\n": 0, "GET / HTTP/1.1 \r\nA: b\r\n\r\n": 0, "GET / HTTP/1.1\r\nA: \x01\x7f\r\n\r\n": 0,
		"GET / HTTP/1.1\r\nA: a\rb\r\n\r\n": 400, "GET / HTTP/1.1\r\nA: a\x00b\r\n\r\n": 400, "GET / HTTP/1.1\r\nA: a\v\r\n\r\n": 400, "GET / HTTP/1.1\r\nA: b\r\n \fc\r\n\r\n": 400,
		"\rGET / HTTP/1.1\r\n\r\n": 400, "G\tT / HTTP/1.1\r\n\r\n": 400, "G\x01T / HTTP/1.1\r\n\r\n": 400, "GET / HTTP/1.1\v\r\n\r\n": 400, "GET / HTTP/1.1\t\r\n\r\n": 400,
	} {
		if _, status, more := parse([]byte(text), l, false); status != want || more {
			t.Errorf("%q: %d, want %d", text, status, want)
		}
	}
}

func TestChunkSize(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "a": 10, "1F": 31, "3;x=y": 3, "3 ;x": 3} {
		if n, err := parseChunkSize([]byte(text)); err != nil || n != want {
			t.Errorf("%q: %d, %v", text, n, err)
		}
	}
	for _, text := range []string{"", ";", "g", "-1", "0x1", "ffffffffffffffffff", "1;\x01"} {
		if n, err := parseChunkSize([]byte(text)); err == nil {
			t.Errorf("%q: %d", text, n)
		}
	}
}

func TestFraming(t *testing.T) {
	tests := []struct {
		head  string
		want  framing
		title string
	}{
		{"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n", framing{length: 5}, "length"},
		{"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", framing{chunked: true}, "chunked"},
		{"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", framing{chunked: true, close: true}, "both"},
		{"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", framing{status: 400, close: true}, "two lengths"},
		{"POST / HTTP/1.1\r\nContent-Length: +5\r\n\r\n", framing{status: 400, close: true}, "sign"},
		{"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", framing{status: 400, close: true}, "gzip"},
		{"GET / HTTP/1.1\r\nExpect: x\r\n\r\n", framing{status: 417}, "expect"},
	}
	for _, tt := range tests {
		h, _, _ := parse([]byte(tt.head), testLimits, false)
		if got := bodyFraming(h); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.title, got, tt.want)
		}
	}
}

// FuzzHead: what a prefix of the bytes decides, the whole decides too.
func FuzzHead(f *testing.F) {
	f.Add([]byte("GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\nrest"), 10)
	f.Add([]byte("GET /\r\n"), 3)
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		if len(b) > 4000 {
			return
		}
		h, status, more := parse(b, testLimits, false)
		if h.consumed > len(b) {
			t.Fatalf("consumed %d of %d", h.consumed, len(b))
		}
		if cut < 0 || cut > len(b) {
			return
		}
		ph, pstatus, pmore := parse(bytes.Clone(b[:cut]), testLimits, false)
		if pmore {
			return
		}
		if more || pstatus != status || ph.consumed != h.consumed || ph.method != h.method {
			t.Fatalf("prefix: %d %+v, whole: %d %v %+v", pstatus, ph, status, more, h)
		}
	})
}

func FuzzChunkSize(f *testing.F) {
	f.Add([]byte("1f;x=y"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if n, err := parseChunkSize(b); err == nil && n < 0 {
			t.Fatalf("%q is %d", b, n)
		}
	})
}

// FuzzChunked: a decoded body is never longer than what came, and what is left
// over is the end of it: the next request.
func FuzzChunked(f *testing.F) {
	f.Add([]byte("3;x=y\r\nabc\r\n0\r\nT: 1\r\n\r\nGET / HTTP/1.1\r\n"))
	f.Add([]byte("0\r\n\r\n"))
	f.Add([]byte("fffffffffffffff\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := &conn{fd: -1, buf: bytes.Clone(data), limits: &testLimits, loop: &Loop{}}
		c.info.Gen = &server.Generation{}
		b := &body{c: c, r: &server.Request{Request: &http.Request{}}, f: framing{chunked: true}}
		var total int
		p := make([]byte, 64)
		for {
			n, err := b.Read(p)
			total += n
			if err == io.EOF {
				break
			}
			if err != nil {
				return
			}
			if n == 0 {
				t.Fatal("neither bytes nor an error")
			}
		}
		if total > len(data) || !bytes.HasSuffix(data, c.buf) {
			t.Fatalf("%d bytes from %d, %q left", total, len(data), c.buf)
		}
	})
}
