package proxy_html

import (
	"bytes"
	"slices"
	"strings"
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
