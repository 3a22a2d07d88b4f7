package pattern

import "testing"

func TestMatchAt(t *testing.T) {
	for _, tc := range []struct {
		pattern, s string
		start      int
		whole      string
	}{
		{"b+", "abbc", 1, "bb"}, {"b", "\xe4\xf6b", 2, "b"}, {"(?<=a)b", "\xe4bab", 3, "b"}, {"x", "abc", 0, ""},
	} {
		re, err := Compile(tc.pattern, Default)
		if err != nil {
			t.Fatal(err)
		}
		captures, start := re.MatchAt(nil, tc.s)
		whole := ""
		if captures != nil {
			whole = captures[0]
		}
		if start != tc.start || whole != tc.whole {
			t.Errorf("%s in %q: %d %q", tc.pattern, tc.s, start, whole)
		}
	}
}
