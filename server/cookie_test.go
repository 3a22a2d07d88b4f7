package server

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseCookieName(t *testing.T) {
	for args, want := range map[string]CookieName{
		"":                     {},
		"session":              {"session", ""},
		"  session\t path=/;a": {"session", "path=/;a"},
		"s a b ":               {"s", "a b "},
	} {
		if diff := cmp.Diff(want, ParseCookieName(args)); diff != "" {
			t.Errorf("%q: %s", args, diff)
		}
	}
}

func TestCookieSearch(t *testing.T) {
	for _, c := range []struct {
		field, value string
		found        bool
		rest         string
		keep         bool
	}{
		{"one=1", "1", true, "", false},
		{"x=1; one=2; y=3", "2", true, "x=1; y=3", true},
		{"one=1; $Path=/; x=2", "1", true, "; x=2", true},
		{"x=1", "", false, "x=1", true},
		{"$Version=1; one=a=b", "a=b", true, "$Version=1", false},
		{"x=1, one=2", "2", true, "x=1", true},
	} {
		s := cookieSearch{prefix: "one="}
		rest, keep := s.line(c.field)
		if keep && c.keep && rest != c.rest || keep != c.keep || s.found != c.found || s.value != c.value {
			t.Errorf("%q: value %q %v, rest %q %v", c.field, s.value, s.found, rest, keep)
		}
	}
}

// FuzzCookieSearch: what is left of a field has not the cookie any more.
func FuzzCookieSearch(f *testing.F) {
	f.Add("x=1; one=2; $Path=/, y=3", "one")
	f.Add(";;one=,one=1", "one")
	f.Fuzz(func(t *testing.T, field, name string) {
		s := cookieSearch{prefix: name + "="}
		rest, _ := s.line(field)
		again := cookieSearch{prefix: name + "="}
		if again.line(rest); again.found {
			t.Errorf("%q is still in %q, made of %q", name, rest, field)
		}
	})
}
