package log_config

import (
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

func testRequest() *server.Request {
	v := &directives.Server{Defaults: &directives.Conf{}}
	server.CoreServer.EditServer(v).ServerName = "main.example"
	g := &server.Generation{}
	c := &server.Conn{Gen: g, Server: v, Remote: netip.MustParseAddrPort("192.0.2.7:99"), ClientIP: "192.0.2.7", LocalIP: "192.0.2.1"}
	r := g.NewRequest(c, nil, &http.Request{Method: "GET", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"User-Agent": {`a"b`}, "Cookie": {"x=1; Y = two ; z=3"}}})
	r.TheRequest = "GET /a?b HTTP/1.1"
	r.SetTarget("/a?b")
	r.Received = time.Date(2026, 1, 2, 3, 4, 5, 6_007_000, time.UTC)
	r.Ended = r.Received.Add(1500 * time.Millisecond)
	r.SentBody = 7
	return r
}

func TestFormat(t *testing.T) {
	modules := []*server.Module{{LogItems: items}}
	tests := []struct{ format, want string }{
		{`%h %l %u "%r" %>s %b`, `192.0.2.7 - - "GET /a?b HTTP/1.1" 200 7`},
		{`%{User-Agent}i|%{Nosuch}i`, `a\"b|-`},
		{`%{y}C %{q}C`, `two -`},
		{`%%\t%m\n%q`, "%\tGET\n?b"},
		{`%404{User-Agent}i %!404m %200m`, `- GET GET`},
		{`%{msec_frac}t %{usec_frac}t %{sec}t`, `006 006007 1767323045`},
		{`%D %T %{ms}T %{us}T`, `1500000 1 1500 1500000`},
		{`%v %p %{remote}p %k %X`, `main.example 80 99 0 +`},
	}
	for _, tt := range tests {
		p, err := parseFor(modules, tt.format)
		if err != nil {
			t.Errorf("%s: %v", tt.format, err)
			continue
		}
		if got := string(p.append(nil, testRequest())); got != tt.want+"\n" {
			t.Errorf("%s: %q; want %q", tt.format, got, tt.want)
		}
	}
	for format, want := range map[string]string{
		`%Q`:   "Unrecognized LogFormat directive %Q",
		`%{x}`: "Ran off end of LogFormat parsing args to some directive",
		`%200`: "Ran off end of LogFormat parsing args to some directive",
	} {
		if _, err := parseFor(modules, format); err == nil || err.Error() != want {
			t.Errorf("%s: %v; want %s", format, err, want)
		}
	}
}
