package http2

import (
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// request is one for /dir/page on localhost.
func request(t testing.TB) *server.Request {
	t.Helper()
	v := &directives.Server{Defaults: &directives.Conf{}}
	g, err := server.NewGeneration(&directives.Config{Main: v}, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &server.Conn{Gen: g, Server: v}
	hr := &http.Request{Method: "GET", Host: "localhost", Header: http.Header{}, URL: &url.URL{}}
	r := g.NewRequest(c, nil, hr)
	r.URI = "/dir/page"
	return r
}

func TestLinked(t *testing.T) {
	r := request(t)
	for link, want := range map[string][]string{
		"</a>; rel=preload":                             {"/a"},
		"</a>;rel=\"x preload\"":                        {"/a"},
		"</a>; rel=prefetch":                            nil,
		"</a>; rel=preload; nopush":                     nil,
		"</a>; REL = PRELOAD ; as=\"a,b\", </b>":        {"/a"},
		"<a>; rel=preload, <../b?c#d>; rel=preload":     {"/dir/a", "/b?c"},
		"<http://localhost/a>; rel=preload":             {"/a"},
		"<https://localhost/a>; rel=preload":            nil,
		"<http://other/a>; rel=preload":                 nil,
		"<//other/a>; rel=preload":                      nil,
		"</a> rel=preload":                              nil,
		"</a":                                           nil,
		"<mailto:x>; rel=preload":                       nil,
		"</a>; rel=\"preload":                           {"/a"},
		"</a>; rel=preload; nopush=1, </b>;rel=preload": {"/b"},
	} {
		if got := linked(r, link); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %q, want %q", link, got, want)
		}
	}
}

func FuzzLinked(f *testing.F) {
	f.Add("</a>; rel=preload")
	f.Add("<a>;rel=\"preload\";nopush,<b>")
	f.Add("<%zz>; rel=preload")
	r := request(f)
	f.Fuzz(func(t *testing.T, s string) {
		for _, p := range linked(r, s) {
			if !strings.HasPrefix(p, "/") || strings.ContainsAny(p, " \r\n\x00") {
				t.Errorf("%q gives %q", s, p)
			}
		}
	})
}

func TestBlacklisted(t *testing.T) {
	for id, want := range map[uint16]bool{
		0xc02b: false, // ECDHE-ECDSA-AES128-GCM-SHA256
		0xcca8: false, // ECDHE-RSA-CHACHA20-POLY1305
		0xc013: true,  // ECDHE-RSA-AES128-SHA
		0x009c: true,  // AES128-GCM-SHA256
		0x0005: true,  // RC4-SHA
	} {
		if blacklisted(id) != want {
			t.Errorf("%#x: %v", id, !want)
		}
	}
}
