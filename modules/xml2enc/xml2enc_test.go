package xml2enc

import "testing"

func TestNative(t *testing.T) {
	alias := map[string]string{"MINE": "utf-8", "TWICE": "MINE"}
	for name, want := range map[string]string{"utf8": "UTF-8", "ISO-8859-1": "ISO-8859-1", "iso latin 2": "ISO-8859-2", "windows-1252": "", "mine": "UTF-8", "twice": "", "": ""} {
		if got := native(alias, name); got != want {
			t.Errorf("%q: %q", name, got)
		}
	}
}

func TestDetect(t *testing.T) {
	for text, want := range map[string]string{"<?xml v": "UTF-8", "\xEF\xBB\xBF<": "UTF-8", "\xFE\xFF\x00<": "UTF-16BE", "<\x00?\x00": "UTF-16LE", "<html>": "", "<?x": "", "\x00\x00\x00<": "UTF-32BE"} {
		if got, _ := detect([]byte(text)); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}
