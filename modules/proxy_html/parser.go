package proxy_html

import (
	"bytes"
	"slices"

	"github.com/donjon-httpd/donjon/server/charset"
)

// parser reads HTML as the push parser of libxml2 2.9 does: whatever comes, it
// tells a sequence of elements, text and comments, with what is missing around
// them implied and what is not closed closed. Browsers read some pages
// differently; what matters here is what Apache sends them. Observed with
// libxml2 2.9.14, beside which FuzzParser's seeds were recorded.
type parser struct {
	to   events
	buf  []byte // text in UTF-8 that waits
	at   int    // of buf is read
	last bool   // nothing follows behind buf
	// unknown says that nobody has told the character set: a meta element may, and
	// from the first byte on that is not ASCII it is what is found behind, or
	// ISO-8859-1.
	unknown bool
	latin1  bool // what comes is ISO-8859-1
	decode  *charset.Text
	state   state
	open    []string // the elements that are open, the innermost last
	// discarded counts start tags of html, head and body that were dropped,
	// whose end tags are dropped too.
	discarded int
	seen      uint8 // seenHead, seenBody
}

// events is what the parser tells. Slices are valid until the call returns.
type events interface {
	startElement(name string, attrs []attr)
	endElement(name string)
	characters(text []byte)
	cdata(text []byte) // of a script or style
	comment(text []byte)
}

type attr struct {
	name  string
	value []byte
	bare  bool // without "=value"
}

type state uint8

const (
	inStart state = iota
	inMisc
	inProlog // behind the DOCTYPE
	inContent
	inStartTag
	inEndTag
	inEpilog // behind </html>
	inEOF    // what follows is dropped
)

const (
	seenHead = 1 << iota
	seenBody
)

// write takes text in and tells what is complete.
func (p *parser) write(text []byte) {
	if p.at > 0 {
		p.buf = append(p.buf[:0], p.buf[p.at:]...)
		p.at = 0
	}
	if p.latin1 {
		p.buf = appendLatin1(p.buf, text)
	} else if p.decode != nil {
		p.buf = append(p.buf, p.decode.Convert(text)...)
	} else {
		p.buf = append(p.buf, text...)
	}
	p.run()
}

// finish ends the text: what waited is read as it is, and what is open closed.
func (p *parser) finish() {
	p.last = true
	p.run()
}

// run goes on until it would need more text.
func (p *parser) run() {
	for {
		if p.left() == 0 {
			if p.last {
				p.closeAll()
				p.state = inEOF
			}
			return
		}
		if p.cur() == 0 {
			p.at++
			continue
		}
		if !p.step() {
			return
		}
	}
}

// until tells whether one of the sequences is still to come, or nothing at all.
func (p *parser) until(seqs ...string) bool {
	if p.last {
		return true
	}
	for _, s := range seqs {
		if bytes.Contains(p.buf[p.at:], []byte(s)) {
			return true
		}
	}
	return false
}

// untilTagEnd tells whether the > of a tag is there: one in quotes is none.
func (p *parser) untilTagEnd() bool {
	if p.last {
		return true
	}
	var quote byte
	for _, c := range p.buf[p.at:] {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return true
		}
	}
	return false
}

// step reads one thing; false when there is not enough text for it.
func (p *parser) step() bool {
	switch p.state {
	case inStart:
		p.skipBlanks()
		p.state = inMisc
		if p.left() == 0 {
			return true
		}
		fallthrough
	case inMisc, inProlog:
		return p.prolog()
	case inContent:
		return p.content()
	case inStartTag:
		return p.startTagState()
	case inEndTag:
		if p.left() < 2 && !p.last || !p.untilTagEnd() {
			return false
		}
		p.endTag()
		p.state = inContent
		if len(p.open) == 0 {
			p.state = inEpilog
		}
		return true
	case inEpilog:
		return p.epilog()
	}
	return false
}

// prolog is what may stand before the first element.
func (p *parser) prolog() bool {
	p.skipBlanks()
	if p.left() < 2 && (!p.last || p.state == inProlog || p.left() == 0) {
		return p.last && p.left() == 0
	}
	switch {
	case p.has("<!--"):
		if !p.until("-->", "--!>") {
			return false
		}
		p.commentTag()
	case p.has("<?"):
		if !p.until(">") {
			return false
		}
		p.instruction()
	case p.state == inMisc && p.has("<!DOCTYPE"):
		if !p.untilTagEnd() {
			return false
		}
		p.doctype()
		p.state = inProlog
	case p.has("<!") && (p.left() < 4 || p.left() < 9 && p.state == inMisc):
		return false // even at the end: nothing comes of it
	default:
		p.state = inContent
	}
	return true
}

// epilog is what stands behind the root element. Blanks end what is read for now.
func (p *parser) epilog() bool {
	if isBlank(p.cur()) {
		p.charData()
		return false
	}
	if p.left() < 2 {
		return false
	}
	switch {
	case p.has("<!--"):
		if !p.until("-->", "--!>") {
			return false
		}
		p.commentTag()
	case p.has("<?"):
		if !p.until(">") {
			return false
		}
		p.instruction()
	case p.has("<!") && p.left() < 4:
		return false
	default:
		p.state = inEOF
		return false
	}
	return true
}

func (p *parser) content() bool {
	cur := p.cur()
	if p.left() == 1 && p.last && cur != '<' && cur != '&' {
		if !isBlank(cur) {
			p.checkParagraph()
			p.to.characters([]byte{cur})
		}
		p.at++
		return true
	}
	if p.left() < 2 {
		return false
	}
	next := p.peek(1)
	inner := p.inner()
	switch {
	case inner == "script" || inner == "style":
		if !p.until("</") {
			return false
		}
		p.script(inner)
		if cur == '<' && next == '/' {
			p.state = inEndTag
		}
	case cur == '<' && next == '!' && p.left() < 4:
		return false
	case p.has("<!DOCTYPE"):
		if !p.untilTagEnd() {
			return false
		}
		p.doctype()
	case p.has("<!--"):
		if !p.until("-->", "--!>") {
			return false
		}
		p.commentTag()
	case cur == '<' && next == '?':
		if !p.until(">") {
			return false
		}
		p.instruction()
	case cur == '<' && next == '/':
		p.state = inEndTag
	case cur == '<' && (isLetter(next) || next == '_' || next == ':' || next == '.'):
		p.state = inStartTag
	case cur == '<':
		p.to.characters([]byte{'<'})
		p.at++
	default:
		if !p.until("<") {
			return false
		}
		for p.at < len(p.buf) && p.cur() != '<' {
			if p.cur() == '&' {
				p.reference()
			} else {
				p.charData()
			}
		}
	}
	return true
}

// inner is the innermost open element, "" for none.
func (p *parser) inner() string {
	if len(p.open) == 0 {
		return ""
	}
	return p.open[len(p.open)-1]
}

func (p *parser) push(name string) {
	switch name {
	case "head":
		p.seen |= seenHead
	case "body":
		p.seen |= seenHead | seenBody
	}
	p.open = append(p.open, name)
}

func (p *parser) pop() {
	if len(p.open) > 0 {
		p.open = p.open[:len(p.open)-1]
	}
}

func (p *parser) imply(name string) {
	p.push(name)
	p.to.startElement(name, nil)
}

// closeInner ends the innermost element.
func (p *parser) closeInner() {
	p.to.endElement(p.inner())
	p.pop()
}

func (p *parser) closeAll() {
	for len(p.open) > 0 {
		p.closeInner()
	}
}

// closeFor ends the elements that cannot hold a new one of that name.
func (p *parser) closeFor(name string) {
	for len(p.open) > 0 && slices.Contains(closedBy[name], p.inner()) {
		p.closeInner()
	}
}

// checkImplied begins the html, head and body that an element stands in.
func (p *parser) checkImplied(name string) {
	if name == "html" {
		return
	}
	if len(p.open) == 0 {
		p.imply("html")
	}
	if name == "body" || name == "head" {
		return
	}
	switch {
	case len(p.open) <= 1 && slices.Contains(headContent, name):
		if p.seen&seenHead == 0 {
			p.imply("head")
		}
	case name != "noframes" && name != "frame" && name != "frameset":
		if p.seen&seenBody == 0 && !slices.Contains(p.open, "body") && !slices.Contains(p.open, "head") {
			p.imply("body")
		}
	}
}

var headContent = []string{"script", "style", "meta", "link", "title", "base"}

// checkParagraph begins a paragraph for text that stands in none of the elements.
func (p *parser) checkParagraph() {
	if in := p.inner(); in == "" || in == "html" || in == "head" {
		p.closeFor("p")
		p.checkImplied("p")
		p.imply("p")
	}
}
