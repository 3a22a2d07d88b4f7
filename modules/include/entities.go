package include

import (
	"html"
	"strings"
)

// decodeEntities reads HTML's entities of Latin-1, as single bytes. References to
// characters that it has not are deleted; what is no entity stays.
func decodeEntities(s string) string {
	if !strings.Contains(s, "&") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '&' {
			b.WriteByte(s[i])
			continue
		}
		n := strings.IndexByte(s[i+1:], ';')
		if n < 0 {
			b.WriteByte('&')
			continue
		}
		name := s[i+1 : i+1+n]
		if strings.HasPrefix(name, "#") {
			if c, ok := numbered(name[1:]); ok {
				b.WriteByte(c)
			}
			i += n + 1
			continue
		}
		if c, ok := named(name); ok {
			b.WriteByte(c)
			i += n + 1
			continue
		}
		b.WriteByte('&')
	}
	return b.String()
}

func numbered(digits string) (byte, bool) {
	val := 0
	for _, c := range []byte(digits) {
		if c < '0' || c > '9' {
			return 0, false
		}
		val = min(val*10+int(c-'0'), 256)
	}
	return byte(val), val > 8 && (val < 11 || val > 31) && (val < 127 || val > 160) && val < 256
}

// latin1 are the entities that are looked up: letters of Latin-1 and the marks
// of HTML, but not its signs (&copy; stays).
func named(name string) (byte, bool) {
	switch name {
	case "lt", "gt", "amp", "quot":
	default:
		if len(name) < 3 || len(name) > 6 {
			return 0, false
		}
	}
	r := []rune(html.UnescapeString("&" + name + ";"))
	if len(r) != 1 {
		return 0, false
	}
	c := r[0]
	switch {
	case c >= 0xc0 && c <= 0xff && c != 0xd7 && c != 0xf7, strings.ContainsRune("<>&\"", c) && name == strings.ToLower(name):
		return byte(c), true
	}
	return 0, false
}
