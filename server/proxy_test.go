package server

import (
	"testing"

	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/google/go-cmp/cmp"
)

func TestFindWorker(t *testing.T) {
	c := &ProxyServerConfig{}
	for _, name := range []string{"http://a/", "http://a/b", "http://a:81", "http://g/$1/x"} {
		c.Workers = append(c.Workers, &ProxyWorker{Name: name, Glob: name == "http://g/$1/x"})
	}
	for url, want := range map[string]string{
		"http://a/x": "http://a/", "HTTP://A/bc": "http://a/b", "http://a/B": "http://a/", "http://a:81/x": "http://a:81", "http://a:8/": "",
		"http://g/any/x/y": "http://g/$1/x", "http://g/any/y": "", "unix:/s|http://a/b": "http://a/b", "http://ab/": "", "a": "",
	} {
		got := ""
		if w := c.FindWorker(nil, url); w != nil {
			got = w.Name
		}
		if got != want {
			t.Errorf("the worker for %s is %q, want %q", url, got, want)
		}
	}
}

func TestProxyEncode(t *testing.T) {
	for _, c := range []struct {
		in          string
		decode, raw bool
		want        string
		ok          bool
	}{
		{"a/b c", false, false, "a/b%20c", true}, {"%41%2f", true, false, "A%2F", true}, {"%4", true, false, "", false}, {"a%2fb", false, true, "a%2fb", true},
		{"a%2fb", false, false, "a%252fb", true}, {"\xe4?#", false, false, "%E4%3F%23", true}, {";=@:&+$,~!*'()", false, false, ";=@:&+$,~!*'()", true},
	} {
		got, ok := ProxyEncode(c.in, ProxyPath, c.decode, c.raw)
		if got != c.want || ok != c.ok {
			t.Errorf("%q is %q, %v; want %q, %v", c.in, got, ok, c.want, c.ok)
		}
	}
}

func TestProxyNetloc(t *testing.T) {
	for _, c := range []struct {
		in, host string
		port     int
		path     string
		problem  string
	}{
		{"//H:81/x/y", "h", 81, "x/y", ""}, {"//h", "h", 0, "", ""}, {"//u:p@h/", "h", 0, "", ""}, {"/h", "", 0, "", "Malformed URL"},
		{"//h:/", "", 0, "", "Invalid host/port"}, {"//h:0/", "", 0, "", "Invalid host/port"}, {"//[::1]:8/", "::1", 8, "", ""}, {"//81/", "", 0, "", "Invalid host/port"},
		{"//%zz@h/", "", 0, "", "Bad %-escape in URL (username)"},
	} {
		_, _, host, port, path, problem := ProxyNetloc(c.in, true)
		if host != c.host || port != c.port || path != c.path || problem != c.problem {
			t.Errorf("%s: %q %d %q %q", c.in, host, port, path, problem)
		}
	}
}

func TestClearConnection(t *testing.T) {
	var f Fields
	for _, x := range [][2]string{{"Connection", "X-A, close"}, {"X-A", "1"}, {"X-B", "2"}, {"connection", "x-c;"}, {"X-C", "3"}, {"Proxy-Connection", "x"}} {
		f.Add(x[0], x[1])
	}
	if !ClearConnection(&f) {
		t.Error("close was not seen")
	}
	if d := cmp.Diff([]Field{{"X-B", "2"}}, f.All()); d != "" {
		t.Error(d)
	}
}

func TestNamedSockets(t *testing.T) {
	tree := &httpdconf.Tree{ServerRoot: "/r", Nodes: []*httpdconf.Node{
		{Name: "ProxyPass", Args: `/a "unix:/run/b.sock|http://h/"`},
		{Name: "Location", Section: true, Args: "/x", Children: []*httpdconf.Node{
			{Name: "SetHandler", Args: `"proxy:UNIX:/run/a/../a.sock|fcgi://localhost"`},
			{Name: "RewriteRule", Args: `^ unix:/run/$1|http://h/ [P]`},
			{Name: "ProxyPass", Args: `unix:rel.sock|http://h/`}}},
		{Name: "BalancerMember", Args: "unix:/run/b.sock|http://two/"},
		{Name: "ProxyPass", Args: `/b "fd://run/../d.sock"`},
		{Name: "ProxyPassMatch", Args: `^/c(.*) fd://run/$1`},
		{Name: "ErrorLog", Args: "unix:/no"}}}
	if d := cmp.Diff([]string{"/r/d.sock", "/r/logs/rel.sock", "/run/a.sock", "/run/b.sock"}, NamedSockets(tree)); d != "" {
		t.Error(d)
	}
}

// What was shared under a name is the same for all who ask, is filled once in a
// generation, and no row of another name's.
func TestProxyShare(t *testing.T) {
	g := &Generation{Number: 7}
	filled := 0
	fill := func(s *ProxyShared) { filled++; s.SetStatus(ProxyInitialized, 0) }
	a, b := g.ProxyShare("test a", fill), g.ProxyShare("test b", fill)
	again := g.ProxyShare("test a", fill)
	a.Busy().Add(3)
	if filled != 2 || again.Busy().Load() != 3 || b.Busy().Load() != 0 {
		t.Errorf("filled %d times, %d and %d are busy", filled, again.Busy().Load(), b.Busy().Load())
	}
	a.Leave()
	b.Leave()
	if a.Busy().Load() != 2 || b.Busy().Load() != 0 {
		t.Errorf("%d and %d are busy", a.Busy().Load(), b.Busy().Load())
	}
	next := (&Generation{Number: 8}).ProxyShare("test a", fill)
	if filled != 3 || next.Busy().Load() != 0 || !next.Status().Usable() {
		t.Error("the next generation does not begin anew")
	}
}

func FuzzProxyNetloc(f *testing.F) {
	f.Add("//user:pw@[::1]:80/path")
	f.Fuzz(func(t *testing.T, s string) {
		_, _, host, port, path, problem := ProxyNetloc(s, true)
		if problem != "" {
			return
		}
		again := "//" + ProxyHostPort(host, port, 0) + "/" + path
		if _, _, h, p, _, problem := ProxyNetloc(again, true); problem != "" || h != host || p != port {
			t.Fatalf("%q is %q %d, written %q, which is %q %d %s", s, host, port, again, h, p, problem)
		}
	})
}
