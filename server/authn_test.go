package server

import "testing"

func TestEscapeQuotes(t *testing.T) {
	for in, want := range map[string]string{"": "", "a": "a", `a"b`: `a\"b`, `a\"b`: `a\"b`, `a\\"`: `a\\\"`, `"`: `\"`, `a\`: `a\`, `"\`: `\"\`} {
		if got := EscapeQuotes(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}
