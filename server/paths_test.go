package server

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNormalizePath(t *testing.T) {
	tests := []struct {
		in, want string
		ok       bool
	}{
		{"/a/b", "/a/b", true}, {"//a", "/a", true}, {"/./a", "/a", true}, {"/a/../b", "/b", true},
		{"/../a", "/a", false}, {"/a/..", "/", true}, {"/a/.", "/a/", true}, {"/%61", "/a", true}, {"/%2e%2e/a", "/a", false},
		{"/a/%2f", "/a/%2f", true}, {"/.../a", "/.../a", true}, {"/a..b", "/a..b", true},
	}
	for _, tt := range tests {
		got, ok := normalizePath(tt.in, true, true, false)
		if got != tt.want || ok != tt.ok {
			t.Errorf("%s: %s, %v; want %s, %v", tt.in, got, ok, tt.want, tt.ok)
		}
	}
}

func TestUnescapePath(t *testing.T) {
	tests := []struct {
		in   string
		rule slashRule
		want string
		s    Status
	}{
		{"/a%20b", slashForbid, "/a b", OK}, {"/%zz", slashForbid, "/%zz", 400}, {"/%", slashForbid, "/%", 400},
		{"/%00", slashForbid, "/\x00", 404}, {"/%2f", slashForbid, "//", 404}, {"/%2f", slashKeep, "/%2f", OK}, {"/%2F", slashDecode, "//", OK},
	}
	for _, tt := range tests {
		if got, s := unescapePath(tt.in, tt.rule); got != tt.want || s != tt.s {
			t.Errorf("%s: %q, %d; want %q, %d", tt.in, got, s, tt.want, tt.s)
		}
	}
}

func TestParseRanges(t *testing.T) {
	tests := []struct {
		spec string
		want []byteRange
		none bool // the field is ignored
	}{
		{"0-1", []byteRange{{0, 1}}, false}, {"-2", []byteRange{{8, 9}}, false}, {"5-", []byteRange{{5, 9}}, false},
		{"0-0,2-3", []byteRange{{0, 0}, {2, 3}}, false}, {"0-3,2-5", []byteRange{{0, 5}}, false}, {"3-4,0-", []byteRange{{0, 9}}, false},
		{"20-", nil, false}, {"0-1,20-30", []byteRange{{0, 1}}, false}, {"x", nil, true}, {"5-1", nil, true}, {"-0", nil, true}, {"", nil, true},
	}
	for _, tt := range tests {
		got := parseRanges(tt.spec, 10)
		if got == nil != tt.none {
			t.Errorf("%q: %v", tt.spec, got)
			continue
		}
		if got != nil {
			if d := cmp.Diff(tt.want, got.ranges, cmp.AllowUnexported(byteRange{})); d != "" {
				t.Errorf("%q (-want +got):\n%s", tt.spec, d)
			}
		}
	}
}

func TestFindETag(t *testing.T) {
	tests := []struct {
		list, tag string
		weak      bool
		want      bool
	}{
		{`"a"`, `"a"`, false, true}, {`"x", "a"`, `"a"`, false, true}, {`W/"a"`, `"a"`, false, false}, {`W/"a"`, `"a"`, true, true},
		{`"a"`, `W/"a"`, true, true}, {`"a"`, `W/"a"`, false, false}, {`a`, `"a"`, false, false}, {``, `"a"`, true, false},
	}
	for _, tt := range tests {
		if got := findETag(tt.list, tt.tag, tt.weak); got != tt.want {
			t.Errorf("%s in %s (weak %v): %v", tt.tag, tt.list, tt.weak, got)
		}
	}
}

func TestFields(t *testing.T) {
	var f Fields
	f.Add("A", "1")
	f.Add("B", "2")
	f.Add("a", "3")
	f.Set("A", "4")
	f.Merge("b", "5")
	if d := cmp.Diff([]Field{{"A", "4"}, {"B", "2, 5"}}, f.All()); d != "" {
		t.Error(d)
	}
	f.Unset("b")
	if f.Has("B") || f.Len() != 1 {
		t.Error(f.All())
	}
}

// FuzzPath: a cleaned path has no dot segments and does not change again.
func FuzzPath(f *testing.F) {
	f.Add("/a/../b//./c%2e")
	f.Fuzz(func(t *testing.T, s string) {
		out, ok := normalizePath("/"+s, true, true, false)
		if !ok {
			return
		}
		for seg := range strings.SplitSeq(out, "/") {
			if seg == "." || seg == ".." {
				t.Fatalf("%q became %q", s, out)
			}
		}
		if again, _ := normalizePath(out, true, false, false); again != out {
			t.Fatalf("%q became %q, then %q", s, out, again)
		}
	})
}

// FuzzRanges: what is sent lies in the body, and is never more than it.
func FuzzRanges(f *testing.F) {
	f.Add("0-1,5-,-3", int64(10))
	f.Fuzz(func(t *testing.T, spec string, n int64) {
		if n < 1 || n > 1<<40 {
			return
		}
		set := parseRanges(spec, n)
		if set == nil {
			return
		}
		var sum int64
		for _, r := range set.ranges {
			if r.start < 0 || r.end >= n || r.start > r.end {
				t.Fatalf("%q of %d: %v", spec, n, r)
			}
			sum += r.end - r.start + 1
		}
		if sum > n {
			t.Fatalf("%q of %d sends %d", spec, n, sum)
		}
	})
}
