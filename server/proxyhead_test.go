package server

import "testing"

func TestAppendValue(t *testing.T) {
	for value, want := range map[string]string{"": "", "plain, value": "plain, value", "a\rb": "a b", "a\r\nX: y": "a  X: y", "\x00": " ", "a\tb\x01": "a\tb\x01"} {
		if got := string(appendValue([]byte("A: "), value)); got != "A: "+want {
			t.Errorf("%q is forwarded as %q", value, got)
		}
	}
}

func TestFramesAsUnderscore(t *testing.T) {
	for name, want := range map[string]bool{"Content_Length": true, "transfer_encoding": true, "CONTENT_LENGTH": true, "Content-Length": false, "Content_Type": false, "X_Content_Length": false, "Contentlength": false} {
		if framesAsUnderscore(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}
