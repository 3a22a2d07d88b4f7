package expires

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseRule(t *testing.T) {
	for _, tc := range []struct {
		code string
		want rule
		err  string
	}{
		{code: "A3600", want: rule{seconds: 3600}},
		{code: "M-60", want: rule{modification: true, seconds: -60}},
		{code: "Access plus 1 day", want: rule{}},
		{code: "access plus 1 month 2 minutes", want: rule{seconds: 30*86400 + 120}},
		{code: "now 1 y", want: rule{seconds: 365 * 86400}},
		{code: "modification plus 1 week 1 hour 1 second", want: rule{modification: true, seconds: 7*86400 + 3601}},
		{code: "access", want: rule{}},
		{code: "access plus 100 years", want: rule{seconds: -1141367296}},
		{code: "soon plus 1 day", err: "bad expires code, unrecognised <base> 'soon'"},
		{code: "", err: "bad expires code, unrecognised <base> ''"},
		{code: "access plus one day", err: "bad expires code, numeric value expected <num> 'one'"},
		{code: "access plus 1", err: "bad expires code, missing <type>"},
		{code: "access plus 1 m", err: "bad expires code, unrecognised <type>'m'"},
	} {
		got, err := parseRule(tc.code)
		text := ""
		if err != nil {
			text = err.Error()
		}
		if text != tc.err || got != tc.want {
			t.Errorf("%q: %+v, %q; want %+v, %q", tc.code, got, text, tc.want, tc.err)
		}
	}
}

func FuzzParseRule(f *testing.F) {
	f.Add("access plus 1 month")
	f.Add("M86400")
	f.Fuzz(func(t *testing.T, code string) {
		r, err := parseRule(code)
		if err != nil && r != (rule{}) {
			t.Errorf("%q: %+v and %v", code, r, err)
		}
	})
}

func TestFind(t *testing.T) {
	c := &config{}
	for _, line := range [][2]string{{"Text/HTML", "A1"}, {"text/*", "A2"}, {"image/*", "A3"}} {
		if err := c.addType(nil, line[0], line[1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.setDefault(nil, "A9"); err != nil {
		t.Fatal(err)
	}
	narrow := merge(*c, config{})
	for _, tc := range []struct {
		c    *config
		mime string
		want int32
	}{
		{c, "text/html", 1}, {c, "text/html; charset=x", 1}, {c, "text/plain", 2}, {c, "image/png", 3}, {c, "image", 9}, {c, "", 9},
		{&narrow, "text/html", 1}, {&narrow, "image/png", 9},
	} {
		got, ok := tc.c.find(tc.mime)
		if d := cmp.Diff(tc.want, got.seconds); d != "" || !ok {
			t.Errorf("%q (-want +got):\n%s", tc.mime, d)
		}
	}
}
