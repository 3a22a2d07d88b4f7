package httpdconf

import "strings"

// Getword cuts the first word off s, as ap_getword_conf does: words end at
// white space, or are quoted with " or '. Inside quotes a backslash makes the
// quote or a backslash stand for itself; outside, it does so for a backslash
// only. A quoted word ends at its quote, whatever follows. word is "" at the
// end of s, and for an empty pair of quotes.
func Getword(s string) (word, rest string) {
	i := skipSpace(s, 0)
	if i == len(s) {
		return "", ""
	}
	if q := s[i]; q == '"' || q == '\'' {
		i++
		end, escaped := i, false
		for end < len(s) && s[end] != q {
			if s[end] == '\\' && end+1 < len(s) && (s[end+1] == q || s[end+1] == '\\') {
				escaped = true
				end++
			}
			end++
		}
		word = s[i:end]
		if escaped {
			word = unbackslash(word, q)
		}
		if end < len(s) {
			end++
		}
		return word, s[skipSpace(s, end):]
	}
	end := i
	for end < len(s) && !isSpace(s[end]) {
		end++
	}
	word = s[i:end]
	if strings.Contains(word, `\\`) {
		word = unbackslash(word, 0)
	}
	return word, s[skipSpace(s, end):]
}

// Words cuts all of s into words, up to the first empty one.
func Words(s string) []string {
	var list []string
	for s != "" {
		var w string
		if w, s = Getword(s); w == "" && s == "" {
			break
		}
		list = append(list, w)
	}
	return list
}

func unbackslash(s string, quote byte) string {
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && (s[i+1] == '\\' || quote != 0 && s[i+1] == quote) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func skipSpace(s string, i int) int {
	for i < len(s) && isSpace(s[i]) {
		i++
	}
	return i
}

// isSpace is C's isspace.
func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

func trimSpace(s string) string {
	for s != "" && isSpace(s[0]) {
		s = s[1:]
	}
	for s != "" && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}
