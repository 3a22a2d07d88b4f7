package dav

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strings"
	"unicode/utf16"
)

// element is one of a request's body, as apr_xml has it. Namespaces are numbers
// in the document's table; noSpace is none.
type element struct {
	space    int
	name     string
	lang     string
	parent   *element
	attrs    []attribute // the last one first, without declarations and xml:lang
	children []*element
	text     text // before the first child
	after    text // behind the element, in its parent
}

// text is in pieces, as comments and sections cut it.
type text []string

func (t text) String() string { return strings.Join(t, "") }

type attribute struct {
	space       int
	name, value string
}

// document is a request's body.
type document struct {
	root   *element
	spaces []string // "DAV:" first
}

const (
	noSpace  = -1
	davSpace = "DAV:"
	davIndex = 0
	maxDepth = 256 // of elements in one another
)

// Errors of a body, in the words of apr_xml_parser_geterror.
var (
	errUndefinedPrefix = errors.New("An undefined namespace prefix was used.")
	errEmptySpace      = errors.New("A namespace prefix was defined with an empty URI.")
	errAborted         = errors.New("XML parser error code: parsing aborted (35)")
	errSyntax          = errors.New("XML parser error code: syntax error (2)")
	errMismatch        = errors.New("XML parser error code: mismatched tag (7)")
	errDuplicate       = errors.New("XML parser error code: duplicate attribute (8)")
	errJunk            = errors.New("XML parser error code: junk after document element (9)")
	errInvalid         = errors.New("XML parser error code: not well-formed (invalid token) (4)")
	errEntity          = errors.New("XML parser error code: undefined entity (11)")
	errCharacter       = errors.New("XML parser error code: reference to invalid character number (14)")
	errDeclaration     = errors.New("XML parser error code: XML or text declaration not at start of entity (17)")
	errEncoding        = errors.New("XML parser error code: unknown encoding (18)")
	errDeep            = errors.New("XML parser error code: elements too deep (43)")
	// errUnfinished is a body that ends too early.
	errUnfinished = errors.New("no end")
)

// parseXML reads a body that is not empty. Entities that a document type defines
// are refused (they could grow without bound).
func parseXML(b []byte) (*document, error) {
	p := &xmlParser{dec: xml.NewDecoder(bytes.NewReader(toUTF8(b))), doc: &document{spaces: []string{davSpace}},
		known: map[string]int{davSpace: davIndex}}
	p.dec.CharsetReader = charsetReader
	for {
		t, err := p.dec.RawToken()
		switch {
		case err == io.EOF && (p.doc.root == nil || p.at != nil):
			return nil, errUnfinished
		case err == io.EOF:
			return p.doc, nil
		case err != nil:
			return nil, expatError(err)
		}
		if p.early {
			return nil, errSyntax // text before the first element is seen when more follows
		}
		if err := p.take(t); err != nil {
			return nil, err
		}
	}
}

// expatError says in expat's words why package xml refuses a body.
func expatError(err error) error {
	var syntax *xml.SyntaxError
	if !errors.As(err, &syntax) {
		if errors.Is(err, errEncoding) {
			return errEncoding
		}
		return errInvalid
	}
	switch {
	case strings.Contains(syntax.Msg, "unexpected EOF"):
		return errUnfinished
	case strings.Contains(syntax.Msg, "character entity &#"):
		return errCharacter
	case strings.Contains(syntax.Msg, "character entity &"):
		return errEntity
	}
	return errInvalid
}

type xmlParser struct {
	dec    *xml.Decoder
	doc    *document
	known  map[string]int
	at     *element
	scopes []scope // of the elements that are open
	names  []xml.Name
	early  bool // text before the root
	begun  bool // a token was seen
}

// scope is what an element declares; the empty prefix is the default namespace.
type scope map[string]int

func (p *xmlParser) take(t xml.Token) error {
	begun := p.begun
	p.begun = true
	switch t := t.(type) {
	case xml.ProcInst:
		if t.Target == "xml" && begun {
			return errDeclaration
		}
	case xml.StartElement:
		return p.start(t)
	case xml.EndElement:
		if p.at == nil || p.names[len(p.names)-1] != t.Name {
			return errMismatch
		}
		p.at, p.scopes, p.names = p.at.parent, p.scopes[:len(p.scopes)-1], p.names[:len(p.names)-1]
	case xml.CharData:
		if p.at == nil {
			if len(bytes.TrimLeft(t, " \t\r\n")) == 0 {
				return nil
			}
			if p.doc.root != nil {
				return errJunk
			}
			p.early = true
			return nil
		}
		if n := len(p.at.children); n > 0 {
			last := p.at.children[n-1]
			last.after = append(last.after, string(t))
		} else {
			p.at.text = append(p.at.text, string(t))
		}
	case xml.Directive:
		if bytes.Contains(t, []byte("<!ENTITY")) {
			return errAborted
		}
	}
	return nil
}

func (p *xmlParser) start(t xml.StartElement) error {
	if p.at == nil && p.doc.root != nil {
		return errJunk
	}
	if len(p.scopes) == maxDepth {
		return errDeep
	}
	e := &element{parent: p.at}
	if p.at == nil {
		p.doc.root = e
	} else {
		p.at.children = append(p.at.children, e)
		e.lang = p.at.lang
	}
	var own scope
	var rest []xml.Attr
	var seen map[xml.Name]bool
	if len(t.Attr) > 1 {
		seen = map[xml.Name]bool{}
	}
	// apr_xml puts attributes before one another.
	for i := len(t.Attr) - 1; i >= 0; i-- {
		a := t.Attr[i]
		if seen[a.Name] {
			return errDuplicate
		}
		if seen != nil {
			seen[a.Name] = true
		}
		prefix, declares := a.Name.Local, a.Name.Space == "xmlns"
		if a.Name == (xml.Name{Local: "xmlns"}) {
			prefix, declares = "", true
		}
		switch {
		case declares && prefix != "" && a.Value == "":
			return errEmptySpace
		case declares:
			if own == nil {
				own = scope{}
			}
			own[prefix] = noSpace
			if a.Value != "" {
				own[prefix] = p.number(a.Value)
			}
		case a.Name == xml.Name{Space: "xml", Local: "lang"}:
			e.lang = a.Value
		default:
			rest = append(rest, a)
		}
	}
	p.scopes, p.names, p.at = append(p.scopes, own), append(p.names, t.Name), e
	var err error
	if e.space, e.name, err = p.resolve(t.Name, true); err != nil {
		return err
	}
	for _, a := range rest {
		at := attribute{value: a.Value}
		if at.space, at.name, err = p.resolve(a.Name, false); err != nil {
			return err
		}
		e.attrs = append(e.attrs, at)
	}
	return nil
}

func (p *xmlParser) number(uri string) int {
	n, there := p.known[uri]
	if !there {
		n = len(p.doc.spaces)
		p.known[uri] = n
		p.doc.spaces = append(p.doc.spaces, uri)
	}
	return n
}

// resolve finds the namespace of a name. Prefixes that begin with xml are part
// of the name.
func (p *xmlParser) resolve(n xml.Name, element bool) (space int, local string, err error) {
	if len(n.Space) >= 3 && strings.EqualFold(n.Space[:3], "xml") {
		return noSpace, n.Space + ":" + n.Local, nil
	}
	if n.Space == "" && !element {
		return noSpace, n.Local, nil
	}
	for i := len(p.scopes) - 1; i >= 0; i-- {
		if space, there := p.scopes[i][n.Space]; there {
			return space, n.Local, nil
		}
	}
	if n.Space != "" {
		return noSpace, "", errUndefinedPrefix
	}
	return noSpace, n.Local, nil
}

// versionRx finds the version that a body says it is in.
var versionRx = regexp.MustCompile(`^(<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*)(?:"[^"]*"|'[^']*')`)

// toUTF8 translates UTF-16 with its mark at the beginning, and says that the
// version is 1.0: expat takes others for it.
func toUTF8(b []byte) []byte {
	b = bytes.TrimPrefix(fromUTF16(b), []byte("\ufeff"))
	return versionRx.ReplaceAll(b, []byte(`${1}"1.0"`))
}

func fromUTF16(b []byte) []byte {
	if len(b) < 2 || b[0]^b[1] != 0xfe^0xff || b[0] < 0xfe {
		return b
	}
	high := 0
	if b[0] == 0xff {
		high = 1
	}
	var units []uint16
	for i := 2; i+1 < len(b); i += 2 {
		units = append(units, uint16(b[i+high])<<8|uint16(b[i+1-high]))
	}
	return []byte(string(utf16.Decode(units)))
}

// charsetReader takes what expat takes; UTF-16 is translated by then.
func charsetReader(charset string, in io.Reader) (io.Reader, error) {
	switch strings.ToLower(charset) {
	case "utf-8", "us-ascii", "utf-16":
		return in, nil
	case "iso-8859-1":
		b, err := io.ReadAll(in)
		var s strings.Builder
		for _, c := range b {
			s.WriteRune(rune(c))
		}
		return strings.NewReader(s.String()), err
	}
	return nil, errEncoding
}

// is tells whether the element has a name in the namespace "DAV:".
func (e *element) is(name string) bool { return e.space == davIndex && e.name == name }

// child finds an element in "DAV:".
func (e *element) child(name string) *element {
	for _, c := range e.children {
		if c.is(name) {
			return c
		}
	}
	return nil
}

// uri is the element's namespace.
func (d *document) uri(e *element) string {
	if e.space == noSpace {
		return ""
	}
	return d.spaces[e.space]
}
