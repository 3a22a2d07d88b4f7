package proxy_html

import (
	"bytes"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// longestName is how much of a name is one (HTML_PARSER_BUFFER_SIZE); the rest
// is read as what follows.
const longestName = 100

// name reads the name of an element or attribute in lower case; "" for none.
func (p *parser) name() string {
	if c := p.cur(); !isLetter(c) && c != '_' && c != ':' && c != '.' {
		return ""
	}
	from := p.at
	for p.at-from < longestName {
		c := p.cur()
		if !isLetter(c) && !isDigit(c) && c != ':' && c != '-' && c != '_' && c != '.' {
			break
		}
		p.at++
	}
	return strings.ToLower(string(p.buf[from:p.at]))
}

// startTagState reads a start tag, and the end of an element that is empty.
func (p *parser) startTagState() bool {
	if p.left() < 2 && !p.last {
		return false
	}
	if p.cur() != '<' {
		p.state = inContent
		return true
	}
	if p.peek(1) == '/' {
		p.state = inEndTag
		return true
	}
	if !p.untilTagEnd() {
		return false
	}
	ok := p.startTag()
	name := p.inner()
	if !ok || name == "" {
		if p.cur() == '>' {
			p.at++
		}
		return true
	}
	p.state = inContent
	switch {
	case p.cur() == '/' && p.peek(1) == '>':
		p.at += 2
		p.closeInner()
	case p.cur() != '>':
		p.pop()
	default:
		p.at++
		if elements[name].empty {
			p.closeInner()
		}
	}
	return true
}

// startTag reads a tag up to its end, which is left; false when it is none.
func (p *parser) startTag() bool {
	p.at++ // <
	name := p.name()
	if name == "" {
		for p.cur() != 0 && p.cur() != '>' {
			p.next()
		}
		return false
	}
	p.closeFor(name)
	p.checkImplied(name)
	discard := false
	drop := func() {
		discard = true
		p.discarded++
	}
	if name == "html" && len(p.open) > 0 {
		drop()
	}
	if name == "head" && len(p.open) != 1 {
		drop()
	}
	if name == "body" {
		for _, n := range p.open {
			if n == "body" {
				drop()
			}
		}
	}
	attrs := p.attributes()
	if name == "meta" && p.unknown {
		p.checkMeta(attrs)
	}
	if !discard {
		p.push(name)
		p.to.startElement(name, attrs)
	}
	return true
}

func (p *parser) attributes() []attr {
	var attrs []attr
	ends := func() bool {
		c := p.cur()
		return c == 0 || c == '>' || c == '/' && p.peek(1) == '>'
	}
	p.skipBlanks()
	for !ends() {
		from := p.at
		a := attr{name: p.name()}
		if a.name == "" {
			// Up to the next blank, or the end of the tag.
			for !ends() && !isBlank(p.cur()) {
				p.next()
			}
		} else {
			p.skipBlanks()
			if p.cur() == '=' {
				p.at++
				p.skipBlanks()
				a.value = p.value()
			} else {
				a.bare = true
			}
			if !slices.ContainsFunc(attrs, func(b attr) bool { return b.name == a.name }) {
				attrs = append(attrs, a)
			}
		}
		p.skipBlanks()
		if p.at == from {
			break
		}
	}
	return attrs
}

// value reads an attribute's value, with or without quotes.
func (p *parser) value() []byte {
	quote := p.cur()
	if quote != '"' && quote != '\'' {
		return p.valueUntil(0)
	}
	p.at++
	v := p.valueUntil(quote)
	if p.cur() == quote {
		p.at++
	}
	return v
}

func (p *parser) valueUntil(stop byte) []byte {
	out := []byte{}
	for {
		c := p.cur()
		if c == 0 || c == stop || stop == 0 && (c == '>' || isBlank(c)) {
			return out
		}
		if c != '&' {
			r, n := p.char()
			out = utf8.AppendRune(out, r)
			p.at += n
			continue
		}
		if p.peek(1) == '#' {
			r := p.charRef()
			if r == 0 {
				// An attribute is a C string: it ends here.
				p.valueUntil(stop)
				return out
			}
			out = utf8.AppendRune(out, r)
			continue
		}
		name, r := p.entity()
		if r != 0 {
			out = utf8.AppendRune(out, r)
		} else {
			out = append(append(out, '&'), name...)
		}
	}
}

// endTag reads an end tag and ends the element, with all that is open in it.
func (p *parser) endTag() {
	p.at += 2
	name := p.name()
	if name == "" {
		return
	}
	p.skipPast('>')
	if p.discarded > 0 && (name == "html" || name == "body" || name == "head") {
		p.discarded--
		return
	}
	if !slices.Contains(p.open, name) {
		return
	}
	// An end tag closes only elements that matter less than its own.
	for i := len(p.open) - 1; p.open[i] != name; i-- {
		if endPriority(p.open[i]) > endPriority(name) {
			return
		}
	}
	for p.inner() != name {
		p.closeInner()
	}
	p.closeInner()
}

func endPriority(name string) int {
	switch name {
	case "div":
		return 150
	case "td", "th":
		return 160
	case "tr":
		return 170
	case "thead", "tbody", "tfoot":
		return 180
	case "table":
		return 190
	case "head", "body":
		return 200
	case "html":
		return 220
	}
	return 100
}

// skipPast skips up to a byte and over it.
func (p *parser) skipPast(stop byte) {
	for p.cur() != 0 && p.cur() != stop {
		p.next()
	}
	if p.cur() == stop {
		p.at++
	}
}

func (p *parser) doctype() {
	p.at += len("<!DOCTYPE")
	p.skipPast('>')
}

// instruction skips <? and what follows to the next >; what does not begin with
// a name is text.
func (p *parser) instruction() {
	p.at += 2
	if p.entityName() != "" {
		p.skipPast('>')
	}
}

// commentTag reads a comment; one that does not end is dropped.
func (p *parser) commentTag() {
	p.at += 4
	text := p.buf[p.at:]
	end, skip := bytes.Index(text, []byte("-->")), 3
	if bang := bytes.Index(text, []byte("--!>")); bang >= 0 && (end < 0 || bang < end) {
		end, skip = bang, 4
	}
	if end < 0 {
		p.at = len(p.buf)
		return
	}
	out := make([]byte, 0, end)
	for stop := len(p.buf) - p.at - end; len(p.buf)-p.at > stop; {
		out = p.take(out)
	}
	p.at += skip
	p.to.comment(out)
}

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
