package pattern

import "testing"

func TestWild(t *testing.T) {
	for _, tc := range []struct {
		p, s string
		fold bool
		want bool
	}{
		{"*", "", false, true}, {"*", "/a/b", false, true}, {"", "", false, true}, {"", "a", false, false},
		{"*.gif", "/x/a.gif", false, true}, {"*.gif", "/x/a.GIF", false, false}, {"*.gif", "a.GIF", true, true},
		{"a?c", "abc", false, true}, {"a?c", "ac", false, false}, {"*a*b", "xaxbxb", false, true}, {"*a*b", "xaxbx", false, false},
		{"/dir/*", "/dir/", false, true}, {"a**", "a", false, true}, {"[a]", "a", false, false},
	} {
		if got := Wild(tc.p, tc.s, tc.fold); got != tc.want {
			t.Errorf("Wild(%q, %q, %v) = %v", tc.p, tc.s, tc.fold, got)
		}
	}
}
