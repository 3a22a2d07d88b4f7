package server

import (
	"encoding/base64"
	"strings"
)

// DecodeBase64 decodes up to the first byte that is not of the alphabet, padding
// or not (apr_base64_decode).
func DecodeBase64(s string) []byte {
	n := strings.IndexFunc(s, func(c rune) bool {
		return !('A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '+' || c == '/')
	})
	if n >= 0 {
		s = s[:n]
	}
	if len(s)%4 == 1 {
		s = s[:len(s)-1]
	}
	b, _ := base64.RawStdEncoding.DecodeString(s)
	return b
}
