package substitute

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

func TestLine(t *testing.T) {
	for _, tc := range []struct {
		rules []string
		max   int
		in    string
		want  []string
		err   error
	}{
		{rules: []string{"s/b/x/"}, in: "abc", want: []string{"a", "x", "c"}},
		{rules: []string{"s/b/x/", "s/xc/y/"}, in: "abc", want: []string{"ay"}},
		{rules: []string{"s/b/x/q", "s/xc/y/"}, in: "abc", want: []string{"a", "x", "c"}},
		{rules: []string{"s/B/$1/in", "s/z/z/"}, in: "abc", want: []string{"a$1c"}},
		{rules: []string{`s/(b)(c)?/$2$1\$1\\/`, "s/z/z/"}, in: "abd", want: []string{`ab$1\d`}},
		{rules: []string{"s/^a//", "s/z/z/"}, in: "aaab", want: []string{"b"}},
		{rules: []string{"s/b/xx/n"}, max: 4, in: "abc", want: []string{"a", "xx", "c"}},
		{rules: []string{"s/b/xx/n"}, max: 3, in: "abc", err: errTooLong},
		{rules: []string{"s/b/xx/"}, max: 3, in: "abc", err: errTooLong},
		{rules: []string{"s/x*//"}, in: "abc", err: errTooLong},
		{in: "abc", want: []string{"abc"}},
	} {
		c := config{}
		for _, r := range tc.rules {
			if err := c.add(nil, r); err != nil {
				t.Fatal(r, err)
			}
		}
		p := replacer{r: request(), rules: c.rules, max: tc.max}
		if tc.max == 0 {
			p.max = defaultMax
		}
		got, err := p.line(tc.in)
		if d := cmp.Diff(tc.want, got); d != "" || err != tc.err {
			t.Errorf("%q: %v (-want +got):\n%s", tc.rules, err, d)
		}
	}
}

// FuzzSplit: a rule that is accepted reads as it was written.
func FuzzSplit(f *testing.F) {
	f.Add("s/a/b/in")
	f.Add("s|a|b")
	f.Fuzz(func(t *testing.T, text string) {
		r, flags, err := split(text)
		if err != nil {
			return
		}
		d := text[1:2]
		if whole := text[:1] + d + r.from + d + r.to; whole != text && whole+d+flags != text {
			t.Errorf("%q: %q, %q, %q", text, r.from, r.to, flags)
		}
	})
}

// FuzzLine: text of a line without a match stays as it is.
func FuzzLine(f *testing.F) {
	f.Add("a(b)?", "x$1", "cab")
	f.Fuzz(func(t *testing.T, from, to, line string) {
		c := config{}
		if c.add(nil, "s\x00"+from+"\x00"+to+"\x00") != nil || len(line) > 1000 {
			return
		}
		p := replacer{r: request(), rules: c.rules, max: 10000}
		got, err := p.line(line)
		if err == nil && p.rules[0].re.MatchIndex(nil, line) == nil && strings.Join(got, "") != line {
			t.Errorf("s/%s/%s/ makes %q of %q", from, to, got, line)
		}
	})
}
