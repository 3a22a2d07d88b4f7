package session

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/donjon-httpd/donjon/server"
)

func TestUnpack(t *testing.T) {
	for text, want := range map[string]struct {
		entries []server.Field
		expiry  int64
	}{
		"a=1&b=two+words%26more":  {[]server.Field{{Name: "a", Value: "1"}, {Name: "b", Value: "two words&more"}}, 0},
		"a=1&a=2&b=1&b=":          {[]server.Field{{Name: "a", Value: "2"}}, 0},
		"expiry=1234&a=1":         {[]server.Field{{Name: "a", Value: "1"}}, 1234},
		"a=%zz&%00=b&c=%00&d==e":  {[]server.Field{{Name: "d", Value: "=e"}}, 0},
		"&&=a&==b=c&expiry=junk&": {[]server.Field{{Name: "b", Value: "c"}}, 0},
	} {
		z := server.Session{Encoded: text}
		unpack(&z)
		if diff := cmp.Diff(want.entries, append([]server.Field(nil), z.Entries.All()...)); diff != "" || z.Expiry != want.expiry || z.Encoded != "" {
			t.Errorf("%q: expiry %d %s", text, z.Expiry, diff)
		}
	}
}

func TestIncluded(t *testing.T) {
	c := config{includes: []string{"/a", "/b"}, excludes: []string{"/a/x"}}
	for uri, want := range map[string]bool{"/a": true, "/about": true, "/a/x/y": false, "/c": false, "/b/x": true} {
		if got := c.included(uri); got != want {
			t.Errorf("%s: %v", uri, got)
		}
	}
}

func TestAtol(t *testing.T) {
	for s, want := range map[string]int64{"": 0, " 12x": 12, "-5": -5, "+7": 7, "x1": 0, "99999999999999999999": 1<<63 - 1} {
		if got := atol(s); got != want {
			t.Errorf("%q: %d", s, got)
		}
	}
}

// FuzzUnpack: what was read of any text is written and read again unchanged.
func FuzzUnpack(f *testing.F) {
	f.Add("a=1&b=%26+x&expiry=55&c")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "\x00") {
			return // no field of a request has one
		}
		a := server.Session{Encoded: text}
		unpack(&a)
		b := server.Session{Encoded: pack(&a)}
		unpack(&b)
		a.Entries.Unset(expiryKey)
		b.Entries.Unset(expiryKey)
		if a.Entries.Len() == 0 && b.Entries.Len() == 0 {
			return
		}
		if diff := cmp.Diff(a.Entries.All(), b.Entries.All()); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	})
}
