package remoteip

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

func testConn() *server.Conn {
	main := &directives.Server{Defaults: &directives.Conf{}}
	return &server.Conn{Gen: &server.Generation{Config: &directives.Config{Main: main}}, Server: main,
		Remote: netip.MustParseAddrPort("192.0.2.9:1")}
}

const v4 = signature + "\x21\x11\x00\x0c\xc0\x00\x02\x07\x7f\x00\x00\x01\x0f\xa0\x00\x50"

func TestRead(t *testing.T) {
	for _, c := range []struct {
		data, origin string
		n            int
		more, bad    bool
	}{
		{data: "PROXY TCP4 192.0.2.7 127.0.0.1 4000 80\r\nGET", n: 40, origin: "192.0.2.7:4000"},
		{data: "PROXY TCP4 192.0.2.7 127.0.0.1 4000 80\r", more: true},
		{data: "PROXY TCP4 192", more: true},
		{data: "PROXY UNKNOWN\r\n", n: 15, origin: "192.0.2.9:1"},
		{data: "PROXY TCP4 192.0.2.7 127.0.0.1 4000 80\rx", bad: true},
		{data: "GET / HTTP/1.1\r\n", bad: true},
		{data: v4 + "GET", n: 28, origin: "192.0.2.7:4000"},
		{data: v4[:20], more: true},
		{data: signature + "\x20\x00\x00\x00", n: 16, origin: "192.0.2.9:1"},
		{data: signature + "\x11\x11\x00\x00", bad: true},
		{data: signature + "\x21\x11\x01\x00", bad: true},
	} {
		conn := testConn()
		n, more, err := read(conn, []byte(c.data))
		if n != c.n || more != c.more || (err != nil) != c.bad {
			t.Errorf("%q: %d %v %v", c.data, n, more, err)
		}
		if c.origin != "" && conn.Origin.String() != c.origin {
			t.Errorf("%q: %v, want %s", c.data, conn.Origin, c.origin)
		}
	}
}

// A header never takes more than it was given, and what comes behind it or in
// how many pieces it comes changes nothing.
func FuzzRead(f *testing.F) {
	f.Add([]byte("PROXY TCP4 192.0.2.7 127.0.0.1 4000 80\r\nGET"))
	f.Add([]byte("PROXY UNKNOWN\r\n"))
	f.Add([]byte(v4))
	f.Fuzz(func(t *testing.T, data []byte) {
		whole := testConn()
		n, more, err := read(whole, data)
		if n > len(data) || more && n != 0 || err != nil && n != 0 {
			t.Fatalf("%q: %d of %d, more %v, %v", data, n, len(data), more, err)
		}
		if more || err != nil || n == 0 {
			return
		}
		again := testConn()
		if m, more, err := read(again, append(bytes.Clone(data), 'x')); m != n || more || err != nil || again.Origin != whole.Origin {
			t.Fatalf("%q: %d %v %v, then %d %v %v", data, n, false, whole.Origin, m, err, again.Origin)
		}
	})
}
