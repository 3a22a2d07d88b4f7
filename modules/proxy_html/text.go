package proxy_html

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// textPiece is how much text is told at once (HTML_PARSER_BIG_BUFFER_SIZE).
const textPiece = 1000

// script reads the text of a script or style up to its own end tag.
func (p *parser) script(name string) {
	var out []byte
	for p.left() > 0 {
		if p.cur() == '<' && p.peek(1) == '/' && p.left() >= 2+len(name) &&
			strings.EqualFold(string(p.buf[p.at+2:p.at+2+len(name)]), name) {
			break
		}
		out = p.take(out)
	}
	if len(out) > 0 {
		p.to.cdata(out)
	}
}

// charData reads text up to a tag or a reference.
func (p *parser) charData() {
	var out []byte
	for {
		if c := p.cur(); c == '<' || c == '&' || p.left() == 0 {
			break
		}
		out = p.take(out)
		if len(out) >= textPiece {
			p.text(out)
			out = out[:0]
		}
	}
	if len(out) > 0 {
		p.text(out)
	}
}

// take reads a character and puts it behind out, unless XML has no such character.
func (p *parser) take(out []byte) []byte {
	r, n := p.char()
	p.at += n
	if !isChar(r) {
		return out
	}
	return utf8.AppendRune(out, r)
}

// text tells text, unless it is blanks where they mean nothing.
func (p *parser) text(t []byte) {
	if p.ignorable(t) {
		return
	}
	p.checkParagraph()
	p.to.characters(t)
}

func (p *parser) ignorable(t []byte) bool {
	for _, c := range t {
		if !isBlank(c) {
			return false
		}
	}
	switch p.cur() {
	case 0:
		return true
	case '<':
		in := p.inner()
		return in == "" || in == "html" || in == "head"
	}
	return false
}

// reference reads & and what it stands for.
func (p *parser) reference() {
	if p.peek(1) == '#' {
		if r := p.charRef(); r != 0 {
			p.checkParagraph()
			p.to.characters(utf8.AppendRune(nil, r))
		}
		return
	}
	name, r := p.entity()
	p.checkParagraph()
	if r != 0 {
		p.to.characters(utf8.AppendRune(nil, r))
		return
	}
	p.to.characters([]byte{'&'})
	if name != "" {
		p.to.characters([]byte(name))
	}
}

// charRef reads &#65; or &#x41;, with or without the semicolon; 0 for what is no character.
func (p *parser) charRef() rune {
	p.at += 2
	base := rune(10)
	if p.cur()|0x20 == 'x' {
		base = 16
		p.at++
	}
	var v rune
	for {
		c := p.cur()
		var d rune
		switch {
		case isDigit(c):
			d = rune(c - '0')
		case base == 16 && 'a' <= c|0x20 && c|0x20 <= 'f':
			d = rune(c|0x20-'a') + 10
		case c == ';':
			p.at++
			fallthrough
		default:
			if isChar(v) {
				return v
			}
			return 0
		}
		if v <= unicode.MaxRune {
			v = v*base + d
		}
		p.at++
	}
}

// entity reads &name;. The name's character is 0 for one that is unknown or has
// no semicolon, which is then not read.
func (p *parser) entity() (name string, r rune) {
	p.at++
	name = p.entityName()
	if name != "" && p.cur() == ';' {
		if r = entities[name]; r != 0 {
			p.at++
		}
	}
	return name, r
}

// entityName reads a name in the manner of XML; "" for none.
func (p *parser) entityName() string {
	from := p.at
	for {
		r, n := p.char()
		first := p.at == from
		if n == 0 || !(unicode.IsLetter(r) || r == '_' || r == ':' || !first && (unicode.IsDigit(r) || r == '.' || r == '-' || unicode.Is(unicode.M, r))) {
			break
		}
		p.at += n
	}
	if p.at == len(p.buf) && isASCII(p.buf[from:]) {
		p.at = from // a name that ends with the text is none
	}
	return string(p.buf[from:p.at])
}

func isASCII(s []byte) bool {
	return !slices.ContainsFunc(s, func(c byte) bool { return c >= utf8.RuneSelf })
}
