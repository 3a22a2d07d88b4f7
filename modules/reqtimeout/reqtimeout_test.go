package reqtimeout

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/donjon-httpd/donjon/server"
)

func TestSet(t *testing.T) {
	const s = time.Second
	unset := &server.ReadLimits{Header: defaultHeader, Body: defaultBody}
	for _, tc := range []struct {
		args string
		want *server.ReadLimits
		err  string
	}{
		{"", unset, ""},
		{"header=10", &server.ReadLimits{Header: server.ReadLimit{First: 10 * s}, Body: defaultBody}, ""},
		{"header=20-40,minrate=500 body=0", &server.ReadLimits{Header: defaultHeader}, ""},
		{"HANDSHAKE=5 body=10,MinRate=1000", &server.ReadLimits{Handshake: server.ReadLimit{First: 5 * s}, Header: defaultHeader,
			Body: server.ReadLimit{First: 10 * s, PerByte: s / 1000}}, ""},
		{"header=1,MinRate=2000000", &server.ReadLimits{Header: server.ReadLimit{First: s}, Body: defaultBody}, ""},
		{"header", nil, "Invalid RequestReadTimeout parameter. Parameter must be in the form 'key=value'"},
		{"foot=1", nil, "RequestReadTimeout: foot=1: Unknown RequestReadTimeout parameter"},
		{"header=x", nil, "RequestReadTimeout: header=x: Value 'x' not numerical"},
		{"header=", nil, "RequestReadTimeout: header=: Value '' not numerical"},
		{"header=1x", nil, "RequestReadTimeout: header=1x: Cannot parse 'x'"},
		{"header=1-2", nil, "RequestReadTimeout: header=1-2: Must set MinRate option if using timeout range"},
		{"header=2-1,MinRate=5", nil, "RequestReadTimeout: header=2-1,MinRate=5: Maximum timeout must be larger than initial timeout"},
		{"header=2,MinRate=0", nil, "RequestReadTimeout: header=2,MinRate=0: Minimum data rate must be larger than 0"},
		{"header=2,MinRate=-1", nil, "RequestReadTimeout: header=2,MinRate=-1: Value must be non-negative"},
		{"header=2-,MinRate=1", nil, "RequestReadTimeout: header=2-,MinRate=1: Value '' not numerical"},
	} {
		var c config
		text := ""
		if err := c.set(nil, tc.args); err != nil {
			text = err.Error()
		}
		if text != tc.err {
			t.Errorf("%q: %q, want %q", tc.args, text, tc.err)
		}
		if tc.want == nil {
			continue
		}
		got := c.limits()
		got.Expired = nil
		if d := cmp.Diff(tc.want, got, cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Expired" }, cmp.Ignore())); d != "" {
			t.Errorf("%q (-want +got):\n%s", tc.args, d)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("20-40,MinRate=500")
	f.Fuzz(func(t *testing.T, s string) {
		if l, err := parse(s); err == nil && (l.First < 0 || l.Most < 0 || l.PerByte < 0) {
			t.Errorf("%q: %v", s, l)
		}
	})
}
