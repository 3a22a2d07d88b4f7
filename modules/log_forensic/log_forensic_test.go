package log_forensic

import "testing"

func TestAppendEscaped(t *testing.T) {
	for in, want := range map[string]string{
		"GET / HTTP/1.1": "GET / HTTP/1.1", "a:b|c%d": "a%3ab%7cc%25d", "\x00\n\x7f\xff": "%00%0a%7f%ff", "": "",
	} {
		if got := string(appendEscaped(nil, in)); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
