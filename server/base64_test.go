package server

import (
	"encoding/base64"
	"testing"
)

// FuzzDecodeBase64: text without foreign bytes is read as base64 is.
func FuzzDecodeBase64(f *testing.F) {
	f.Add([]byte("abc"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got := DecodeBase64(base64.StdEncoding.EncodeToString(b)); string(got) != string(b) {
			t.Errorf("%q became %q", b, got)
		}
	})
}
