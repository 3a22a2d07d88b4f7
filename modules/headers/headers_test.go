package headers

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

func compiled(t *testing.T, text string) (*directives.Config, string) {
	t.Helper()
	set := directives.NewSet(server.Version)
	set.Add(Module.Name, Module.SourceName(), Module.Directives)
	tree := &httpdconf.Tree{}
	for _, line := range strings.Split(text, "\n") {
		name, args, _ := strings.Cut(line, " ")
		tree.Nodes = append(tree.Nodes, &httpdconf.Node{Name: name, Args: args})
	}
	cfg, diags := directives.Compile(tree, set, directives.Setup{})
	if len(diags) > 0 {
		return nil, diags[0].Summary
	}
	return cfg, ""
}

func request(cfg *directives.Config) *server.Request {
	r := &server.Request{Request: &http.Request{Method: "GET", Header: http.Header{}}, Gen: &server.Generation{Config: cfg},
		Conn: &server.Conn{Server: cfg.Main}, Server: cfg.Main, Dir: cfg.Main.Defaults, Received: time.UnixMicro(42),
		FieldOrder: []string{"X-In", "Accept"}, ContentType: "text/html"}
	r.Header.Set("X-In", "in")
	r.Header.Set("Accept", "*/*")
	r.Env.Set("E", "e\nv")
	return r
}

func TestResponseFields(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		out, err   []server.Field
		ctype      string
	}{
		{name: "set, add, append", text: "Header set X 1\nHeader add X 2\nHeader append X: 3\nHeader setifempty X 4\nHeader setifempty Y \"\"",
			out: []server.Field{{Name: "X", Value: "1, 3"}, {Name: "X", Value: "2"}, {Name: "Y"}}},
		{name: "merge", text: "Header set X \"a, \\\"b,c\\\"\"\nHeader merge X a\nHeader merge X b\nHeader merge X \"\\\"b,c\\\"\"",
			out: []server.Field{{Name: "X", Value: `a, "b,c", b`}}},
		{name: "always", text: "Header always set X 1\nHeader onsuccess set X 2\nHeader ALWAYS unset Z",
			out: []server.Field{{Name: "X", Value: "2"}}, err: []server.Field{{Name: "X", Value: "1"}}},
		{name: "items", text: `Header set X "%t %{E}e %{N}e %{N}s %% a\tb"`,
			out: []server.Field{{Name: "X", Value: "t=42 e v (null) (null) % a\tb"}}},
		{name: "conditions", text: "Header set A 1 env=E\nHeader set B 1 env=!E\nHeader set C 1 \"expr=true\"\nHeader unset A env=N",
			out: []server.Field{{Name: "A", Value: "1"}, {Name: "C", Value: "1"}}},
		{name: "edit", text: "Header set X aXbX\nHeader edit X X ($0)\nHeader set Y aXbX\nHeader edit* Y X ($0)\nHeader edit None a b",
			out: []server.Field{{Name: "X", Value: "a(X)bX"}, {Name: "Y", Value: "a(X)b(X)"}}},
		{name: "echo", text: "Header always echo ^X-", out: []server.Field{{Name: "X-In", Value: "in"}}},
		{name: "content type", text: "Header edit Content-Type html plain", ctype: "text/plain"},
		{name: "no content type", text: "Header unset Content-Type", ctype: "-"},
		{name: "value expression", text: `Header set X "expr=%{REQUEST_METHOD}!"`, out: []server.Field{{Name: "X", Value: "GET!"}}},
	} {
		cfg, problem := compiled(t, tc.text)
		if problem != "" {
			t.Errorf("%s: %s", tc.name, problem)
			continue
		}
		r := request(cfg)
		c := slot.Of(r.Dir)
		apply(r, &r.ErrOut, c.always, false)
		apply(r, &r.Out, c.out, false)
		if d := cmp.Diff(tc.out, r.Out.All()); d != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, d)
		}
		if d := cmp.Diff(tc.err, r.ErrOut.All()); d != "" {
			t.Errorf("%s, always (-want +got):\n%s", tc.name, d)
		}
		want := map[string]string{"": "text/html", "-": ""}
		if w, ok := want[tc.ctype]; ok {
			tc.ctype = w
		}
		if r.ContentType != tc.ctype {
			t.Errorf("%s: Content-Type %q", tc.name, r.ContentType)
		}
	}
}

func TestRequestFields(t *testing.T) {
	cfg, problem := compiled(t, "RequestHeader unset Accept\nRequestHeader set x-in 2 early\nRequestHeader add New %{E}e\nHeader set Y 1 early")
	if problem != "" {
		t.Fatal(problem)
	}
	r := request(cfg)
	early(r)
	if v, _ := r.FieldIn("X-In"); v != "2" || r.Header.Get("Accept") == "" || r.Out.Get("Y") != "1" {
		t.Errorf("early: %v", r.Header)
	}
	fixup(r)
	if d := cmp.Diff([]string{"X-In", "New"}, r.FieldOrder); d != "" {
		t.Errorf("fixup (-want +got):\n%s", d)
	}
	if v, _ := r.FieldIn("new"); v != "e v" || r.Header.Get("Accept") != "" {
		t.Errorf("fixup: %v", r.Header)
	}
}

func TestErrors(t *testing.T) {
	for _, tc := range []struct{ line, want string }{
		{"Header", "first argument must be 'add', 'set', 'setifempty', 'append', 'merge', 'unset', 'echo', 'note', 'edit', or 'edit*'."},
		{"Header set X", "Header requires three arguments"},
		{"Header edit X a", "Header edit requires a match and a substitution"},
		{"Header edit X ( a", "Header edit regex could not be compiled"},
		{"Header set X a b", "Unknown parameter: b"},
		{"Header set X a early b", "Too many arguments to directive"},
		{"Header edit X a b early c", "Header has too many arguments"},
		{"Header unset X early env=Y", "header unset takes two arguments"},
		{"Header echo X early env=Y", "Header echo takes two arguments"},
		{"Header set X a env=!", "error: missing environment variable name. envclause should be in the form env=envar "},
		{"Header set X %y", "Unrecognized header format %y"},
		{"RequestHeader echo X", "Header echo only valid on Header directives"},
		{"RequestHeader note X y", "RequestHeader does not support the 'note' action"},
	} {
		if _, got := compiled(t, tc.line); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.line, got, tc.want)
		}
	}
}

func FuzzParseItems(f *testing.F) {
	f.Add(`%t %{a}e\\ %%`)
	f.Fuzz(func(t *testing.T, s string) {
		var v format
		if err := v.parseItems(s); err != nil {
			return
		}
		for _, p := range v.parts {
			if p.item == nil && strings.Contains(p.text, "%") && p.text != "%" {
				t.Errorf("%q: a %% is left in %q", s, p.text)
			}
		}
	})
}
