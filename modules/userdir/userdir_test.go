package userdir

import (
	"net/http"
	"testing"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
)

func compiled(t *testing.T, lines ...string) (*directives.Server, string) {
	t.Helper()
	set := directives.NewSet(server.Version)
	set.Add(Module.Name, Module.SourceName(), Module.Directives)
	tree := &httpdconf.Tree{}
	for _, args := range lines {
		tree.Nodes = append(tree.Nodes, &httpdconf.Node{Name: "UserDir", Args: args})
	}
	cfg, diags := directives.Compile(tree, set, directives.Setup{})
	if len(diags) > 0 {
		return nil, diags[0].Summary
	}
	return cfg.Main, ""
}

func TestTranslate(t *testing.T) {
	const none = server.Declined
	for _, tc := range []struct {
		name, uri string
		lines     []string
		status    server.Status
		file, to  string
	}{
		{name: "home", uri: "/~root/a/b", lines: []string{"public_html"}, file: "/root/public_html/a/b"},
		{name: "no such user", uri: "/~nobody-of-that-name/", lines: []string{"public_html"}, status: none},
		{name: "absolute", uri: "/~bob/x", lines: []string{"/srv/users"}, file: "/srv/users/bob/x"},
		{name: "star", uri: "/~bob", lines: []string{"/home/*/www"}, file: "/home/bob/www"},
		{name: "URL", uri: "/~bob//x", lines: []string{"http://h/*/"}, status: 302, to: "http://h/bob/x"},
		{name: "bare URL", uri: "/~bob", lines: []string{"http://h/*"}, status: 302, to: "http://h/bob"},
		{name: "the second place", uri: "/~bob/x", lines: []string{"/nonexistent/* /srv/users"}, file: "/srv/users/bob/x"},
		{name: "nothing given", uri: "/~root/", status: none},
		{name: "disabled", uri: "/~bob/", lines: []string{"/srv", "disabled alice BOB"}, status: none},
		{name: "all disabled", uri: "/~bob/", lines: []string{"/srv", "disabled"}, status: none},
		{name: "but one", uri: "/~bob/", lines: []string{"/srv", "disabled", "enabled bob"}, file: "/srv/bob/"},
		{name: "no user", uri: "/~/x", lines: []string{"/srv"}, status: none},
		{name: "dots", uri: "/~../x", lines: []string{"/srv"}, status: none},
		{name: "elsewhere", uri: "/bob", lines: []string{"/srv"}, status: none},
	} {
		main, problem := compiled(t, tc.lines...)
		if problem != "" {
			t.Errorf("%s: %s", tc.name, problem)
			continue
		}
		r := &server.Request{Request: &http.Request{}, Gen: &server.Generation{}, Server: main, URI: tc.uri}
		if got := translate(r); got != tc.status || r.Filename != tc.file || r.Out.Get("Location") != tc.to {
			t.Errorf("%s: %d %q %q, want %d %q %q", tc.name, got, r.Filename, r.Out.Get("Location"), tc.status, tc.file, tc.to)
		}
	}
	if _, problem := compiled(t, ""); problem != "UserDir requires an argument." {
		t.Errorf("without argument: %q", problem)
	}
}
