package alias

import (
	"net/http"
	"testing"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

func TestMatches(t *testing.T) {
	for _, tc := range []struct {
		uri, fake string
		want      int
	}{
		{"/icons/a", "/icons/", 7}, {"/icons/a", "/icons", 6}, {"/icons", "/icons", 6}, {"/icons", "/icons/", 0},
		{"/iconsx", "/icons", 0}, {"//icons///a", "/icons/", 10}, {"/a/b", "/a//b", 4}, {"/b", "/a", 0}, {"/x", "/", 1}, {"", "/a", 0},
	} {
		if got := matches(tc.uri, tc.fake); got != tc.want {
			t.Errorf("matches(%q, %q) = %d, want %d", tc.uri, tc.fake, got, tc.want)
		}
	}
}

func FuzzMatches(f *testing.F) {
	f.Add("/icons/x", "/icons/")
	f.Fuzz(func(t *testing.T, uri, fake string) {
		n := matches(uri, fake)
		if n < 0 || n > len(uri) || n > 0 && matches(uri[:n], fake) != n {
			t.Errorf("matches(%q, %q) = %d", uri, fake, n)
		}
	})
}

func TestEscapeTarget(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"/a b?x y#z", "/a%20b?x y#z"},
		{"http://h:80/ä", "http://h/%c3%a4"},
		{"http://h:8080/", "http://h:8080/"},
		{"https://u:secret@h:443/x", "https://u:XXXXXXXX@h/x"},
		{"relative", "relative"},
	} {
		if got := escapeTarget(tc.in); got != tc.want {
			t.Errorf("%q: %q, want %q", tc.in, got, tc.want)
		}
	}
}

// request is one for uri, on a server that says nothing yet.
func request(uri, args string) *server.Request {
	main := &directives.Server{}
	return &server.Request{Request: &http.Request{Method: "GET"}, Gen: &server.Generation{Config: &directives.Config{Main: main}},
		Conn: &server.Conn{Server: main}, Server: main, Dir: &directives.Conf{}, Hostname: "h", URI: uri, Args: args, HasArgs: args != ""}
}

func mustCompile(t *testing.T, fake, real string, status int) entry {
	t.Helper()
	re, err := compile(fake)
	if err != nil {
		t.Fatal(err)
	}
	return entry{fake: fake, regex: re, real: real, status: status}
}

func TestTranslate(t *testing.T) {
	for _, tc := range []struct {
		uri, args string
		status    server.Status
		file, to  string
	}{
		{uri: "/icons/a//b", file: "/usr/share/icons/a/b"},
		{uri: "/m/x.gif", file: "/srv/img/x.gif"},
		{uri: "/old/a b", args: "q", status: 301, to: "http://e/new/a%20b?q"},
		{uri: "/own/x", args: "q", status: 302, to: "http://e/?own"},
		{uri: "/local", status: 302, to: "http://h/elsewhere"},
		{uri: "/rx/a b", status: 303, to: "http://e/a%20b"},
		{uri: "/gone", status: 410},
		{uri: "/nothing", status: server.Declined},
	} {
		r := request(tc.uri, tc.args)
		s := serverSlot.EditServer(r.Server)
		s.aliases = []entry{{fake: "/icons/", real: "/usr/share/icons/"}, mustCompile(t, `^/m/(.*)$`, "/srv/img/$1", 0)}
		s.redirects = []entry{{fake: "/old", real: "http://e/new", status: 301}, mustCompile(t, "^/own", "http://e/?own", 302),
			{fake: "/local", real: "/elsewhere", status: 302}, mustCompile(t, "^/rx/(.*)", "http://e/$1", 303), mustCompile(t, "^/gone$", "", 410)}
		got := translate(r)
		if got != tc.status || r.Filename != tc.file || r.Out.Get("Location") != tc.to {
			t.Errorf("%s: %d %q %q, want %d %q %q", tc.uri, got, r.Filename, r.Out.Get("Location"), tc.status, tc.file, tc.to)
		}
	}
}

func TestParseStatus(t *testing.T) {
	for _, tc := range []struct {
		arg    string
		status int
		kind   first
	}{
		{"Permanent", 301, redirectStatus}, {"gone", 410, finalStatus}, {"404", 404, finalStatus}, {"308", 308, redirectStatus},
		{"/x", 302, notStatus}, {"http://x", 302, notStatus},
	} {
		if s, k := parseStatus(tc.arg, 302); s != tc.status || k != tc.kind {
			t.Errorf("%s: %d %d", tc.arg, s, k)
		}
	}
}
