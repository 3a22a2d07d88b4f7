package pattern

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMatchIndex(t *testing.T) {
	for _, tc := range []struct {
		re, s string
		want  []int
	}{
		{"b(c)?(d)?", "abd", []int{1, 3, -1, -1, 2, 3}},
		{"(\xe4)x", "\xe4\xe4x", []int{1, 3, 1, 2}},
		{`(.)\1`, "\xe4bcc", []int{2, 4, 2, 3}},
		{"^x", "ax", nil},
		{"", "a", []int{0, 0}},
	} {
		re, err := Compile(tc.re, 0)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(tc.want, re.MatchIndex(nil, tc.s)); d != "" {
			t.Errorf("%q in %q (-want +got):\n%s", tc.re, tc.s, d)
		}
	}
}
