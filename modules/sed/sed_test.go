package sed

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func newScript(t testing.TB, lines ...string) *script {
	t.Helper()
	s := &script{labels: map[string]int{}, inJail: func(p string) string { return p }}
	for _, l := range lines {
		if err := s.compile(l); err != nil {
			t.Fatal(l, err)
		}
	}
	return s
}

func edit(t testing.TB, s *script, text string, piece int) string {
	t.Helper()
	e, err := newEditor(s, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	defer e.close()
	for len(text) > 0 {
		n := min(piece, len(text))
		if err := e.write([]byte(text[:n])); err != nil {
			t.Fatal(err)
		}
		text = text[n:]
	}
	if err := e.end(); err != nil {
		t.Fatal(err)
	}
	return e.out.String()
}

// TestEdit: what comes out does not depend on the pieces in which the text came.
func TestEdit(t *testing.T) {
	for _, tc := range []struct {
		script   []string
		in, want string
	}{
		{[]string{"s/a/b/"}, "aa\na", "ba\nb\n"},
		{[]string{"s/a/b/2;s/c/&&/g"}, "aacc\n", "abcccc\n"},
		{[]string{"s/x*/-/g"}, "abc\n", "-a-b-c-\n"},
		{[]string{"$!d"}, "1\n2\n3\n", "3\n"},
		{[]string{"2q"}, "1\n2\n3\n", "1\n2\n"},
		{[]string{"1!G;h;$!d"}, "1\n2\n3\n", "3\n2\n1\n"},
		{[]string{"a\\\ntext"}, "1\n2\n", "1\ntext\n2\ntext\n"},
		{[]string{"2i\\\n  before\\\n  it"}, "1\n2\n", "1\nbefore\nit\n2\n"},
		{[]string{"1,2c\\\ngone"}, "1\n2\n3\n", "gone\n3\n"},
		{[]string{"N;P;D"}, "1\n2\n3\n", "1\n2\n"},
		{[]string{"y/abc/xyz/"}, "cab\n", "zxy\n"},
		{[]string{":a", "s/^.\\{1,3\\}$/0&/", "ta"}, "7\n12345\n", "0007\n12345\n"},
		{[]string{"#n", "/b/{=", "p", "}"}, "a\nb\n", "2\nb\n"},
		{[]string{`s/\(a\)\(b\)/\2\1/`}, "ab\n", "ba\n"},
		{[]string{"d"}, "", ""},
		{[]string{"p"}, "\n", "\n\n"},
	} {
		for _, piece := range []int{1, 2, 3, 1000} {
			got := edit(t, newScript(t, tc.script...), tc.in, piece)
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Errorf("%q, pieces of %d (-want +got):\n%s", tc.script, piece, d)
			}
		}
	}
}

func TestUnfinished(t *testing.T) {
	for line, want := range map[string]string{"/a/{": "too many {'s", "bnone": "undefined label: none", "p": ""} {
		text := ""
		if err := newScript(t, line).finished(); err != nil {
			text = err.Error()
		}
		if text != want {
			t.Errorf("%q: %q, want %q", line, text, want)
		}
	}
}

// FuzzScript: no script panics, and one without commands changes nothing but a
// missing newline.
func FuzzScript(f *testing.F) {
	for _, s := range []string{"s/a\\(b\\)*/\\1&/gp", "/a/,/b/{y/ab/ba/;d", "1!G;h;$!d", ":a;b", "N;P;D", "s/[^]a-c]\\{2,3\\}$//w", "l;=;x;n;q"} {
		f.Add(s, "aabb\nab\n")
	}
	f.Fuzz(func(t *testing.T, text, in string) {
		s := &script{labels: map[string]int{}, inJail: func(p string) string { return p }}
		if len(in) > 200 || strings.ContainsAny(text, "wrbtD") { // files, and loops
			return
		}
		if s.compile(text) != nil || s.finished() != nil {
			return
		}
		got := edit(t, s, in, 7)
		if want := strings.TrimSuffix(in, "\n"); len(s.commands) == 0 && !s.quiet && in != "" && got != want+"\n" {
			t.Errorf("%q makes %q of %q", text, got, in)
		}
	})
}
