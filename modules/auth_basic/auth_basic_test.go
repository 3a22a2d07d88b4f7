package auth_basic

import (
	"encoding/base64"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	for _, tc := range []struct {
		field, user, password string
		ok                    bool
	}{
		{"Basic " + b64("ann:secret"), "ann", "secret", true},
		{"bAsIc \t " + b64("ann:se:cret"), "ann", "se:cret", true},
		{"Basic " + b64("ann"), "ann", "", true},
		{"Basic " + b64(":x"), "", "x", true},
		{"Basic " + b64("ann:a\x00b"), "ann", "a", true},
		{"Basic " + strings.TrimRight(b64("ann:secret"), "="), "ann", "secret", true},
		{"Basic " + b64("ann:secret") + "!x", "ann", "secret", true},
		{"Basic !", "", "", true},
		{"Basic", "", "", true},
		{"", "", "", false},
		{"Basic\t" + b64("a:b"), "", "", false},
		{"Digest x", "", "", false},
	} {
		user, password, ok := parse(tc.field)
		if user != tc.user || password != tc.password || ok != tc.ok {
			t.Errorf("%q: %q %q %v", tc.field, user, password, ok)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("Basic YW5uOnNlY3JldA==")
	f.Fuzz(func(t *testing.T, field string) {
		user, password, ok := parse(field)
		if strings.Contains(user, ":") || strings.Contains(user+password, "\x00") || !ok && user+password != "" {
			t.Errorf("%q: %q %q %v", field, user, password, ok)
		}
	})
}
