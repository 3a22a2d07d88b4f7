package main

import (
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/modules"
	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/mpm"
)

// debianStock is what Debian's files add to every request's way.
const debianStock = `
BrowserMatch "Mozilla/2" nokeepalive
BrowserMatch "MSIE 4\.0b2;" nokeepalive downgrade-1.0 force-response-1.0
BrowserMatch " Konqueror/4" redirect-carefully
AccessFileName .htaccess
<FilesMatch "^\.ht">
    Require all denied
</FilesMatch>
LogFormat "%h %l %u %t \"%r\" %>s %O \"%{Referer}i\" \"%{User-Agent}i\"" combined
CustomLog /dev/null combined
`

// TestRepeatable: which answers may be kept, and what they depend on. An answer
// that is wrongly not kept is slow; one that is wrongly kept is wrong.
func TestRepeatable(t *testing.T) {
	for _, tc := range []struct {
		name, conf string
		target     string
		fields     []string
		want       string // what it depends on; "no" for an answer that is not kept
	}{
		{name: "a file", want: "If-Match If-Unmodified-Since If-None-Match If-Modified-Since If-Range Range"},
		{name: "Debian's", conf: debianStock, fields: []string{"User-Agent: Mozilla/5.0"},
			want: "User-Agent[] If-Match If-Unmodified-Since If-None-Match If-Modified-Since If-Range Range log Referer User-Agent"},
		{name: "a browser that rules are for", conf: debianStock, fields: []string{"User-Agent: x Konqueror/4"},
			want: "User-Agent[ 2] If-Match If-Unmodified-Since If-None-Match If-Modified-Since If-Range Range log Referer User-Agent"},
		{name: "a browser without keep-alive", conf: debianStock, fields: []string{"User-Agent: Mozilla/2"}, want: "no"},
		{name: "constant fields", conf: "Header set X 1\nHeader always set Y \"%{E}e\"\nSetEnv E e", want: base},
		{name: "the time in a field", conf: `Header set X "%t"`, want: "no"},
		{name: "the time in an expression", conf: `Header set X "expr=%{TIME}"`, want: "no"},
		{name: "a field in an expression", conf: `Header set X 1 "expr=%{HTTP_COOKIE} =~ /a/"`, want: "If-Match If-Unmodified-Since If-None-Match If-Modified-Since If-Range Cookie Range"},
		{name: "a changed request", conf: "RequestHeader set X 1", want: "no"},
		{name: "expires", conf: "ExpiresActive On\nExpiresDefault A60", want: base + " +Expires"},
		{name: "expires by modification", conf: "ExpiresActive On\nExpiresDefault M99999999", want: "no"},
		{name: "by address", conf: "<Directory ${DIR}>\nRequire ip 192.0.2\n</Directory>", want: "client " + base},
		{name: "by old rules", conf: "<Directory ${DIR}>\nOrder allow,deny\nAllow from 192.0.2.1\n</Directory>", want: "client " + base},
		{name: "by name", conf: "<Directory ${DIR}>\nRequire host example.org\nRequire all granted\n</Directory>", want: "no"},
		{name: "an id for each", conf: "LoadModule unique_id_module x", want: "no"},
		{name: "a cookie for each", conf: "LoadModule usertrack_module x\nCookieTracking On", want: "no"},
		{name: "negotiated", target: "/n", conf: "<Directory ${DIR}>\nOptions +MultiViews\n</Directory>",
			want: "Accept Accept-Encoding Accept-Language Accept-Charset Negotiate User-Agent " + base},
		{name: "index", target: "/", want: base},
		{name: "listing", target: "/sub/", conf: "<Directory ${DIR}>\nOptions +Indexes\n</Directory>", want: "no"},
		{name: "rewritten", target: "/x", conf: "RewriteEngine On\nRewriteCond %{HTTP_ACCEPT} !z\nRewriteRule ^/x /a.html", want: "Accept " + base},
		{name: "rewritten by the clock", target: "/x", conf: "RewriteEngine On\nRewriteCond %{TIME_HOUR} !z\nRewriteRule ^/x /a.html", want: "no"},
		{name: "not found", target: "/none", want: "no"},
		{name: "a line in the error log", conf: "LogLevel debug", want: "no"},
		{name: "a name in the access log", conf: "HostnameLookups On\nCustomLog /dev/null %h", want: "no"},
		{name: "a conditional log", conf: `CustomLog /dev/null %h "expr=%{TIME} -gt 0"`, want: "no"},
		{name: "not modified", fields: []string{`If-None-Match: "x", W/"y"`}, want: "If-Match If-Unmodified-Since If-None-Match Range If-Modified-Since If-Range"},
		{name: "a part", fields: []string{"Range: bytes=1-2"}, want: base},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.target == "" {
				tc.target = "/a.html"
			}
			if got := dependencies(t, tc.conf, tc.target, tc.fields); got != tc.want {
				t.Errorf("-want +got:\n%s", cmp.Diff(tc.want, got))
			}
		})
	}
}

// base is what every answer of the default handler depends on.
const base = "If-Match If-Unmodified-Since If-None-Match If-Modified-Since If-Range Range"

// nothing is an exchange whose responses go nowhere.
type nothing struct{}

func (nothing) Body(*server.Request, *server.Brigade) error { return nil }
func (nothing) Interim(*server.Request, int) error          { return nil }
func (nothing) Drop()                                       {}

// discard opens no log.
type discard struct{}

func (discard) OpenLog(string) (io.Writer, error) {
	return os.OpenFile(os.DevNull, os.O_WRONLY, 0)
}
func (discard) LogBuffer(string) *server.LogBuffer { return server.NewLogBuffer(nil) }

func dependencies(t *testing.T, conf, target string, fields []string) string {
	g := generation(t, conf)
	r := request(g, target, fields)
	g.Process(r)
	rep := r.Repetition()
	if rep == nil {
		return "no"
	}
	var list []string
	if rep.Client {
		list = append(list, "client")
	}
	for _, f := range rep.Fields {
		if f.Classes != nil {
			f.Name += fmt.Sprintf("[%s]", f.Class)
		}
		list = append(list, f.Name)
	}
	for _, d := range rep.Dates {
		list = append(list, "+"+d.Name)
	}
	if len(rep.Logged) > 0 {
		list = append(append(list, "log"), rep.Logged...)
	}
	return strings.Join(list, " ")
}

// request is a GET as an engine makes it.
func request(g *server.Generation, target string, fields []string) *server.Request {
	c := &server.Conn{Gen: g, Server: g.Config.Main, Remote: netip.MustParseAddrPort("192.0.2.1:1"), ClientIP: "192.0.2.1"}
	hr := &http.Request{Method: "GET", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{"Host": {"h"}}, Host: "h", Body: http.NoBody}
	r := g.NewRequest(c, nothing{}, hr)
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		r.FieldOrder = append(r.FieldOrder, name)
		hr.Header.Set(name, value)
	}
	r.TheRequest = "GET " + target + " HTTP/1.1"
	r.SetTarget(target)
	return r
}

// BenchmarkPhases is a request for a file without the wire.
func BenchmarkPhases(b *testing.B) {
	g := generation(b, debianStock)
	b.ReportAllocs()
	for b.Loop() {
		g.Process(request(g, "/a.html", []string{"User-Agent: Mozilla/5.0"}))
	}
}

// generation loads a configuration for a small site.
func generation(t testing.TB, conf string) *server.Generation {
	dir := t.TempDir()
	old := time.Now().Add(-time.Hour)
	for _, name := range []string{"a.html", "index.html", "n.html", "sub/b.html"} {
		os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755)
		os.WriteFile(filepath.Join(dir, name), []byte("text"), 0o644)
		os.Chtimes(filepath.Join(dir, name), old, old)
	}
	text := "ServerName h\nServerRoot " + dir + "\nDocumentRoot " + dir + "\nDefine DIR " + dir + "\n"
	for _, m := range []string{"mime", "dir", "alias", "env", "setenvif", "headers", "expires", "authz_core", "authz_host", "access_compat",
		"negotiation", "autoindex", "rewrite"} {
		text += "LoadModule " + m + "_module x\n"
	}
	file := filepath.Join(dir, "httpd.conf")
	if err := os.WriteFile(file, []byte(text+conf+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	l := server.Loader{Builtin: modules.Builtin, Source: httpdconf.OS}
	g, diags := l.Load(file)
	if g == nil {
		t.Fatal(mpm.Sentence(diags[0], "httpd"))
	}
	g.Logs = discard{}
	for _, p := range []server.ServerPhase{server.OpenLogs, server.PostConfig} {
		if err := g.RunServer(p); err != nil {
			t.Fatal(err)
		}
	}
	return g
}
