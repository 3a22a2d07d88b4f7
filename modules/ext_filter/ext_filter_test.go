package ext_filter

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTokenize(t *testing.T) {
	for in, want := range map[string][]string{
		"":                     nil,
		" /bin/cat  -n ":       {"/bin/cat", "-n"},
		`a 'b  c' "d e"`:       {"a", "b  c", "d e"},
		`a\ b 'it'"s" \"x`:     {"a b", "its", `"x`},
		`sed 's/a\'b/c/' \n""`: {"sed", "s/a'b/c/", `\n`},
	} {
		if d := cmp.Diff(want, tokenize(in)); d != "" {
			t.Errorf("%s: %s", in, d)
		}
	}
}

// FuzzTokenize holds: no word is longer than the line, and words without quotes
// and backslashes are those between the spaces.
func FuzzTokenize(f *testing.F) {
	f.Add("a 'b c' \\d")
	f.Fuzz(func(t *testing.T, s string) {
		n := 0
		for _, w := range tokenize(s) {
			n += len(w)
		}
		if n > len(s) {
			t.Errorf("%d bytes of words in %q", n, s)
		}
	})
}
