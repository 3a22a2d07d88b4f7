package pattern

import "testing"

func TestFnmatch(t *testing.T) {
	tests := []struct {
		pattern, s string
		flags      FnFlags
		want       bool
	}{
		{"*.html", "a.html", 0, true},
		{"*.html", "a/b.html", 0, true},
		{"*.html", "a/b.html", FnPathname, false},
		{"/home/*/www", "/home/x/www", FnPathname, true},
		{"/home/*/www", "/home/x/y/www", FnPathname, false},
		{"a?c", "abc", 0, true},
		{"[a-c]x", "bx", 0, true},
		{"[!a-c]x", "bx", 0, false},
		{"[]]", "]", 0, true},
		{"[a", "[a", 0, true},
		{`\*`, "*", 0, true},
		{`\*`, "x", 0, false},
		{"*a*b*c*", "xxaxxbxxcxx", 0, true},
		{"*", ".x", FnPeriod, false},
		{"ABC*", "abcd", FnFold, true},
		{"", "", 0, true},
		{"*", "", 0, true},
		{"a*", "b", 0, false},
	}
	for _, tt := range tests {
		if got := Fnmatch(tt.pattern, tt.s, tt.flags); got != tt.want {
			t.Errorf("Fnmatch(%q, %q, %d) = %v", tt.pattern, tt.s, tt.flags, got)
		}
	}
}

func TestHasGlob(t *testing.T) {
	for s, want := range map[string]bool{"a*": true, "a?": true, "[a]": true, "[a": false, `\*`: false, "/srv": false} {
		if got := HasGlob(s); got != want {
			t.Errorf("HasGlob(%q) = %v", s, got)
		}
	}
}
