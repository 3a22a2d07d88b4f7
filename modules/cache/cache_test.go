package cache

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/donjon-httpd/donjon/server"
)

func TestParseControl(t *testing.T) {
	none := server.CacheControl{Parsed: true, MaxAgeValue: -1, MaxStaleValue: -1, MinFreshValue: -1, SMaxAgeValue: -1}
	for _, tc := range []struct {
		cc, pragma string
		want       func(*server.CacheControl)
		drop       string
	}{
		{"", "", func(*server.CacheControl) {}, ""},
		{"", "no-cache", func(c *server.CacheControl) { c.Pragma, c.NoCache = true, true }, ""},
		{"max-age=5, Public", "no-cache", func(c *server.CacheControl) {
			c.Pragma, c.Present, c.Public, c.MaxAge, c.MaxAgeValue = true, true, true, true, 5
		}, ""},
		{`private="a, b", no-cache="c"`, "", func(c *server.CacheControl) { c.Present, c.PrivateFields, c.NoCacheFields = true, true, true }, "a b c"},
		{"max-stale, min-fresh=3,s-maxage=0", "", func(c *server.CacheControl) {
			c.Present, c.MaxStale, c.MinFresh, c.MinFreshValue, c.SMaxAge, c.SMaxAgeValue = true, true, true, 3, true, 0
		}, ""},
		{"max-age=x, max-age", "", func(c *server.CacheControl) { c.Present = true }, ""},
	} {
		want := none
		tc.want(&want)
		var dropped []string
		got := parseControl(tc.cc, tc.pragma, func(f string) { dropped = append(dropped, f) })
		if d := cmp.Diff(want, got); d != "" || strings.Join(dropped, " ") != tc.drop {
			t.Errorf("%q: %q (-want +got):\n%s", tc.cc, dropped, d)
		}
	}
}

// FuzzParseControl: white space around the words makes no difference.
func FuzzParseControl(f *testing.F) {
	f.Add(`max-age=5, private="a, b", no-store`)
	f.Fuzz(func(t *testing.T, cc string) {
		if d := cmp.Diff(parseControl(cc, "", nil), parseControl(" "+cc+" ", "", nil)); strings.TrimSpace(cc) != "" && d != "" {
			t.Error(d)
		}
	})
}

func TestCurrentAge(t *testing.T) {
	at := func(s int64) time.Time { return time.Unix(1000+s, 0) }
	i := &server.CacheInfo{Date: at(0), RequestTime: at(1), ResponseTime: at(3)}
	for age, want := range map[string]int64{"": 15, "7": 19, "x": 15} {
		if got := currentAge(i, age, at(13)); got != want {
			t.Errorf("Age %q: %d, want %d", age, got, want)
		}
	}
}
