package setenvif

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
)

// compiled reads directives as a server's and gives their rules and the first error.
func compiled(t *testing.T, text string) (*config, string) {
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
	return serverSlot.Of(cfg.Main), ""
}

func TestApply(t *testing.T) {
	type env map[string]string
	for _, tc := range []struct {
		name, text string
		want       env
	}{
		{"Debian's", `BrowserMatch "Mozilla/2" nokeepalive` + "\n" + `BrowserMatch "MSIE 4\.0b2;" nokeepalive downgrade-1.0` + "\n" +
			`BrowserMatch "MSIE [2-6]" ssl-unclean`, env{"nokeepalive": "1", "downgrade-1.0": "1", "ssl-unclean": "1"}},
		{"values and removal", "SetEnvIf Request_URI ^/a A=x B C==y\nSetEnvIf Request_Method GET !B", env{"A": "x", "C": "y"}},
		{"captures", `SetEnvIf Request_URI "^/(\w+)/" WHERE=in-$1`, env{"WHERE": "in-a"}},
		{"no capture of a plain text", `SetEnvIf Request_URI /a/ WHERE=$0`, env{"WHERE": "$0"}},
		{"case", "SetEnvIfNoCase user-agent mozilla A\nSetEnvIf user-agent mozilla B", env{"A": "1"}},
		{"absent is empty", "SetEnvIf X-None ^$ NONE", env{"NONE": "1"}},
		{"a variable set before", "SetEnvIf Request_URI a A=1\nSetEnvIf A 1 B", env{"A": "1", "B": "1"}},
		{"by a name's pattern", "SetEnvIf ^X-.*-T$ v M=$0", env{"M": "$0"}},
		{"addresses", "SetEnvIf Remote_Addr ^192 R\nSetEnvIf Server_Addr ^10 S", env{"R": "1", "S": "1"}},
		{"expression", `SetEnvIfExpr "%{REQUEST_URI} =~ m#^/(.)/#" E=$1`, env{"E": "a"}},
		{"expression without captures", `SetEnvIfExpr "true" E=$1`, env{"E": "$1"}},
	} {
		c, err := compiled(t, tc.text)
		if err != "" {
			t.Errorf("%s: %s", tc.name, err)
			continue
		}
		main := &directives.Server{}
		r := &server.Request{Request: &http.Request{Method: "GET", Header: http.Header{}}, Server: main, Dir: &directives.Conf{},
			Gen: &server.Generation{}, Conn: &server.Conn{LocalIP: "10.0.0.1"}, ClientIP: "192.0.2.1", URI: "/a/b",
			FieldOrder: []string{"User-Agent", "X-One-T"}}
		r.Header.Set("User-Agent", "Mozilla/2 (MSIE 4.0b2;)")
		r.Header.Set("X-One-T", "value")
		c.apply(r)
		got := env{}
		for _, f := range r.Env.All() {
			got[f.Name] = f.Value
		}
		if d := cmp.Diff(tc.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, d)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, tc := range []struct{ line, want string }{
		{"SetEnvIf", "Missing header-field name for SetEnvIf"},
		{"SetEnvIf X", "Missing regular expression for SetEnvIf"},
		{"BrowserMatch", "Missing regular expression for BrowserMatch"},
		{"SetEnvIf X y", "Missing envariable expression for SetEnvIf"},
		{"SetEnvIf X ( Y", "SetEnvIf regex could not be compiled."},
		{"SetEnvIf X( y Y", "SetEnvIfHeader name regex could not be compiled."},
		{"SetEnvIfExpr", "Missing expression for SetEnvIfExpr"},
	} {
		if _, err := compiled(t, tc.line); err != tc.want {
			t.Errorf("%s: %q, want %q", tc.line, err, tc.want)
		}
	}
}

func TestLiteral(t *testing.T) {
	for _, tc := range []struct {
		re, literal, needed string
		ok                  bool
	}{
		{"Mozilla/2", "Mozilla/2", "Mozilla/2", true}, {`4\.0;`, "4.0;", "4", true}, {`a\w`, "", "a", false}, {"^Web", "", "Web", false},
		{"MSIE [2-6]", "", "MSIE ", false}, {"ab*", "", "a", false}, {"a|b", "", "", false}, {"(?i)a", "", "", false},
	} {
		l, ok := literal(tc.re)
		if l != tc.literal || ok != tc.ok || needed(tc.re) != tc.needed {
			t.Errorf("%s: %q %v %q", tc.re, l, ok, needed(tc.re))
		}
	}
}
