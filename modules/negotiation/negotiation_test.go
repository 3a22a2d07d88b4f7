package negotiation

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseAccepted(t *testing.T) {
	for _, tc := range []struct {
		in   string
		want accepted
		rest string
	}{
		{"text/HTML;level=3;q=0.5, x", accepted{"text/html", 0.5, 3, ""}, " x"},
		{" text/html ; charset=\"UTF-8\" ; Q = .25", accepted{"text/html", 0.25, 2, "utf-8"}, ""},
		{"en fr", accepted{"en", 1, 0, ""}, "fr"},
		{"text/x-server-parsed-html3", accepted{"text/x-server-parsed-html3", 1, 3, ""}, ""},
		{`a/b;x="p,q;r";qs=0.7`, accepted{"a/b", 0.7, 0, ""}, ""},
		{";;,", accepted{"", 1, 0, ""}, ""},
		{"a;q", accepted{"a", 1, 0, ""}, ""},
	} {
		got, rest := parseAccepted(tc.in)
		if d := cmp.Diff(tc.want, got, cmp.AllowUnexported(accepted{})); d != "" || rest != tc.rest {
			t.Errorf("%q: rest %q, want %q (-want +got):\n%s", tc.in, rest, tc.rest, d)
		}
	}
}

func FuzzParseAccepted(f *testing.F) {
	f.Add(`text/html;q=0.5;level="1", */*`)
	f.Fuzz(func(t *testing.T, line string) {
		for line != "" {
			a, rest := parseAccepted(line)
			if len(rest) >= len(line) || a.quality < 0 || a.quality > 1 {
				t.Fatalf("%q: %+v, rest %q", line, a, rest)
			}
			line = rest
		}
	})
}

func TestQuality(t *testing.T) {
	for in, want := range map[string]float32{"": 1, "1": 1, "0": 0, "0.5": 0.5, ".5": 0.5, "0.1239": 0.123, "0.": 0, "0x": 0, "2": 1, "x": 1, " 0.7": 0.7} {
		if got := quality(in); got != want {
			t.Errorf("quality(%q) = %v, want %v", in, got, want)
		}
	}
}

func TestReadMap(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		want       []string // file, type, languages, description of each variant
		problem    string
		fatal      bool
	}{
		{"two", "URI: a\nContent-Type: text/html; qs=0.5\n\n# c\nURI: b\nContent-Language: de, fr\nDescription: \"x\n  y\"\n", []string{"a text/html [] ", "b  [de fr] \"x y\""}, "", false},
		{"goes on", "URI: a\nContent-type: text/html;\n#comment\n\tcharset=x\n \nContent-Language: no\n", []string{"a text/html [] "}, "", false},
		{"comments", "URI: a (first (one)\nContent-type: text/html\n", []string{"a text/html [] "}, "", false},
		{"no colon", "URI\n", nil, "AH00681: Syntax error in type map, no ':' in map for header uri\n", true},
		{"no body", "Uri: \n", nil, "AH00682: Syntax error in type map --- no header body: map for uri: \n", true},
		{"length", "URI: a\nContent-length: 1x\n", nil, "AH00684: Parse error in type map, Content-Length: '1x' in map is invalid.", false},
		{"body", "Content-type: a/b\nBody:--x\nhello\n--x rest\n\n", []string{"name a/b [] "}, "", false},
		{"open", "Content-type: a/b\nBody:--x\nhello\n", nil, "AH00685: Syntax error in type map, no end tag '--x' found in map for Body: content.", false},
	} {
		m := mapReader{text: tc.text, file: "map", name: "name"}
		problem, fatal := m.read()
		var got []string
		for _, v := range m.variants {
			got = append(got, v.file+" "+v.mediaType+" ["+strings.Join(v.languages, " ")+"] "+v.description)
		}
		if d := cmp.Diff(tc.want, got); d != "" || problem != tc.problem || fatal != tc.fatal {
			t.Errorf("%s: %q %v (-want +got):\n%s", tc.name, problem, fatal, d)
		}
	}
}

func FuzzReadMap(f *testing.F) {
	f.Add("URI: a\nContent-Type: text/html\n\nContent-Language: de\nBody:x\nb\nx\n")
	f.Fuzz(func(t *testing.T, text string) {
		m := mapReader{text: text, file: "map", name: "name"}
		m.read()
		for _, v := range m.variants {
			if v.body != 0 && v.body+v.bytes > int64(len(text)) {
				t.Errorf("%q: body at %d of %d bytes", text, v.body, v.bytes)
			}
		}
	})
}

func TestStandIn(t *testing.T) {
	for _, tc := range []struct {
		name, parts string
		want        bool
	}{
		{"index.html", "index", true}, {"index", "index/foo", false}, {"index.foo", "index/foo", true}, {"index.html.foo", "index/foo", true},
		{"index.foo.html", "foo/index", false}, {"", "a", false},
	} {
		if got := standIn(tc.name, strings.Split(tc.parts, "/")); got != tc.want {
			t.Errorf("standIn(%q, %q) = %v", tc.name, tc.parts, got)
		}
	}
}

func TestMatchLanguages(t *testing.T) {
	for _, tc := range []struct {
		accept, languages string
		strict            bool
		want              float32
	}{
		{"en;q=0.5, en-us;q=0.2", "en-us", false, 0.2}, {"en-us", "en", false, 0.001}, {"en-us", "en", true, 0}, {"*;q=0.3", "de", false, 0.3},
		{"fr;q=0.1, *;q=0.3", "fr de", false, 0.3}, {"fr;q=0.4, de;q=0.6", "fr de", false, 0.6}, {"x", "de", false, 0},
	} {
		n := &negotiation{strict: tc.strict}
		for line := tc.accept; line != ""; {
			var a accepted
			a, line = parseAccepted(line)
			n.languages = append(n.languages, a)
		}
		v := &variant{languages: strings.Fields(tc.languages)}
		if got := n.matchLanguages(v); got != tc.want {
			t.Errorf("%q, %q: %v, want %v", tc.accept, tc.languages, got, tc.want)
		}
	}
}
