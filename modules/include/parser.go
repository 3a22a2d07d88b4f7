package include

import "strings"

// The parser finds elements in a document that comes in pieces of any size. What
// it makes of a document is the same for every way to cut it.

// argument is name="value" of an element.
type argument struct {
	name     string // lower case
	value    string
	hasValue bool
}

// element is <!--#name argument … -->.
type element struct {
	name string // lower case
	args []argument
}

type state uint8

const (
	inText         state = iota // looking for the start tag
	inName                      // of the element
	inNameTail                  // maybe in the end tag, right behind the name
	beforeArgument              // white space
	inTail                      // maybe in the end tag
	inArgument                  // its name
	beforeEquals
	beforeValue
	inValue
	inEscape // behind a backslash in a quoted value
)

// mistake is what is wrong with an element as far as it was read.
type mistake uint8

const (
	noElementName   mistake = iota // AH01368
	valueWithout                   // AH01369: an argument that begins with a quote
	noNameForEquals                // AH01370: an argument that begins with "="
)

// receiver takes what a parser finds.
type receiver interface {
	// text is a piece of the document; it is valid until text returns.
	text(p []byte) error
	// begin is called at a start tag, before anything of the element is read.
	begin() error
	mistake(m mistake, e *element)
	element(e *element) error
}

// parser is where the reading of a document stands.
type parser struct {
	to         receiver
	start, end string

	state state
	held  int    // how much of the start tag, or of the end tag, was seen
	word  []byte // what is being read: name, tail or value
	quote byte   // of the value, 0 for none
	cur   element
}

// isSpace is C's isspace.
func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// feed reads the next piece of the document.
func (p *parser) feed(data []byte) error {
	for len(data) > 0 {
		if p.state == inText {
			n, err := p.findStart(data)
			if err != nil {
				return err
			}
			data = data[n:]
			continue
		}
		used, err := p.step(data[0])
		if err != nil {
			return err
		}
		if used {
			data = data[1:]
		}
	}
	return nil
}

// findStart looks for the start tag, of which held bytes ended the last piece.
// It answers how much of data is done.
func (p *parser) findStart(data []byte) (int, error) {
	if p.held > 0 {
		return p.resume(data)
	}
	i := strings.Index(asString(data), p.start)
	if i >= 0 {
		if err := p.pass(data[:i]); err != nil {
			return 0, err
		}
		return i + len(p.start), p.open()
	}
	keep := overlap(data, p.start)
	p.held = keep
	return len(data), p.pass(data[:len(data)-keep])
}

// resume goes on with a start tag that began in an earlier piece: what turns out
// to be text is passed on, and the longest end of it that may begin a tag is kept.
func (p *parser) resume(data []byte) (int, error) {
	for i := 0; i < len(data); i++ {
		for p.held > 0 && data[i] != p.start[p.held] {
			old := p.held
			p.held = overlap([]byte(p.start[1:old]), p.start)
			if err := p.pass([]byte(p.start[:old-p.held])); err != nil {
				return i, err
			}
		}
		if data[i] != p.start[p.held] {
			return i, nil // nothing is held any more
		}
		if p.held++; p.held == len(p.start) {
			return i + 1, p.open()
		}
	}
	return len(data), nil
}

// overlap is the length of the longest end of data that begins tag, and is not all of it.
func overlap(data []byte, tag string) int {
	for n := min(len(data), len(tag)-1); n > 0; n-- {
		if string(data[len(data)-n:]) == tag[:n] {
			return n
		}
	}
	return 0
}

func (p *parser) pass(text []byte) error {
	if len(text) == 0 {
		return nil
	}
	return p.to.text(text)
}

func (p *parser) open() error {
	p.held, p.state, p.word, p.cur = 0, inName, p.word[:0], element{}
	return p.to.begin()
}

// step reads a byte of an element; used is false when it has to be read again in
// the new state.
func (p *parser) step(c byte) (used bool, err error) {
	switch p.state {
	case inName:
		switch {
		case isSpace(c):
			p.named(string(p.word))
			p.state = beforeArgument
			return false, nil
		case len(p.end) > 0 && c == p.end[0]:
			p.state, p.held = inNameTail, 1
			p.word = append(p.word, c)
			if p.held == len(p.end) {
				return true, p.nameEnds()
			}
		default:
			p.word = append(p.word, c)
		}
	case inNameTail:
		return p.nameTail(c)
	case beforeArgument:
		switch {
		case isSpace(c):
		case len(p.end) > 0 && c == p.end[0]:
			p.state, p.held = inTail, 0
			return false, nil
		default:
			p.argument(c)
			return c == p.quote && p.quote != 0, nil
		}
	case inTail:
		return p.tail(c)
	default:
		return p.inArgument(c), nil
	}
	return true, nil
}

// nameTail reads on in what may be the end tag behind a name without white
// space. Where it is not, the name goes on behind the first byte of it.
func (p *parser) nameTail(c byte) (bool, error) {
	if c == p.end[p.held] {
		p.word = append(p.word, c)
		if p.held++; p.held == len(p.end) {
			return true, p.nameEnds()
		}
		return true, nil
	}
	again := string(p.word[len(p.word)-p.held+1:])
	p.word = p.word[:len(p.word)-len(again)]
	p.state = inName
	return false, p.feed([]byte(again))
}

func (p *parser) nameEnds() error {
	p.named(string(p.word[:len(p.word)-len(p.end)]))
	return p.finish()
}

func (p *parser) named(name string) {
	p.cur.name = strings.ToLower(name)
	if name == "" {
		p.to.mistake(noElementName, &p.cur)
	}
}

// finish hands over an element whose end tag was read.
func (p *parser) finish() error {
	p.state, p.held = inText, 0
	e := p.cur
	return p.to.element(&e)
}

// tail reads on in what may be the end tag. Where it is not, it is an argument.
func (p *parser) tail(c byte) (bool, error) {
	if c == p.end[p.held] {
		if p.held++; p.held == len(p.end) {
			return true, p.finish()
		}
		return true, nil
	}
	again := p.end[:p.held]
	if p.argument(again[0]); p.quote != 0 {
		again = again[1:]
	}
	return false, p.feed([]byte(again))
}

// argument begins one whose first byte is c.
func (p *parser) argument(c byte) {
	p.word, p.quote = p.word[:0], 0
	p.cur.args = append(p.cur.args, argument{})
	if isQuote(c) {
		p.to.mistake(valueWithout, &p.cur)
		p.state, p.quote = inValue, c
		return
	}
	p.state = inArgument
}

func isQuote(c byte) bool { return c == '"' || c == '\'' || c == '`' }

func (p *parser) inArgument(c byte) (used bool) {
	a := &p.cur.args[len(p.cur.args)-1]
	switch p.state {
	case inArgument:
		if !isSpace(c) && c != '=' {
			p.word = append(p.word, c)
			return true
		}
		a.name, _, _ = strings.Cut(strings.ToLower(string(p.word)), "\x00")
		if len(p.word) == 0 {
			p.to.mistake(noNameForEquals, &p.cur)
		}
		p.state = beforeEquals
		return false
	case beforeEquals:
		switch {
		case isSpace(c):
			return true
		case c == '=':
			p.state = beforeValue
			return true
		}
		p.state = beforeArgument
		return false
	case beforeValue:
		if isSpace(c) {
			return true
		}
		p.word, p.quote, p.state = p.word[:0], 0, inValue
		if isQuote(c) {
			p.quote = c
			return true
		}
		return false
	case inEscape:
		p.state = inValue
		if c == p.quote {
			p.word[len(p.word)-1] = c // in the place of the backslash
			return true
		}
		return false
	}
	switch {
	case p.quote != 0 && c == p.quote, p.quote == 0 && isSpace(c):
		a.value, _, _ = strings.Cut(string(p.word), "\x00")
		a.hasValue = true
		p.state = beforeArgument
	case p.quote != 0 && c == '\\':
		p.word = append(p.word, c)
		p.state = inEscape
	default:
		p.word = append(p.word, c)
	}
	return true
}

// close ends the document: what is held of a start tag is text. It answers
// whether an element was open.
func (p *parser) close() (open bool, err error) {
	if p.state != inText {
		return true, nil
	}
	held := p.held
	p.held = 0
	return false, p.pass([]byte(p.start[:held]))
}
