package dir

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

func TestIndexNames(t *testing.T) {
	for _, tc := range []struct {
		name  string
		lines []string
		want  []string
	}{
		{"added up", []string{`index.html "a b"`, "index.cgi"}, []string{"index.html", "a b", "index.cgi"}},
		{"disabled", []string{"index.html", "Disabled"}, []string{}},
		{"a file called disabled", []string{"disabled index.html"}, []string{"disabled", "index.html"}},
		{"again after disabled", []string{"disabled", "x"}, []string{"x"}},
	} {
		var c config
		for _, l := range tc.lines {
			if err := c.addIndex(nil, l); err != nil {
				t.Fatal(err)
			}
		}
		if got, _ := c.index.Get(); cmp.Diff(tc.want, got) != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, cmp.Diff(tc.want, got))
		}
	}
}

func TestIndexRedirect(t *testing.T) {
	const words, values = "DirectoryIndexRedirect ON|OFF|permanent|temp|seeother|3xx", "DirectoryIndexRedirect only accepts values between 300 and 399"
	for _, tc := range []struct {
		arg    string
		status int
		err    string
	}{
		{"on", 302, ""}, {"OFF", 0, ""}, {"Permanent", 301, ""}, {"temp", 302, ""}, {"seeother", 303, ""}, {"307", 307, ""},
		{"307x", 307, ""}, {"404", 0, values}, {"gone", 0, words},
	} {
		var c config
		got := ""
		if err := c.setRedirect(nil, tc.arg); err != nil {
			got = err.Error()
		}
		if got != tc.err || c.redirect.Else(0) != tc.status {
			t.Errorf("%s: %d, %q; want %d, %q", tc.arg, c.redirect.Else(0), got, tc.status, tc.err)
		}
	}
}

func TestAddSlash(t *testing.T) {
	for _, tc := range []struct {
		name, method, uri, args string
		off, careful            bool
		status                  server.Status
		location                string
	}{
		{name: "escaped", method: "GET", uri: "/a b", args: "x=%20", status: 301, location: "http://h/a%20b/?x=%20"},
		{name: "off", method: "GET", uri: "/a", off: true, status: server.Declined},
		{name: "careful POST", method: "POST", uri: "/a", careful: true, status: server.Declined},
		{name: "careful GET", method: "GET", uri: "/a", careful: true, status: 301, location: "http://h/a/"},
	} {
		main := &directives.Server{}
		r := &server.Request{Request: &http.Request{Method: tc.method}, Conn: &server.Conn{}, Server: main, Dir: &directives.Conf{},
			Hostname: "h", URI: tc.uri, Args: tc.args, HasArgs: tc.args != "", Finfo: server.Finfo{Type: server.Directory}}
		if tc.off {
			slot.EditConf(r.Dir).slash = directives.Given(false)
		}
		if tc.careful {
			r.Env.Set("redirect-carefully", "1")
		}
		if s := fixup(r); s != tc.status || r.Out.Get("Location") != tc.location {
			t.Errorf("%s: %d %q, want %d %q", tc.name, s, r.Out.Get("Location"), tc.status, tc.location)
		}
		if r.Handler != directoryHandler {
			t.Errorf("%s: handler %q", tc.name, r.Handler)
		}
	}
}
