package pattern

import (
	"strconv"
	"strings"
)

// translate rewrites a pattern for the standard regexp package. ok is false
// when it holds something that package lacks or reads in another sense.
func translate(p string, flags Flags) (out string, ok bool) {
	var b strings.Builder
	head := ""
	if flags&FoldCase != 0 {
		head += "i"
	}
	if flags&DotAll != 0 {
		head += "s"
	}
	if flags&Extended != 0 {
		return "", false
	}
	if head != "" {
		b.WriteString("(?" + head + ")")
	}
	for i := 0; i < len(p); i++ {
		switch c := p[i]; c {
		case '\\':
			i++
			if i == len(p) {
				return "", false
			}
			if !escape(&b, p[i]) {
				return "", false
			}
		case '[':
			n := class(&b, p[i:])
			if n == 0 {
				return "", false
			}
			i += n - 1
		case '(':
			if i+1 < len(p) && p[i+1] == '?' {
				if !group(p[i+2:]) {
					return "", false
				}
			} else if i+1 < len(p) && p[i+1] == '*' {
				return "", false // (*VERB)
			}
			b.WriteByte(c)
		case '$':
			if flags&DollarEndOnly != 0 {
				b.WriteString(`\z`)
			} else {
				return "", false // $ before a final newline: regexp2 knows it
			}
		case '+', '*', '?', '}':
			if i+1 < len(p) && p[i+1] == '+' && (c != '}' || isRepeat(p[:i+1])) {
				return "", false // possessive
			}
			b.WriteByte(c)
		case '{':
			if !strings.HasPrefix(p[i:], "{") || !repeatAt(p[i:]) {
				b.WriteString(`\{`) // PCRE reads it as itself
				continue
			}
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), true
}

// escape writes \c; it answers false for what only PCRE knows.
func escape(b *strings.Builder, c byte) bool {
	switch {
	case strings.IndexByte("dDwWsSbBAzntrfav", c) >= 0:
		if c == 's' || c == 'S' { // PCRE2's \s has VT, Go's has not
			b.WriteString(map[byte]string{'s': `[\s\x0b]`, 'S': `[^\s\x0b]`}[c])
			return true
		}
		b.WriteByte('\\')
		b.WriteByte(c)
		return true
	case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
		return false // back references, \Q, \K, \h, \x …
	case c == '_' || c >= 0x80:
		b.WriteByte(c)
		return true
	default:
		b.WriteByte('\\')
		b.WriteByte(c)
		return true
	}
}

// class copies a bracket expression and gives its length in p, 0 if only PCRE
// reads it in the sense that is meant.
func class(b *strings.Builder, p string) int {
	var c strings.Builder
	c.WriteByte('[')
	i := 1
	if i < len(p) && p[i] == '^' {
		c.WriteByte('^')
		i++
	}
	if i < len(p) && p[i] == ']' {
		c.WriteString(`\]`)
		i++
	}
	for ; i < len(p); i++ {
		switch x := p[i]; {
		case x == ']':
			c.WriteByte(']')
			b.WriteString(c.String())
			return i + 1
		case x == '[' && i+1 < len(p) && (p[i+1] == ':' || p[i+1] == '.' || p[i+1] == '='):
			end := strings.Index(p[i:], ":]")
			if p[i+1] != ':' || end < 0 || strings.Contains(p[i:i+end], "^") {
				return 0
			}
			c.WriteString(p[i : i+end+2])
			i += end + 1
		case x == '[':
			c.WriteString(`\[`)
		case x == '\\':
			i++
			if i == len(p) {
				return 0
			}
			switch y := p[i]; {
			case strings.IndexByte("dDwWntrf", y) >= 0:
				c.WriteByte('\\')
				c.WriteByte(y)
			case y == 's':
				c.WriteString(`\s\x0b`)
			case y >= '0' && y <= '9', y >= 'a' && y <= 'z', y >= 'A' && y <= 'Z':
				return 0
			case y == '_' || y >= 0x80:
				c.WriteByte(y)
			default:
				c.WriteByte('\\')
				c.WriteByte(y)
			}
		case x == '-':
			// A hyphen next to a class or at an end is itself in PCRE; Go wants \-.
			if i+1 < len(p) && p[i+1] != ']' && i > 1 && p[i-1] != '^' && rangeable(p, i) {
				c.WriteByte('-')
			} else {
				c.WriteString(`\-`)
			}
		case x == '&' || x == '~' || x == '|':
			c.WriteByte('\\')
			c.WriteByte(x)
		default:
			c.WriteByte(x)
		}
	}
	return 0
}

// rangeable tells whether the hyphen at i of a bracket expression has single
// characters on both sides.
func rangeable(p string, i int) bool {
	shorthand := func(c byte) bool { return strings.IndexByte("dDwWsS", c) >= 0 }
	if i >= 2 && p[i-2] == '\\' && shorthand(p[i-1]) {
		return false
	}
	if i >= 2 && p[i-1] == ']' && p[i-2] == ':' {
		return false
	}
	if p[i+1] == '\\' && i+2 < len(p) && shorthand(p[i+2]) {
		return false
	}
	if p[i+1] == '[' && i+2 < len(p) && p[i+2] == ':' {
		return false
	}
	return true
}

// group tells whether what stands behind "(?" means the same to both.
func group(p string) bool {
	switch {
	case strings.HasPrefix(p, ":"):
		return true
	case strings.HasPrefix(p, "P<"), strings.HasPrefix(p, "<") && !strings.HasPrefix(p, "<=") && !strings.HasPrefix(p, "<!"):
		return true
	}
	for i := 0; i < len(p); i++ { // inline flags
		switch p[i] {
		case 'i', 's', 'm', '-':
			if p[i] == 'm' { // $ and ^ change their meaning
				return false
			}
		case ')', ':':
			return i > 0
		default:
			return false
		}
	}
	return false
}

// repeatAt tells whether p starts with {n}, {n,} or {n,m}.
func repeatAt(p string) bool {
	end := strings.IndexByte(p, '}')
	if end < 2 || p[1] == ',' {
		return false
	}
	comma := false
	for _, c := range p[1:end] {
		switch {
		case c == ',' && !comma:
			comma = true
		case c < '0' || c > '9':
			return false
		}
	}
	return true
}

func isRepeat(p string) bool {
	i := strings.LastIndexByte(p, '{')
	return i >= 0 && repeatAt(p[i:])
}

// backtracking rewrites a pattern for regexp2, which speaks .NET's dialect.
func backtracking(p string, flags Flags) string {
	var b strings.Builder
	inClass := false
	groups := 0 // capturing ones that were opened
	for i := 0; i < len(p); i++ {
		c := p[i]
		if c == '(' && !inClass && (!strings.HasPrefix(p[i:], "(?") || strings.HasPrefix(p[i:], "(?<") && len(p) > i+3 && p[i+3] != '=' && p[i+3] != '!') {
			groups++
		}
		switch {
		case c == '\\' && i+1 < len(p):
			i++
			switch {
			case p[i] == 'h' && !inClass:
				b.WriteString(`[ \t\xa0]`)
			case p[i] == 'R' && !inClass:
				b.WriteString(`(?:\r\n|[\n\x0b\f\r\x85])`)
			case p[i] == 'N' && !inClass:
				b.WriteString(`[^\n]`)
			case p[i] == 'g' && !inClass:
				number, n := reference(p[i+1:], groups)
				if n == 0 {
					b.WriteString(`\g`)
					break
				}
				b.WriteString(`\k<` + strconv.Itoa(number) + ">")
				i += n
			case p[i] == 'Q':
				end := strings.Index(p[i+1:], `\E`)
				lit := p[i+1:]
				if end >= 0 {
					lit = p[i+1 : i+1+end]
				}
				for j := 0; j < len(lit); j++ {
					if strings.IndexByte(`\.[]{}()*+?^$|#- `, lit[j]) >= 0 {
						b.WriteByte('\\')
					}
					b.WriteByte(lit[j])
				}
				i += len(lit)
				if end >= 0 {
					i += 2
				}
			default:
				b.WriteByte('\\')
				b.WriteByte(p[i])
			}
		case inClass:
			inClass = c != ']'
			b.WriteByte(c)
		case c == '[':
			b.WriteByte(c)
			inClass = true
			for _, lead := range []string{"^", "]"} {
				if strings.HasPrefix(p[i+1:], lead) {
					if lead == "]" {
						b.WriteByte('\\')
					}
					b.WriteString(lead)
					i++
				}
			}
		case c == '$' && flags&DollarEndOnly != 0:
			b.WriteString(`\z`)
		case (c == '+' || c == '*' || c == '?') && i+1 < len(p) && p[i+1] == '+':
			// Possessive x*+ is atomic (?>x*): wrap the atom before it.
			s := b.String()
			at := lastAtom(s)
			b.Reset()
			b.WriteString(s[:at] + "(?>" + s[at:] + string(c) + ")")
			i++
		case c == '}' && i+1 < len(p) && p[i+1] == '+' && isRepeat(p[:i+1]):
			s := b.String()
			at := lastAtom(s[:strings.LastIndexByte(s, '{')])
			b.Reset()
			b.WriteString(s[:at] + "(?>" + s[at:] + "})")
			i++
		case strings.HasPrefix(p[i:], "(?P<"):
			b.WriteString("(?<")
			i += 3
		case strings.HasPrefix(p[i:], "(?P="):
			end := strings.IndexByte(p[i:], ')')
			if end < 0 {
				b.WriteByte(c)
				continue
			}
			b.WriteString(`\k<` + p[i+4:i+end] + ">")
			i += end
		case strings.HasPrefix(p[i:], "(?|"):
			b.WriteString("(?:")
			i += 2
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// reference reads what stands behind \g: a number, or in braces one that may
// count back from the last group. n is its length; 0: it is none.
func reference(p string, groups int) (number, n int) {
	text := p
	if strings.HasPrefix(p, "{") {
		end := strings.IndexByte(p, '}')
		if end < 0 {
			return 0, 0
		}
		text, n = p[1:end], end+1
	} else {
		for n < len(p) && p[n] >= '0' && p[n] <= '9' {
			n++
		}
		text = p[:n]
	}
	number, err := strconv.Atoi(text)
	if err != nil {
		return 0, 0
	}
	if number < 0 {
		number += groups + 1
	}
	if number < 1 {
		return 0, 0
	}
	return number, n
}

// lastAtom is where the atom at the end of s starts.
func lastAtom(s string) int {
	if s == "" {
		return 0
	}
	switch end := s[len(s)-1]; end {
	case ')', ']':
		open := byte('(')
		if end == ']' {
			open = '['
		}
		depth := 0
		for i := len(s) - 1; i >= 0; i-- {
			if i > 0 && s[i-1] == '\\' {
				continue
			}
			if s[i] == end {
				depth++
			} else if s[i] == open {
				if depth--; depth == 0 {
					return i
				}
			}
		}
		return 0
	}
	if len(s) >= 2 && s[len(s)-2] == '\\' {
		return len(s) - 2
	}
	return len(s) - 1
}
