package pattern

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMatch(t *testing.T) {
	tests := []struct {
		pattern string
		flags   Flags
		subject string
		want    []string
	}{
		{`^/a/(.*)$`, Default, "/a/b", []string{"/a/b", "b"}},
		{`^/a/(.*)$`, Default, "/b/b", nil},
		{`^/a*b`, Default, "/b", []string{"/b"}},
		{`(?<x>a)|(b)`, Default, "b", []string{"b", "", "b"}},
		{`^.$`, Default, "\xc3\xa9", nil},
		{`^..$`, Default, "\xc3\xa9", []string{"\xc3\xa9"}},
		{`(.)x`, Default, "\xe9x\xe9", []string{"\xe9x", "\xe9"}},
		{`(a+)(?!b)`, Default, "aab", []string{"a", "a"}},
		{`(a)\1`, Default, "baa", []string{"aa", "a"}},
		{`^a++b`, Default, "aab", []string{"aab"}},
		{`^a++ab`, Default, "aab", nil},
		{`^([^.]++)\.([^.]{3,}+\..++)$`, Default, "www.example.com", []string{"www.example.com", "www", "example.com"}},
		{`^a{2,}+a`, Default, "aaaa", nil},
		{`(.)(.)\g{-1}\g1\g{2}`, Default, "abbab", []string{"abbab", "a", "b"}},
		{`a\Nb`, Default, "a\nb", nil},
		{`(?i)ABC`, Default, "xabc", []string{"abc"}},
		{`ABC`, FoldCase | Default, "xabc", []string{"abc"}},
		{`a$`, Default, "a\n", nil},
		{`a$`, DotAll, "a\n", []string{"a"}},
		{`a.b`, Default, "a\nb", []string{"a\nb"}},
		{`a.b`, DollarEndOnly, "a\nb", nil},
		{`[a-z_.-]+`, Default, "x-._", []string{"x-._"}},
		{`[\w-]+`, Default, "a-b", []string{"a-b"}},
		{`[]a]+`, Default, "a]", []string{"a]"}},
		{`[^]a]`, Default, "]ab", []string{"b"}},
		{`[[:alpha:]]+`, Default, "1ab", []string{"ab"}},
		{`a{2}`, Default, "aaa", []string{"aa"}},
		{`a{,2}`, Default, "a{,2}", []string{"a{,2}"}},
		{`\/x\-y\_z`, Default, "/x-y_z", []string{"/x-y_z"}},
		{`\.(?:gif|jpe?g)$`, Default, "a.jpg", []string{".jpg"}},
		{`^(?=.*x)a`, Default, "abx", []string{"a"}},
		{`\Qa.b\E+`, Default, "a.bb", []string{"a.bb"}},
	}
	for _, tt := range tests {
		re, err := Compile(tt.pattern, tt.flags)
		if err != nil {
			t.Errorf("Compile(%q): %v", tt.pattern, err)
			continue
		}
		if d := cmp.Diff(tt.want, re.Match(nil, tt.subject)); d != "" {
			t.Errorf("%q on %q (-want +got):\n%s", tt.pattern, tt.subject, d)
		}
		if got := re.MatchString(tt.subject); got != (tt.want != nil) {
			t.Errorf("%q: MatchString(%q) = %v", tt.pattern, tt.subject, got)
		}
	}
}

func TestNames(t *testing.T) {
	re, err := Compile(`^/(?<site>[^/]+)/(x)`, Default)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"", "MATCH_SITE", ""}, re.Names()); d != "" {
		t.Error(d)
	}
}

func TestCompileRefuses(t *testing.T) {
	for _, p := range []string{`(`, `[a`, `a**b(`, `*`, `(?<n`} {
		if re, err := Compile(p, Default); err == nil {
			t.Errorf("Compile(%q) = %v", p, re)
		}
	}
}

func TestBacktrackingEnds(t *testing.T) {
	re, err := Compile(`^(a+)+(?!b)$`, Default)
	if err != nil {
		t.Fatal(err)
	}
	if !re.Backtracks() {
		t.Fatal("the test wants a pattern that backtracks")
	}
	if re.MatchString(strings.Repeat("a", 60) + "!") {
		t.Error("matched")
	}
}

func TestSubstitute(t *testing.T) {
	got, err := Substitute(`/x/$1/&\$2\&$7`, []string{"all", "one"})
	if want := "/x/one/all$2&"; err != nil || got != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}

func FuzzMatch(f *testing.F) {
	f.Add(`^/(.*)\.html$`, "/a.html")
	f.Add(`(?!x)[^\d-]+`, "\xff\x00")
	f.Fuzz(func(t *testing.T, p, s string) {
		if len(p) > 200 || len(s) > 200 {
			return
		}
		re, err := Compile(p, Default)
		if err != nil {
			return
		}
		m := re.Match(nil, s)
		if m == nil {
			return
		}
		if len(m) != re.NumSubexp()+1 {
			t.Fatalf("%d captures of %d", len(m), re.NumSubexp())
		}
		for _, c := range m {
			if !strings.Contains(s, c) {
				t.Fatalf("capture %q is not part of %q", c, s)
			}
		}
	})
}
