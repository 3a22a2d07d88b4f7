package allowmethods

import (
	"testing"

	"github.com/donjon-httpd/donjon/server"
)

func TestAllow(t *testing.T) {
	get, post := server.MethodBit("GET"), server.MethodBit("POST")
	for _, tc := range []struct {
		lines [][]string
		want  int64
		err   string
	}{
		{lines: [][]string{{"GET", "POST"}}, want: get | post},
		{lines: [][]string{{"HEAD"}, {"POST"}}, want: get | post},
		{lines: [][]string{{"GET"}, {"Reset"}}},
		{lines: [][]string{{"reset", "GET"}}, err: "AllowMethods: Invalid Method 'reset'"},
		{lines: [][]string{{"get"}}, err: "AllowMethods: Invalid Method 'get'"},
		{lines: [][]string{{}}, err: "AllowMethods: No method or 'reset' keyword given"},
	} {
		var c config
		text := ""
		for _, l := range tc.lines {
			if err := c.allow(nil, l); err != nil {
				text = err.Error()
			}
		}
		if c.methods.Else(0) != tc.want || text != tc.err {
			t.Errorf("%v: %b, %q; want %b, %q", tc.lines, c.methods.Else(0), text, tc.want, tc.err)
		}
	}
}
