package rewrite

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
)

// compiled reads directives as a server's and gives the server and the first error.
func compiled(t testing.TB, text string) (*directives.Server, string) {
	t.Helper()
	set := directives.NewSet(server.Version)
	set.Add(Module.Name, Module.SourceName(), Module.Directives)
	tree := &httpdconf.Tree{}
	for line := range strings.SplitSeq(text, "\n") {
		name, args, _ := strings.Cut(line, " ")
		tree.Nodes = append(tree.Nodes, &httpdconf.Node{Name: name, Args: args})
	}
	cfg, diags := directives.Compile(tree, set, directives.Setup{})
	if len(diags) > 0 {
		return nil, diags[0].Summary
	}
	return cfg.Main, ""
}

func request(v *directives.Server, uri string) *server.Request {
	r := &server.Request{Request: &http.Request{Method: "GET", Header: http.Header{}}, Server: v, Dir: v.Defaults,
		Gen: &server.Generation{}, Conn: &server.Conn{LocalIP: "10.0.0.1"}, ClientIP: "192.0.2.1", Status: 200}
	r.SetTarget(uri)
	r.Filename = r.URI
	return r
}

func TestApplyList(t *testing.T) {
	for _, tc := range []struct {
		name, rules, uri string
		file, args       string
		want             outcome
	}{
		{"no match", "RewriteRule ^/x$ /y", "/z", "/z", "", unchanged},
		{"match", "RewriteRule ^/(.)$ /y$1", "/z", "/yz", "", changed},
		{"dash", "RewriteRule ^/z$ -", "/z", "/z", "", unchanged},
		{"noescape", "RewriteRule ^/z$ /a [NE]", "/z", "/a", "", changedRaw},
		{"forbidden", "RewriteRule ^/z$ - [F]", "/z", "/z", "", answered},
		{"chain", "RewriteRule ^/a$ /b [C]\nRewriteRule . /c [C]\nRewriteRule . /d\nRewriteRule ^/z /e", "/z", "/e", "", changed},
		{"skip", "RewriteRule . - [S=1]\nRewriteRule . /a\nRewriteRule . /b", "/z", "/b", "", changed},
		{"next", "RewriteRule ^(.*)a(.*)$ $1b$2 [N]", "/aaa", "/bbb", "", changed},
		{"rounds", "RewriteRule . - [N=3]", "/z", "/z", "", answered},
		{"query", "RewriteRule ^/z$ /y?a=1 [QSA]", "/z?b=2", "/y", "a=1&b=2", changed},
		{"or", "RewriteCond $0 =no [OR]\nRewriteCond $0 =/z\nRewriteRule .* /y", "/z", "/y", "", changed},
		{"question mark in a reference", "RewriteRule ^/z(.*)$ /y$1", "/z?", "/y", "", changed},
		{"pass through", "RewriteRule ^/z$ /y [PT]", "/z", "passthrough:/y", "", changed},
		{"skip below zero", "RewriteRule . - [S=-5]", "/z", "/z", "", unchanged},
	} {
		v, err := compiled(t, "RewriteEngine On\n"+tc.rules)
		if err != "" {
			t.Errorf("%s: %s", tc.name, err)
			continue
		}
		r := request(v, tc.uri)
		got, _ := applyList(r, serverSlot.Of(v).rules, "")
		if got != tc.want || r.Filename != tc.file || r.Args != tc.args {
			t.Errorf("%s: %d %q %q, want %d %q %q", tc.name, got, r.Filename, r.Args, tc.want, tc.file, tc.args)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, tc := range []struct{ line, want string }{
		{"RewriteRule x", "RewriteRule: bad argument line 'x'"},
		{"RewriteRule ( y", "RewriteRule: cannot compile regular expression '('"},
		{"RewriteRule x y z", "RewriteRule: bad flag delimiters"},
		{"RewriteRule x y [Q]", "RewriteRule: unknown flag 'Q'"},
		{"RewriteRule x y [R=999]", "RewriteRule: invalid HTTP response code '999' for flag 'R'"},
		{"RewriteRule x y [BNE=]", "RewriteRule: flag 'BNE' wants a list of characters (i.e. [BNE=...])"},
		{"RewriteCond x", "RewriteCond: bad argument line 'x'"},
		{"RewriteCond x y [L]", "RewriteCond: unknown flag 'L'"},
		{"RewriteOptions X", "RewriteOptions: unknown option 'X'"},
		{"RewriteBase /x", "RewriteBase: only valid in per-directory config files"},
		{"RewriteMap m int:x", "RewriteMap: internal map not found:x"},
		{"RewriteMap m dbd:x", "RewriteMap types dbd and fastdbd require mod_dbd!"},
	} {
		if _, err := compiled(t, tc.line); err != tc.want {
			t.Errorf("%s: %q, want %q", tc.line, err, tc.want)
		}
	}
}

func TestSplitLine(t *testing.T) {
	for _, tc := range []struct {
		text string
		want line
		ok   bool
	}{
		{`a b`, line{first: "a", second: "b"}, true},
		{`"a b" 'c d' "[L, R]"`, line{"a b", "c d", "[L, R]", true}, true},
		{`a\ b c\d`, line{first: `a\ b`, second: `c\d`}, true},
		{`a b [L] more`, line{"a", "b", "[L]", true}, true},
		{`a`, line{first: "a"}, false},
		{`"a b`, line{first: "a b"}, false},
		{`a ""`, line{first: "a"}, true},
	} {
		got, ok := splitLine(tc.text)
		if ok != tc.ok || got != tc.want {
			t.Errorf("%s: %+v %v", tc.text, got, ok)
		}
	}
}

func TestAtoi(t *testing.T) {
	for s, want := range map[string]int{"": 0, " 12x": 12, "-3": -3, "+4": 4, "x": 0, "-": 0, "007": 7} {
		if got := atoi(s); got != want {
			t.Errorf("atoi(%q) = %d", s, got)
		}
	}
}

func TestScheme(t *testing.T) {
	for s, want := range map[string]int{"http://a": 7, "HTTPS://a": 8, "/http://": 0, "mailto:a@b": 7, "unix:/a": 5, "unix://a": 7, "http:": 0,
		"foo://bar": 0, "h2c://a": 6, "ldap://a": 7, "ldaps://a": 0, "ws://a": 5} {
		if got := scheme(s); got != want {
			t.Errorf("scheme(%q) = %d, want %d", s, got, want)
		}
	}
}

func TestEscapeReference(t *testing.T) {
	for _, tc := range []struct {
		flags, want string
	}{
		{"[B]", "a+b%26%2f%3f_%c3%0a"}, {"[B,BNP]", "a%20b%26%2f%3f_%c3%0a"}, {"[B=&]", "a b%26/?_\xc3\n"}, {"[BCTLS]", "a+b&/?_\xc3%0a"},
		{"[B,BNE=/&]", "a+b&/%3f_%c3%0a"}, {"[BCTLS,B=?]", "a+b&/%3f_\xc3%0a"},
	} {
		l, _ := splitLine("x y " + tc.flags)
		r, err := newRule(l)
		if err != nil {
			t.Fatal(err)
		}
		if got := escapeReference("a b&/?_\xc3\n", r); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.flags, got, tc.want)
		}
	}
}

func TestParseText(t *testing.T) {
	long := strings.Repeat("x", maxLine)
	got := parseText("# c\n a b\nkey value more\nkey second\nnone\nnone2  \nlast end\n" + long + "tail v\n")
	want := map[string]string{"key": "value", "last": "end", "tail": "v"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestUnescape(t *testing.T) {
	for s, want := range map[string]string{"a%20b": "a b", "%zz%4": "%zz%4", "a%00b": "a", "%2F%2f": "//"} {
		if got := unescape(s); got != want {
			t.Errorf("unescape(%q) = %q", s, got)
		}
	}
}

// TestHostile: rules that anybody may write into a .htaccess file do not keep
// the server busy.
func TestHostile(t *testing.T) {
	var many strings.Builder
	many.WriteString("RewriteEngine On")
	for range 10000 {
		many.WriteString("\nRewriteRule ^(?=x)(x+)+(?!y)$ /y")
	}
	for name, rules := range map[string]string{
		"10,000 patterns that backtrack": many.String(),
		"rounds of one that backtracks":  "RewriteRule !^(?=x)(x+)+(?!y)$ - [N]",
		"rounds with a long pattern":     "RewriteRule ^(/.*)$ /$1x [N,UNC]",
	} {
		v, err := compiled(t, rules)
		if err != "" {
			t.Fatal(err)
		}
		done := make(chan outcome)
		go func() {
			o, _ := applyList(request(v, strings.Repeat("x", 60)+"!"), serverSlot.Of(v).rules, "")
			done <- o
		}()
		select {
		case <-done:
		case <-time.After(4 * roundsLimit):
			t.Errorf("%s: no end", name)
		}
	}
}

func FuzzRule(f *testing.F) {
	f.Add(`^/(.*)$ /a?$1-%{HTTP_HOST}-${m:$1|%1} [R=301,L,E=a:b,CO=n:v:d,B= ?]`, "/x?y")
	f.Add(`"a b" "c?" "[QSA,QSL,BNE=x,N=3,S=2,NS,T=x,H=$0]"`, "/a b")
	f.Fuzz(func(t *testing.T, args, uri string) {
		l, ok := splitLine(args)
		if !ok || len(args) > 500 || len(uri) > 500 {
			return
		}
		r, err := newRule(l)
		if err != nil {
			return
		}
		v := &directives.Server{Defaults: &directives.Conf{}}
		req := request(v, uri)
		o, _ := applyList(req, []*rule{r, r}, "")
		if o == unchanged && req.Status == 200 && !r.is(noSub) && req.Filename != req.URI {
			t.Errorf("%s: unchanged, and %q is %q", args, req.URI, req.Filename)
		}
	})
}

func FuzzTemplate(f *testing.F) {
	f.Add(`a$1b%2c\$%{REQUEST_METHOD}${m:k|${n:$1}}%{LA-U:x}`)
	f.Fuzz(func(t *testing.T, text string) {
		v := &directives.Server{Defaults: &directives.Conf{}}
		c := &context{r: request(v, "/")}
		c.r.Main = &server.Request{URI: "/"} // no look-ahead
		got := compileTemplate(text).expand(c, nil)
		if !strings.ContainsAny(text, specials) && got != text {
			t.Errorf("%q gives %q", text, got)
		}
	})
}

func BenchmarkNoMatch(b *testing.B) {
	v, err := compiled(b, "RewriteEngine On"+strings.Repeat("\nRewriteRule ^/nosuch/(.*)$ /y\nRewriteRule ^(a|b)/c$ /y\nRewriteCond %{HTTP_HOST} x\nRewriteRule \\.php$ /y", 10))
	if err != "" {
		b.Fatal(err)
	}
	r := request(v, "/index.html")
	rules := serverSlot.Of(v).rules
	b.ReportAllocs()
	for b.Loop() {
		applyList(r, rules, "")
	}
}

func BenchmarkMatch(b *testing.B) {
	v, err := compiled(b, "RewriteEngine On\nRewriteCond %{REQUEST_METHOD} !=POST\nRewriteRule ^/old/(.*)$ /new/$1?from=%{QUERY_STRING} [QSA,L]")
	if err != "" {
		b.Fatal(err)
	}
	rules := serverSlot.Of(v).rules
	b.ReportAllocs()
	for b.Loop() {
		r := request(v, "/old/page?x=1")
		applyList(r, rules, "")
	}
}
