package proxy_html

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

func request() *server.Request {
	v := &directives.Server{}
	return &server.Request{Request: &http.Request{}, Gen: &server.Generation{}, Conn: &server.Conn{Server: v}, Server: v}
}

func TestRules(t *testing.T) {
	for _, tc := range []struct {
		rules             []string
		in                string
		link, event, text string
	}{
		{[]string{"/x/ /y/"}, "/x/a /x/", "/y/a /x/", "/y/a /y/", "/y/a /y/"},
		{[]string{"/x/ /y/ ^"}, "a/x/", "a/x/", "a/x/", "a/x/"},
		{[]string{"/x/ /y/ $"}, "/x/a/x/", "/y/a/x/", "/x/a/y/", "/x/a/y/"},
		{[]string{"x(.) [$1] R"}, "xaxb", "[a]xb", "[a][b]", "[a][b]"},
		{[]string{"/x /y", "/y /z"}, "/x", "/y", "/z", "/z"},
		{[]string{"/x /y L", "/y /z"}, "/x", "/y", "/y", "/z"},
		{[]string{"/x /y Rl", "/y /z Rl"}, "/x", "/z", "/z", "/z"},
		{[]string{"/x /y h"}, "/x", "/x", "/y", "/y"},
		{[]string{"z* - R"}, "ab", "-ab", "-ab", "-ab"},
		{[]string{`"" -`}, "ab", "-ab", "ab", "ab"},
	} {
		var c config
		for _, r := range tc.rules {
			if err := c.addRule(nil, r); err != nil {
				t.Fatal(r, err)
			}
		}
		got := []string{inLink(request(), c.rules, tc.in), inEvent(request(), c.rules, tc.in), inScript(request(), c.rules, tc.in)}
		if d := cmp.Diff([]string{tc.link, tc.event, tc.text}, got); d != "" {
			t.Errorf("%q of %q: link, event, script (-want +got):\n%s", tc.rules, tc.in, d)
		}
	}
}

// FuzzRule: text without the pattern stays as it is, and every rule comes to an end.
func FuzzRule(f *testing.F) {
	f.Add("/x/", "/y/", "a/x/b", "R")
	f.Fuzz(func(t *testing.T, from, to, text, flags string) {
		if strings.ContainsAny(from+to+flags, "\"\\ \t\r\n\v\f'") || from == "" || len(text) > 1000 || strings.Contains(flags, "v") {
			return
		}
		var c config
		if c.addRule(nil, from+" "+to+" "+flags) != nil {
			return
		}
		got := inScript(request(), c.rules, text)
		if !c.rules[0].isRegexp && !strings.Contains(text, from) && got != text {
			t.Errorf("%q: %q", text, got)
		}
	})
}

func TestInterpolate(t *testing.T) {
	r := request()
	r.Env.Set("a", "1")
	r.Env.Set("loop", "${loop}")
	for in, want := range map[string]string{"${a}": "1", "x${a}y${b}": "x1y", "${b|c}d": "cd", "${a|c}": "1", "${a": "${a", "$a": "$a", "${loop}": "${loop}"} {
		if got := interpolate(r, in); got != want {
			t.Errorf("%s: %q", in, got)
		}
	}
}

// FuzzMeta: what is cut out lies in the page.
func FuzzMeta(f *testing.F) {
	f.Add([]byte(`<html><meta http-equiv="Content-Type" content="a"><meta http-equiv=x content='b'>`))
	f.Fuzz(func(t *testing.T, page []byte) {
		from, to, found := fixMeta(request(), page)
		if found && (from < parserStart || to < from || to > len(page)) {
			t.Errorf("%q: %d to %d", page, from, to)
		}
	})
}
