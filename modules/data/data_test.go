package data

import "testing"

func TestHead(t *testing.T) {
	for in, want := range map[string]string{
		"text/html": "data:text/html;base64,", "text/html; charset=x": "data:text/html;charset=x;base64,",
		"a/b; c=d; e=f": "data:a/b;c=d;;base64,", "": "data:;base64,",
	} {
		if got := head(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
