package proxy_fcgi

import "testing"

func TestHeadEnds(t *testing.T) {
	for text, want := range map[string]bool{"": false, "A: b\r\n": false, "A: b\r\n\r\n": true, "A: b\n\nx": true, "\n\r\n": false} {
		if got := headEnds([]byte(text)); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
