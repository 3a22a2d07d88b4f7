package setenvif

import "strings"

const meta = `^.$|()[]*+?{}`

// literal gives the text that a regular expression without operators stands
// for: such a rule costs a search for a string (non_regex_pattern).
func literal(re string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(re); i++ {
		c := re[i]
		if c == '\\' {
			if i++; i == len(re) {
				break
			}
			if c = re[i]; c != '\\' && strings.IndexByte(meta, c) < 0 {
				return "", false
			}
		} else if strings.IndexByte(meta, c) >= 0 {
			return "", false
		}
		b.WriteByte(c)
	}
	return b.String(), true
}

// needed gives a text that stands in every match of a regular expression: the
// literal it starts with.
func needed(re string) string {
	if strings.ContainsAny(re, "|(") {
		return ""
	}
	re = strings.TrimPrefix(re, "^")
	i := strings.IndexAny(re, meta+`\`)
	switch {
	case i < 0:
		return re
	case i > 0 && strings.IndexByte("*?{", re[i]) >= 0:
		return re[:i-1]
	}
	return re[:i]
}

// contains is strings.Contains, with fold for ASCII letters of any case.
func contains(s, sub string, fold bool) bool {
	if !fold {
		return strings.Contains(s, sub)
	}
	for i := 0; i+len(sub) <= len(s); i++ {
		if equalFold(s[i:i+len(sub)], sub) {
			return true
		}
	}
	return false
}

func equalFold(a, b string) bool {
	for i := 0; i < len(a); i++ {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// plainName tells whether a header's name is no regular expression.
func plainName(name string) bool {
	for _, c := range []byte(name) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}
