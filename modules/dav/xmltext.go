package dav

import (
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// Elements are written as apr_xml_to_text does.

// prefixed is a name with the prefix that multistatus elements declare.
func prefixed(space int, name string) string {
	if space == noSpace {
		return name
	}
	return "ns" + strconv.Itoa(space) + ":" + name
}

// empty is an element of that name without content (apr_xml_empty_elem).
func (e *element) empty() string { return "<" + prefixed(e.space, e.name) + "/>\n" }

// inner is the content as XML; numbers translates namespaces, nil leaves them.
func (e *element) inner(numbers []int) string {
	var b strings.Builder
	e.writeInner(&b, numbers)
	return b.String()
}

func (e *element) writeInner(b *strings.Builder, numbers []int) {
	b.WriteString(server.EscapeXML(e.text.String()))
	for _, c := range e.children {
		c.write(b, numbers, "")
		b.WriteString(server.EscapeXML(c.after.String()))
	}
}

// full is the element with declarations of all namespaces of the document.
func (e *element) full(spaces []string) string {
	var b strings.Builder
	decl := declare(spaces)
	if e.lang != "" {
		decl = ` xml:lang="` + quoteXML(e.lang) + `"` + decl
	}
	e.write(&b, nil, decl)
	return b.String()
}

func (e *element) write(b *strings.Builder, numbers []int, decl string) {
	mapped := func(space int) int {
		if space == noSpace || numbers == nil {
			return space
		}
		return numbers[space]
	}
	name := prefixed(mapped(e.space), e.name)
	b.WriteString("<" + name)
	for _, a := range e.attrs {
		b.WriteString(" " + prefixed(mapped(a.space), a.name) + `="` + quoteXML(a.value) + `"`)
	}
	if decl == "" && e.lang != "" && (e.parent == nil || e.lang != e.parent.lang) {
		b.WriteString(` xml:lang="` + quoteXML(e.lang) + `"`)
	}
	b.WriteString(decl)
	if e.text == nil && len(e.children) == 0 {
		b.WriteString("/>")
		return
	}
	b.WriteString(">")
	e.writeInner(b, numbers)
	b.WriteString("</" + name + ">")
}

// declare writes a document's namespaces as Apache does: the last one first.
func declare(spaces []string) string {
	var b strings.Builder
	for i := len(spaces) - 1; i >= 0; i-- {
		b.WriteString(" xmlns:ns" + strconv.Itoa(i) + `="` + quoteXML(spaces[i]) + `"`)
	}
	return b.String()
}

// quoteXML writes text as the value of an attribute.
func quoteXML(s string) string { return strings.ReplaceAll(server.EscapeXML(s), `"`, "&quot;") }
