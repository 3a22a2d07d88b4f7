package server

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// Atoi64 is Atoi without its bounds (apr_atoi64).
func Atoi64(s string) int64 {
	s = strings.TrimLeft(s, " \t\n\v\f\r")
	end := 0
	for end < len(s) && (s[end] >= '0' && s[end] <= '9' || end == 0 && (s[0] == '-' || s[0] == '+')) {
		end++
	}
	n, _ := strconv.ParseInt(s[:end], 10, 64)
	return n
}

// Atoi is C's: white space, a sign, then digits as far as they go; 0 without
// any. What does not fit wraps around, as an int does.
func Atoi(s string) int {
	s = strings.TrimLeft(s, " \t\n\v\f\r")
	end := 0
	if end < len(s) && (s[end] == '-' || s[end] == '+') {
		end++
	}
	for end < len(s) && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	n, err := strconv.ParseInt(s[:end], 10, 64)
	if errors.Is(err, strconv.ErrSyntax) {
		return 0
	}
	return int(int32(n & math.MaxUint32))
}

// Strtoff is apr_strtoff with base 10: white space, a sign, then digits as far
// as they go, and what is left. ok is false when the number does not fit.
func Strtoff(s string) (n int64, rest string, ok bool) {
	t := strings.TrimLeft(s, " \t\n\v\f\r")
	end := 0
	if end < len(t) && (t[end] == '-' || t[end] == '+') {
		end++
	}
	first := end
	for end < len(t) && t[end] >= '0' && t[end] <= '9' {
		end++
	}
	if end == first {
		return 0, s, true
	}
	n, err := strconv.ParseInt(t[:end], 10, 64)
	return n, t[end:], err == nil
}

// LowerASCII is s with A to Z in lower case and all other bytes as they are
// (ap_str_tolower): what a client or a file says need not be UTF-8.
func LowerASCII(s string) string {
	for i := 0; i < len(s); i++ {
		if s[i] < 'A' || s[i] > 'Z' {
			continue
		}
		b := []byte(s)
		for ; i < len(b); i++ {
			if b[i] >= 'A' && b[i] <= 'Z' {
				b[i] += 'a' - 'A'
			}
		}
		return string(b)
	}
	return s
}

// UpperASCII is a copy of p with a to z in upper case.
func UpperASCII(p []byte) []byte {
	up := make([]byte, len(p))
	for i, c := range p {
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		up[i] = c
	}
	return up
}
