package imagemap

import (
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// menu is a map shown as a page; r is nil when none is.
type menu struct {
	r    *server.Request
	kind string // formatted, semiformatted or unformatted
}

func (m *menu) write(parts ...string) {
	if m.r != nil {
		m.r.WriteString(strings.Join(parts, ""))
	}
}

func (m *menu) head(uri string) {
	m.r.ContentType = "text/html; charset=ISO-8859-1"
	uri = server.EscapeHTML(uri)
	m.write("<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01//EN\" \"http://www.w3.org/TR/html4/strict.dtd\">\n",
		"<html><head>\n<title>Menu for ", uri, "</title>\n</head><body>\n")
	if m.kind == "formatted" {
		m.write("<h1>Menu for ", uri, "</h1>\n<hr />\n\n")
	}
}

func (m *menu) foot() { m.write("\n\n</body>\n</html>\n") }

func (m *menu) blank() {
	switch m.kind {
	case "formatted", "unformatted":
		m.write("\n")
	case "semiformatted":
		m.write("<br />\n")
	}
}

func (m *menu) comment(text string) {
	switch {
	case m.kind == "formatted":
		m.write("\n")
	case (m.kind == "semiformatted" || m.kind == "unformatted") && text != "":
		m.write(text, "\n")
	}
}

// entry is a line; what is no URL has none.
func (m *menu) entry(indent, to, label string) {
	if strings.EqualFold(to, "error") || strings.EqualFold(to, "nocontent") {
		return
	}
	link := "<a href=\"" + server.EscapePath(to) + "\">" + server.EscapeHTML(label) + "</a>"
	switch m.kind {
	case "formatted", "semiformatted":
		m.write("<pre>", indent, link, "</pre>\n")
	case "unformatted":
		m.write(link)
	}
}
