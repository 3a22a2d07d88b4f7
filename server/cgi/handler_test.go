package cgi

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/donjon-httpd/donjon/server"
)

func TestArguments(t *testing.T) {
	for query, want := range map[string][]string{
		"":         {"/s"},
		"a=b":      {"/s"},
		"one":      {"/s", "one"},
		"a+b++c":   {"/s", "a", "b", "", "c"},
		"%3Brm+$x": {"/s", `\;rm`, `\$x`},
		"+":        {"/s", "", ""},
		"%zz+x":    {"/s", "%zz", "x"},
	} {
		r := &server.Request{Request: &http.Request{}, Filename: "/s", Args: query}
		c := &run{r: r}
		if d := cmp.Diff(want, c.arguments()); d != "" {
			t.Errorf("%q: %s", query, d)
		}
	}
}

func TestAtol(t *testing.T) {
	for in, want := range map[string]int64{"12": 12, " 7x": 7, "x": 0, "-3": -3, "": 0} {
		if got := atol(in); got != want {
			t.Errorf("%q: %d", in, got)
		}
	}
}
