package proxy_uwsgi

import (
	"bufio"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/donjon-httpd/donjon/server"
)

func TestReadHead(t *testing.T) {
	long := strings.Repeat("x", 9000)
	for _, c := range []struct {
		name, in string
		status   int
		line     string
		fields   []server.Field
		rest     string
		bad      bool
	}{
		{"plain", "HTTP/1.1 200 OK\r\nA: b\r\nC:d \r\n\r\nbody", 200, "200 OK", []server.Field{{Name: "A", Value: "b"}, {Name: "C", Value: "d"}}, "body", false},
		{"no words", "HTTP/1.0 404\n\n", 404, "404 ", nil, "", false},
		{"one digit", "HTTP/1 500 Bad\r\n\r\n", 500, "500 Bad", nil, "", false},
		{"no status", "hello\r\n\r\n", 0, "", nil, "", true},
		{"no colon", "HTTP/1.1 200 OK\r\nhello\r\n\r\n", 0, "", nil, "", true},
		{"no end", "HTTP/1.1 200 OK\r\nA: b\r\n", 0, "", nil, "", true},
		{"too long", "HTTP/1.1 200 OK\r\nA: " + long + "\r\n\r\n", 0, "", nil, "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := bufio.NewReaderSize(strings.NewReader(c.in), 16)
			status, line, fields, ok := readHead(in)
			if ok == c.bad || status != c.status || line != c.line {
				t.Errorf("%d %q %v", status, line, ok)
			}
			if d := cmp.Diff(c.fields, fields); d != "" {
				t.Error(d)
			}
			if rest, _ := io.ReadAll(in); ok && string(rest) != c.rest {
				t.Errorf("behind it %q", rest)
			}
		})
	}
}

// FuzzReadHead holds: a head that is understood has three digits and no line
// break in any field.
func FuzzReadHead(f *testing.F) {
	f.Add("HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody")
	f.Add("HTTP/1 200\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		status, line, fields, ok := readHead(bufio.NewReader(strings.NewReader(text)))
		if !ok {
			return
		}
		if status < 0 || status > 999 || strings.Contains(line, "\n") {
			t.Errorf("%d %q", status, line)
		}
		for _, f := range fields {
			if strings.Contains(f.Name+f.Value, "\n") || strings.Contains(f.Name, ":") {
				t.Errorf("%q", f)
			}
		}
	})
}

func TestPacket(t *testing.T) {
	b, size := appendPacket(nil, []server.Field{{Name: "A", Value: "bc"}, {Name: "D", Value: ""}})
	if want := "\x00\x0c\x00\x00\x01\x00A\x02\x00bc\x01\x00D\x00\x00"; string(b) != want || size != 12 {
		t.Errorf("%q, %d", b, size)
	}
	if _, size := appendPacket(nil, []server.Field{{Name: "A", Value: strings.Repeat("x", 70000)}}); size <= maxPacket {
		t.Errorf("size %d", size)
	}
}

func TestPathOf(t *testing.T) {
	for url, want := range map[string]string{"uwsgi://h": "/", "uwsgi://h/": "/", "uwsgi://h:1/a%20b": "/a b", "uwsgi://h//a": "/a"} {
		if got, ok := pathOf(url); got != want || !ok {
			t.Errorf("%s: %q, %v", url, got, ok)
		}
	}
	if _, ok := pathOf("uwsgi://h/%zz"); ok {
		t.Error("a bad escape was taken")
	}
}
