package authnz_fcgi

import "testing"

func TestHeadEnd(t *testing.T) {
	for text, want := range map[string]int{"": -1, "A: b\r\n": -1, "A: b\r\n\r\nbody": 8, "A: b\n\nbody\r\n\r\n": 6, "\n\n": 2} {
		if got := headEnd([]byte(text)); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

func TestBackendForm(t *testing.T) {
	for text, want := range map[string]bool{"fcgi://h:1/": true, "fcgi://[::1]:65535": true, "fcgi://h/": false, "http://h:1/": false, "fcgi://h:123456/": false} {
		if got := backendForm.MatchString(text); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}
