package proxy_balancer

import (
	"strings"
	"testing"
)

func TestPathParam(t *testing.T) {
	for _, c := range []struct {
		url, name string
		semicolon bool
		want      string
		ok        bool
	}{
		{"balancer://c/x;S=1.a", "S", false, "1.a", true}, {"balancer://c/x;S=1.a;T=2", "S", false, "1.a;T=2", true}, {"balancer://c/x;S=1.a;T=2", "S", true, "1.a", true},
		{"/x?S=1.a&b", "S", false, "1.a", true}, {"/x;S=1?y", "S", false, "1", true}, {"/SS=1", "S", false, "1", true}, {"/x?S=", "S", false, "", false},
		{"/x?S", "S", false, "", false}, {"/x?S=?&", "S", false, "", false}, {"/x?S=&a=b", "S", false, "a=b", true}, {"", "S", false, "", false},
	} {
		if got, ok := pathParam(c.url, c.name, c.semicolon); got != c.want || ok != c.ok {
			t.Errorf("%s in %s: %q, %v; want %q, %v", c.name, c.url, got, ok, c.want, c.ok)
		}
	}
}

func TestCookieParam(t *testing.T) {
	for _, c := range []struct {
		cookies, want string
		ok            bool
	}{
		{"S=1.a", "1.a", true}, {"x=1; S=1.a; y", "1.a", true}, {"x=1,S=1.a,y", "1.a", true}, {"XS=1; S =2", "2", true}, {"S=", "", false}, {"S", "", false},
		{"S=;x", "", true}, {"s=1", "", false}, {"SS=1", "", false}, {"", "", false},
	} {
		if got, ok := cookieParam(c.cookies, "S"); got != c.want || ok != c.ok {
			t.Errorf("%s: %q, %v; want %q, %v", c.cookies, got, ok, c.want, c.ok)
		}
	}
}

// FuzzParams: a value that is found stands behind its name, and ends where it has to.
func FuzzParams(f *testing.F) {
	f.Add("/x;S=1.a?b&c", "S")
	f.Add("a=1; S=1.a, b", "S")
	f.Fuzz(func(t *testing.T, s, name string) {
		if v, ok := pathParam(s, name, true); ok && (!strings.Contains(s, name+"=") || !strings.Contains(s, v) || strings.ContainsAny(v, ";?&")) {
			t.Errorf("%q in the path %q is %q", name, s, v)
		}
		if v, ok := cookieParam(s, name); ok && (!strings.Contains(s, name) || !strings.Contains(s, "="+v) || strings.ContainsAny(v, ";,")) {
			t.Errorf("%q in the cookie %q is %q", name, s, v)
		}
	})
}

func TestAtof(t *testing.T) {
	for s, want := range map[string]float64{"3.5": 3.5, "5abc": 5, ".5": .5, "x": 0, "": 0, "1e2": 100, "-2x": -2} {
		if got := atof(s); got != want {
			t.Errorf("%q is %g, want %g", s, got, want)
		}
	}
}
