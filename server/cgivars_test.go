package server

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFindPathInfo(t *testing.T) {
	for _, c := range []struct{ uri, info, script string }{
		{"/cgi-bin/a/b/c", "/b/c", "/cgi-bin/a"},
		{"/a", "", "/a"},
		{"/cgi/x/y", "/z", "/cgi/x/y"},
		{"/x/y", "/x/y", "/x/y"[:0]},
		{"/s//p", "/p", "/s"},
		{"/s/p//q", "/p/q", "/s"},
		{"", "/p", ""},
	} {
		if got := c.uri[:FindPathInfo(c.uri, c.info)]; got != c.script {
			t.Errorf("%q behind %q: %q, want %q", c.info, c.uri, got, c.script)
		}
	}
}

func TestVariableNames(t *testing.T) {
	got := map[string]string{}
	for _, n := range []string{"User-Agent", "X_Y", "X.Y", "x1", ""} {
		v, ok := fieldVar(n)
		if !ok {
			v = "none"
		}
		got[n] = v
	}
	want := map[string]string{"User-Agent": "HTTP_USER_AGENT", "X_Y": "none", "X.Y": "none", "x1": "HTTP_X1", "": "HTTP_"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for in, want := range map[string]string{"A-b": "A_b", "9x": "_x", "x9": "x9", "é": "__"} {
		if got := variableName(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestProgramEnv(t *testing.T) {
	t.Setenv("TZ", "UTC")
	r := new(Request)
	r.Env.Set("A-B", "1\x002")
	if d := cmp.Diff([]string{"TZ=UTC", "A_B=1"}, r.ProgramEnv()); d != "" {
		t.Error(d)
	}
	r.Env.Set("tz", "here")
	if d := cmp.Diff([]string{"A_B=1", "tz=here"}, r.ProgramEnv()); d != "" {
		t.Error(d)
	}
}

func TestRLimit(t *testing.T) {
	const inf = ^uint64(0)
	for _, c := range []struct {
		l          RLimit
		soft, hard uint64
	}{{RLimit{5, 0}, 5, inf}, {RLimit{-1, 7}, inf, 7}, {RLimit{0, 0}, 100, inf}, {RLimit{5, -1}, 5, inf}} {
		if s, h := c.l.Over(100, inf); s != c.soft || h != c.hard {
			t.Errorf("%v: %d, %d", c.l, s, h)
		}
	}
}
