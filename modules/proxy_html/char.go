package proxy_html

import (
	"strings"
	"unicode/utf8"

	"github.com/donjon-httpd/donjon/server/charset"
)

func (p *parser) left() int { return len(p.buf) - p.at }

// peek is the byte n behind the next one; 0 behind the end of the text.
func (p *parser) peek(n int) byte {
	if p.at+n < len(p.buf) {
		return p.buf[p.at+n]
	}
	return 0
}

func (p *parser) cur() byte { return p.peek(0) }

func (p *parser) next() {
	if p.at < len(p.buf) {
		_, n := p.char()
		p.at += n
	}
}

// char is the next character and its length in bytes. From the first byte on
// that is no UTF-8 the text is taken for ISO-8859-1.
func (p *parser) char() (rune, int) {
	b := p.cur()
	if b < utf8.RuneSelf {
		if p.at >= len(p.buf) {
			return 0, 0
		}
		if b == 0 {
			b = ' '
		}
		return rune(b), 1
	}
	if p.unknown {
		p.switchTo(findCharset(p.buf[p.at:]))
	}
	r, n := utf8.DecodeRune(p.buf[p.at:])
	if r == utf8.RuneError && n == 1 {
		p.latin1 = true
		p.buf = append(p.buf[:p.at:p.at], appendLatin1(nil, p.buf[p.at:])...)
		r, n = utf8.DecodeRune(p.buf[p.at:])
	}
	return r, n
}

// switchTo takes what is left of the text to be in a character set, "" for
// ISO-8859-1. UTF-8 is what text is anyway, and what is not shows soon.
func (p *parser) switchTo(name string) {
	p.unknown = false
	switch strings.ToLower(name) {
	case "utf-8", "utf8":
		return
	case "":
		p.latin1 = true
		p.buf = append(p.buf[:p.at:p.at], appendLatin1(nil, p.buf[p.at:])...)
		return
	}
	if d, err := charset.ToUTF8(name); err == nil {
		p.decode = d
		p.buf = append(p.buf[:p.at:p.at], d.Convert(p.buf[p.at:])...)
	}
}

// findCharset looks for a meta element that says the character set.
func findCharset(text []byte) string {
	s := strings.ToUpper(string(text))
	at := 0
	for _, word := range []string{"HTTP-EQUIV", "CONTENT", "CHARSET="} {
		i := strings.Index(s[at:], word)
		if i < 0 {
			return ""
		}
		at += i + len(word)
	}
	end := at
	for end < len(s) && (isLetter(s[end]) || isDigit(s[end]) || strings.IndexByte("-_:/", s[end]) >= 0) {
		end++
	}
	return s[at:end]
}

// checkMeta follows a meta element that says the character set.
func (p *parser) checkMeta(attrs []attr) {
	name, content, isType := "", "", false
	for _, a := range attrs {
		switch v := string(a.value); {
		case a.name == "http-equiv" && strings.EqualFold(v, "Content-Type"):
			isType = true
		case a.name == "charset":
			name = v
		case a.name == "content":
			content = v
		}
	}
	if isType {
		if i := strings.Index(strings.ToLower(content), "charset="); i >= 0 {
			name = strings.TrimSpace(content[i+len("charset="):])
		}
	}
	if name != "" {
		p.switchTo(name)
	}
}

func appendLatin1(dst, text []byte) []byte {
	for _, c := range text {
		dst = utf8.AppendRune(dst, rune(c))
	}
	return dst
}

func (p *parser) skipBlanks() {
	for isBlank(p.cur()) {
		p.at++
	}
}

// has tells whether s comes next, in upper or lower case.
func (p *parser) has(s string) bool {
	return p.left() >= len(s) && strings.EqualFold(string(p.buf[p.at:p.at+len(s)]), s)
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// isChar is XML's Char.
func isChar(r rune) bool {
	return r >= 0x20 && r <= 0xD7FF || r == '\t' || r == '\n' || r == '\r' || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 && r <= 0x10FFFF
}
