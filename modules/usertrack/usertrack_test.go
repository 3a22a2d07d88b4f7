package usertrack

import (
	"testing"
	"time"
)

func TestParseExpires(t *testing.T) {
	for _, tc := range []struct {
		code string
		want int32
		err  string
	}{
		{"3600", 3600, ""}, {"plus 2 weeks 3 days", 17 * 86400, ""}, {"1 month 1 minute", 30*86400 + 60, ""}, {"plus", 0, ""}, {"99999999999", 1215752191, ""},
		{"plus two weeks", 0, "bad expires code, numeric value expected."}, {"2", 2, ""}, {"plus 2", 0, "bad expires code, missing <type>"},
		{"2 m", 0, "bad expires code, unrecognized type"}, {"100 years", -1141367296, ""},
	} {
		got, err := parseExpires(tc.code)
		text := ""
		if err != nil {
			text = err.Error()
		}
		if got != tc.want || text != tc.err {
			t.Errorf("%q: %d, %q; want %d, %q", tc.code, got, text, tc.want, tc.err)
		}
	}
}

func FuzzParseExpires(f *testing.F) {
	f.Add("plus 2 weeks")
	f.Fuzz(func(t *testing.T, code string) {
		if n, err := parseExpires(code); err != nil && n != 0 {
			t.Errorf("%q: %d and %v", code, n, err)
		}
	})
}

func TestField(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, tc := range []struct {
		c       config
		expires int32
		want    string
	}{
		{config{}, 0, "Apache=v; path=/"}, {config{name: "x"}, 60, "x=v; path=/; expires=Fri, 02-Jan-26 03:05:05 GMT"},
		{config{style: cookie2, domain: ".a.b", sameSite: "SameSite=Lax", secure: true, httpOnly: true}, 9,
			"Apache=v; path=/; max-age=9; domain=.a.b; version=1; SameSite=Lax; Secure; HttpOnly"},
		{config{style: cookie, domain: ".a.b"}, 0, "Apache=v; path=/; domain=.a.b"},
	} {
		if got := tc.c.field("v", tc.expires, now); got != tc.want {
			t.Errorf("%+v: %s, want %s", tc.c, got, tc.want)
		}
	}
}

func TestFinder(t *testing.T) {
	for _, tc := range []struct{ name, field, want string }{
		{"Apache", "Apache=a.1", "a.1"}, {"Apache", "x=y; Apache=a.1; z=1", "a.1"}, {"Apache", "xApache=1", "-"}, {"a.b", "aXb=1", "-"},
		{"a.b", "x=1,a.b=2", "2"}, {"Apache", "Apache=", "-"}, {"Apache", "x=1 Apache=2", "-"},
	} {
		re, err := finder(tc.name)
		if err != nil {
			t.Fatal(err)
		}
		got := "-"
		if m := re.Match(nil, tc.field); m != nil {
			got = m[1] + m[2]
		}
		if got != tc.want {
			t.Errorf("%s in %q: %q, want %q", tc.name, tc.field, got, tc.want)
		}
	}
}
