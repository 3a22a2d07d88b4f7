package h1

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var watchForTest = func() *watchList {
	w := &watchList{}
	for _, n := range []string{"User-Agent", "Range", "X-One"} {
		w = w.with(n)
	}
	return w
}()

func TestRecognise(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		want     string // key without the address, flags, watched fields; "" is not recognised
	}{
		{"plain", "GET /a HTTP/1.1\r\nHost: h\r\n\r\n", "GET /a HTTP/1.1|h 11"},
		{"what follows", "GET /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b", "GET /a HTTP/1.1|h 11"},
		{"HEAD, 1.0, no Host", "HEAD /abcd HTTP/1.0\r\n\r\n", "HEAD /abcd HTTP/1.0 10"},
		{"keep-alive", "GET /a HTTP/1.1\r\nhOST:  h \r\nCONNECTION: Keep-Alive\r\n\r\n", "GET /a HTTP/1.1|h 11 wants"},
		{"close", "GET /a HTTP/1.1\r\nConnection: close\r\nHost: h\r\n\r\n", "GET /a HTTP/1.1|h 11 ends"},
		{"watched", "GET /a HTTP/1.1\r\nHost: h\r\nx-one: 1, 2\r\nUser-Agent: \r\nOther: \xff\r\n\r\n", "GET /a HTTP/1.1|h 11 User-Agent= X-One=1, 2"},
		{"no Host", "GET /a HTTP/1.1\r\n\r\n", ""},
		{"two Hosts", "GET /a HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", ""},
		{"not all", "GET /a HTTP/1.1\r\nHost: h\r\n", ""},
		{"bare LF", "GET /a HTTP/1.1\r\nHost: h\n\r\n", ""},
		{"a body", "GET /a HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", ""},
		{"chunks", "GET /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", ""},
		{"expects", "GET /a HTTP/1.1\r\nHost: h\r\nexpect: x\r\n\r\n", ""},
		{"upgrade", "GET /a HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\n\r\n", ""},
		{"other connection options", "GET /a HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, x\r\n\r\n", ""},
		{"a watched field twice", "GET /a HTTP/1.1\r\nHost: h\r\nX-One: 1\r\nX-One: 2\r\n\r\n", ""},
		{"folded", "GET /a HTTP/1.1\r\nHost: h\r\nX: 1\r\n 2\r\n\r\n", ""},
		{"space in name", "GET /a HTTP/1.1\r\nHost : h\r\n\r\n", ""},
		{"control character", "GET /a HTTP/1.1\r\nHost: h\r\nX: 12345678\x00\r\n\r\n", ""},
		{"tab", "GET /a HTTP/1.1\r\nHost: h\r\nX: 1\t2\r\n\r\n", ""},
		{"POST", "POST /a HTTP/1.1\r\nHost: h\r\n\r\n", ""},
		{"version", "GET /a HTTP/1.2\r\nHost: h\r\n\r\n", ""},
		{"long line", "GET /" + strings.Repeat("a", 99) + " HTTP/1.1\r\nHost: h\r\n\r\n", ""},
		{"long field", "GET /a HTTP/1.1\r\nHost: h\r\nX: " + strings.Repeat("a", 60) + "\r\n\r\n", ""},
		{"many fields", "GET /a HTTP/1.1\r\nHost: h\r\nA: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\n\r\n", ""},
	} {
		q := recognised{watch: watchForTest}
		got := ""
		if q.recognise([]byte(tc.in), 7, &limits{line: 60, field: 60, fields: 4}) {
			got = describe(&q)
			if q.size != strings.Index(tc.in, "\r\n\r\n")+4 {
				t.Errorf("%s: size %d", tc.name, q.size)
			}
		}
		if d := cmp.Diff(tc.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, d)
		}
	}
}

func describe(q *recognised) string {
	s := strings.Replace(string(q.key[4:]), "\n", "|", 1)
	s += map[bool]string{true: " 11", false: " 10"}[q.http11]
	for _, f := range []struct {
		name string
		on   bool
	}{{"wants", q.wants}, {"ends", q.ends}} {
		if f.on {
			s += " " + f.name
		}
	}
	for i, name := range q.watch.names {
		if v, ok := q.field(i); ok {
			s += " " + name + "=" + string(v)
		}
	}
	return s
}

// FuzzRecognise: what the loop recognises, the parser accepts as a request
// without a body, and both see the same.
func FuzzRecognise(f *testing.F) {
	f.Add([]byte("GET /a HTTP/1.1\r\nHost: h\r\nUser-Agent: x\r\nConnection: close\r\n\r\nGET /"))
	f.Add([]byte("HEAD /abc HTTP/1.0\r\nRange:bytes=1-2\r\nX-One: \xff \r\n\r\n"))
	l := limits{line: 100, field: 60, fields: 6}
	f.Fuzz(func(t *testing.T, data []byte) {
		q := recognised{watch: watchForTest}
		if !q.recognise(data, 0, &l) {
			return
		}
		h, status, more := parse(data, l, false)
		// The request line is not looked at: an answer was kept for it, or not.
		if more || status != 0 && h.fields != nil {
			t.Fatalf("%q: the parser says %d, more %v", data, status, more)
		}
		if status != 0 {
			return
		}
		if h.consumed != q.size {
			t.Errorf("%q: %d bytes, the parser %d", data, q.size, h.consumed)
		}
		if f := bodyFraming(h); f.chunked || f.length != 0 || f.status != 0 {
			t.Errorf("%q: has a body", data)
		}
		key := h.line
		if v, ok := h.fields["Host"]; ok {
			key += "\n" + v[0]
		}
		if key != string(q.key[4:]) {
			t.Errorf("%q: key %q, want %q", data, q.key[4:], key)
		}
		for i, name := range q.watch.names {
			v, ok := q.field(i)
			want, has := h.fields[http.CanonicalHeaderKey(name)]
			if ok != has || ok && string(v) != want[0] {
				t.Errorf("%q: %s is %q %v, the parser has %q", data, name, v, ok, want)
			}
		}
		if c := h.fields.Get("Connection"); q.wants != strings.EqualFold(c, "keep-alive") || q.ends != strings.EqualFold(c, "close") {
			t.Errorf("%q: Connection %q", data, c)
		}
	})
}
