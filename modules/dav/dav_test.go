package dav

import (
	"strings"
	"testing"
)

func TestParseIf(t *testing.T) {
	for _, c := range []struct {
		field, path, etag string
		bad, holds        bool
	}{
		{field: `(["a"])`, path: "/x", etag: `"a"`, holds: true},
		{field: `(["b"])`, path: "/x", etag: `"a"`},
		{field: `(Not ["b"])`, path: "/x", etag: `"a"`, holds: true},
		{field: `(<opaquelocktoken:1>)`, path: "/x"},
		{field: `(Not <DAV:no-lock>)`, path: "/x", holds: true},
		{field: `(<t:1>) (["a"])`, path: "/x", etag: `"a"`, holds: true},
		{field: `<http://h/y> (<t:1>)`, path: "/x", holds: true},
		{field: `<http://h/x> (<t:1>)`, path: "/x"},
		{field: `()`, bad: true}, {field: `(<a`, bad: true}, {field: ``, bad: true}, {field: `(Not)`, bad: true}, {field: `a`, bad: true},
	} {
		all, err := parseIf(c.field)
		if (err != nil) != c.bad {
			t.Errorf("%q: %v", c.field, err)
		} else if err == nil && all.holds(c.path, c.etag) != c.holds {
			t.Errorf("%q holds: %v, want %v", c.field, !c.holds, c.holds)
		}
	}
}

func FuzzParseIf(f *testing.F) {
	f.Add(`<http://h/x> (Not <t:1> ["a"])`)
	f.Fuzz(func(t *testing.T, s string) {
		all, err := parseIf(s)
		for _, c := range all {
			if err != nil || len(c.terms) == 0 {
				t.Fatalf("%q: a list without terms, or beside an error", s)
			}
		}
	})
}

func TestParsePropfindBounds(t *testing.T) {
	deep := strings.Repeat("<a>", 100) + strings.Repeat("</a>", 100)
	if _, err := parsePropfind([]byte(deep)); err != errDeep {
		t.Errorf("deep: %v", err)
	}
	laughs := `<!DOCTYPE x [<!ENTITY a "aa">]><propfind xmlns="DAV:"><prop>&a;</prop></propfind>`
	if _, err := parsePropfind([]byte(laughs)); err == nil {
		t.Error("an entity was taken")
	}
	if a, err := parsePropfind(nil); err != nil || a.what != allProperties {
		t.Errorf("no body: %v", err)
	}
}

func FuzzParsePropfind(f *testing.F) {
	f.Add([]byte(`<propfind xmlns="DAV:"><prop><getetag/></prop></propfind>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := parsePropfind(b)
		if err == nil && a.what != named && len(a.names) > 0 {
			t.Fatalf("%q: names that nobody asked for", b)
		}
	})
}

func TestParseContentRange(t *testing.T) {
	for v, want := range map[string]int64{"bytes 1-2/5": 1, "bytes 0-4/*": 0, "foo": -1, "bytes 3-2/5": -1, "bytes 0-5/5": -1, "bytes 0-1": -1} {
		at, ok := parseContentRange(v)
		if ok != (want >= 0) || ok && at != want {
			t.Errorf("%q: %d %v", v, at, ok)
		}
	}
}
