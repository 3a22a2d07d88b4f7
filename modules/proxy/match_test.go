package proxy

import "testing"

func TestAliasMatch(t *testing.T) {
	for _, c := range []struct {
		uri, alias string
		want       int
	}{
		{"/a/b", "/a", 2}, {"/a", "/a", 2}, {"/ab", "/a", 0}, {"/a/b", "/a/", 3}, {"/a", "/a/", 0}, {"/", "/", 1}, {"/x", "/", 1},
		{"//a///b", "/a/b", 7}, {"/%61/b", "/a", 4}, {"/a", "/%61", 2}, {"/a%", "/a%", 3}, {"/examples", "/", 1}, {"/", "/examples", 0},
		{"/a%2Fb", "/a/b", 0}, {"/A", "/a", 0}, {"\x000", "%/", 0},
	} {
		if got := aliasMatch(c.uri, c.alias); got != c.want {
			t.Errorf("aliasMatch(%q, %q) is %d, want %d", c.uri, c.alias, got, c.want)
		}
	}
}

func TestServletMatch(t *testing.T) {
	for _, c := range []struct {
		uri, alias, mapped, rest string
		matches                  bool
	}{
		{"/app/x", "/app", "/app/x", "/x", true}, {"/app;v=1/x", "/app", "/app/x", ";v=1/x", true}, {"/app/..;/secret", "/app", "", "", false},
		{"/other/..;/app/x", "/app", "/app/x", "/x", true}, {"/app/../secret", "/app", "", "", false}, {"/app", "/app", "/app", "", true},
		{"/apple", "/app", "", "", false}, {"/../app", "/app", "", "", false}, {"/app/x;y", "/app/", "/app/x", "x;y", true},
	} {
		mapped, end := servletMatch(c.uri, c.alias)
		if c.matches != (end > 0) {
			t.Errorf("servletMatch(%q, %q) ends at %d, want a match: %v", c.uri, c.alias, end, c.matches)
			continue
		}
		if c.matches && (mapped != c.mapped || c.uri[end:] != c.rest) {
			t.Errorf("servletMatch(%q, %q) is %q and leaves %q, want %q and %q", c.uri, c.alias, mapped, c.uri[end:], c.mapped, c.rest)
		}
	}
}

// A match never reaches behind the path, and what it leaves begins a segment.
func FuzzMatch(f *testing.F) {
	f.Add("/app;v/../x", "/app")
	f.Add("//a%2f", "/a/")
	f.Fuzz(func(t *testing.T, uri, alias string) {
		for name, n := range map[string]int{"aliasMatch": aliasMatch(uri, alias), "servletMatch": func() int { _, n := servletMatch(uri, alias); return n }()} {
			if n < 0 || n > len(uri) {
				t.Fatalf("%s(%q, %q) is %d", name, uri, alias, n)
			}
			if n > 0 && n < len(uri) && uri[n-1] != '/' && uri[n] != '/' && uri[n] != ';' {
				t.Fatalf("%s(%q, %q) is %d, in the middle of a segment", name, uri, alias, n)
			}
		}
	})
}
