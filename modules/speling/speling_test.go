package speling

import (
	"strings"
	"testing"
)

func TestDistance(t *testing.T) {
	for _, tc := range []struct {
		asked, file string
		want        reason
	}{
		{"A.html", "a.HTML", miscapitalized}, {"idnex.html", "index.html", transposition}, {"indx.html", "index.html", missingChar},
		{"inndex.html", "index.html", extraChar}, {"indax.html", "index.html", simpleTypo}, {"indax.htm", "index.html", veryDifferent},
		{"a", ".", simpleTypo}, {"ab", "..", veryDifferent}, {"", "a", missingChar}, {"a", "", extraChar}, {"ab", "ba", transposition}, {"abc", "cba", veryDifferent},
	} {
		if got := distance(tc.asked, tc.file); got != tc.want {
			t.Errorf("distance(%q, %q) = %s, want %s", tc.asked, tc.file, got, tc.want)
		}
	}
}

func TestCompare(t *testing.T) {
	for _, tc := range []struct {
		c           config
		asked, file string
		why         reason
		meant       bool
	}{
		{config{}, "a.htm", "A.db", veryDifferent, true}, {config{noBase: true}, "a.htm", "A.db", veryDifferent, false},
		{config{caseOnly: true}, "indx", "index", veryDifferent, false}, {config{caseOnly: true}, "INDEX", "index", miscapitalized, true},
		{config{caseOnly: true}, "a.htm", "a.html", veryDifferent, true}, {config{}, "a.htm", "a.html", missingChar, true},
	} {
		if why, meant := tc.c.compare(tc.asked, tc.file); why != tc.why || meant != tc.meant {
			t.Errorf("%+v %q %q: %s, %v", tc.c, tc.asked, tc.file, why, meant)
		}
	}
}

func FuzzDistance(f *testing.F) {
	f.Add("index.html", "idnex.html")
	f.Fuzz(func(t *testing.T, a, b string) {
		if d := distance(a, b); d == miscapitalized && !strings.EqualFold(a, b) || d == missingChar && len(b) != len(a)+1 || d == extraChar && len(a) != len(b)+1 {
			t.Errorf("%q, %q: %s", a, b, d)
		}
	})
}
