package autoindex

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

// columns are the widths that hold for one listing.
type columns struct{ name, desc int }

// listing is output_directories.
func (p *page) listing(list []*entry) {
	w := columns{p.c.name.chars(), p.c.desc.chars()}
	if p.options&(fancy|table) == fancy {
		for _, e := range list {
			if p.c.name.kind == adjusted {
				w.name = max(w.name, len(e.name))
			}
			if p.c.desc.kind == adjusted {
				w.desc = max(w.desc, len(e.desc))
			}
		}
	}
	switch {
	case p.has(table):
		rule := p.tableHead()
		for i, e := range list {
			p.row(i, e, w)
		}
		p.puts(rule, "</table>\n")
	case p.has(fancy):
		p.fancyHead(w)
		for _, e := range list {
			p.line(e, w)
		}
		if !p.has(suppressRules) {
			p.puts("<hr", p.slash())
		}
		p.puts("</pre>\n")
	default:
		p.puts("<ul>")
		for _, e := range list {
			p.puts("<li><a href=\"", e.anchor(), "\"> ", server.EscapeHTML(e.label()), "</a></li>\n")
		}
		p.puts("</ul>\n")
	}
}

func (e *entry) anchor() string { return server.EscapeHTML(server.EscapeURIPath(e.name)) }

func (e *entry) label() string {
	if e.parent {
		return "Parent Directory"
	}
	return e.name
}

// sorter writes a column's title, a link where it sorts.
func (p *page) sorter(title string, key byte) {
	if p.has(suppressSorting) {
		p.puts(title)
		return
	}
	direction := "A"
	if p.key == key && p.direction == ascending {
		direction = "D"
	}
	p.puts("<a href=\"?C=", string(rune(key)), ";O=", direction, p.keep, "\">", title, "</a>")
}

func (p *page) image(src, alt string) {
	p.puts("<img src=\"", server.EscapeHTML(src), "\" alt=\"", alt, "\"")
	if p.c.iconWidth != 0 {
		p.puts(" width=\"", strconv.Itoa(p.c.iconWidth), "\"")
	}
	if p.c.iconHeight != 0 {
		p.puts(" height=\"", strconv.Itoa(p.c.iconHeight), "\"")
	}
	p.puts(p.slash())
}

// cell begins a cell: with a style sheet it has a class, else the attribute.
func (p *page) cell(tag, class, attribute string) {
	if p.c.styleSheet != "" {
		p.puts("<", tag, " class=\"", class, "\">")
		return
	}
	p.puts("<", tag, attribute, ">")
}

// tableHead gives the row that separates head, entries and end; "" for none.
func (p *page) tableHead() (rule string) {
	row := ""
	if p.c.styleSheet != "" {
		p.puts("  <table id=\"indexlist\">\n   <tr class=\"indexhead\">")
		row = " class=\"indexbreakrow\""
	} else {
		p.puts("  <table>\n   <tr>")
	}
	count := 1
	if !p.has(suppressIcon) {
		p.cell("th", "indexcolicon", " valign=\"top\"")
		if blank, ok := special(p.c.icons, blankItem); ok {
			p.image(blank, "[ICO]")
		} else {
			p.puts("&nbsp;")
		}
		p.puts("</th>")
		count++
	}
	p.cell("th", "indexcolname", "")
	p.sorter("Name", keyName)
	for _, col := range []struct {
		off          options
		class, title string
		key          byte
	}{
		{suppressModified, "indexcollastmod", "Last modified", keyModified}, {suppressSize, "indexcolsize", "Size", keySize},
		{suppressDescription, "indexcoldesc", "Description", keyDescription},
	} {
		if !p.has(col.off) {
			p.puts("</th>")
			p.cell("th", col.class, "")
			p.sorter(col.title, col.key)
			count++
		}
	}
	if !p.has(suppressRules) {
		rule = fmt.Sprintf("   <tr%s><th colspan=\"%d\"><hr%s</th></tr>\n", row, count, p.slash())
	}
	p.puts("</th></tr>\n", rule)
	return rule
}

func (p *page) row(i int, e *entry, w columns) {
	if p.c.styleSheet != "" {
		class := "even"
		if i&1 == 1 {
			class = "odd"
		}
		if e.hasAlt && p.has(addAltClass) {
			class += "-" + server.LowerASCII(e.alt)
		}
		p.puts("   <tr class=\"", class, "\">")
	} else {
		p.puts("<tr>")
	}
	anchor := e.anchor()
	if !p.has(suppressIcon) {
		p.cell("td", "indexcolicon", " valign=\"top\"")
		p.icon(e, anchor, "&nbsp;")
		p.puts("</td>")
	}
	p.cell("td", "indexcolname", "")
	p.puts("<a href=\"", anchor, "\">")
	if p.c.name.kind == adjusted {
		p.puts(server.EscapeHTML(e.label()), "</a>")
	} else {
		p.name(e, w)
	}
	if !p.has(suppressModified) {
		p.puts("</td>")
		if e.modified.IsZero() {
			p.cell("td", "indexcollastmod", "")
			p.puts("&nbsp;")
		} else {
			p.cell("td", "indexcollastmod", " align=\"right\"")
			p.puts(p.date(e.modified), "  ")
		}
	}
	if !p.has(suppressSize) {
		p.puts("</td>")
		p.cell("td", "indexcolsize", " align=\"right\"")
		p.puts(server.ShortSize(e.size))
	}
	if !p.has(suppressDescription) {
		p.puts("</td>")
		p.cell("td", "indexcoldesc", "")
		switch {
		case !e.hasDesc:
			p.puts("&nbsp;")
		case p.c.desc.kind == adjusted:
			p.puts(e.desc)
		default:
			p.puts(p.terminated(e.desc, w))
		}
	}
	p.puts("</td></tr>\n")
}

func (p *page) fancyHead(w columns) {
	p.puts("<pre>")
	if !p.has(suppressIcon) {
		if blank, ok := special(p.c.icons, blankItem); ok {
			p.image(blank, "Icon ")
			p.puts(" ")
		} else {
			p.puts("      ")
		}
	}
	p.sorter("Name", keyName)
	p.puts(strings.Repeat(" ", max(w.name-4, 0)), " ")
	if !p.has(suppressModified) {
		p.sorter("Last modified", keyModified)
		p.puts("      ")
	}
	if !p.has(suppressSize) {
		p.sorter("Size", keySize)
		p.puts("  ")
	}
	if !p.has(suppressDescription) {
		p.sorter("Description", keyDescription)
	}
	if p.has(suppressRules) {
		p.puts("\n")
	} else {
		p.puts("<hr", p.slash())
	}
}

func (p *page) line(e *entry, w columns) {
	anchor := e.anchor()
	if !p.has(suppressIcon) {
		p.icon(e, anchor, "     ")
		p.puts(" ")
	}
	p.puts("<a href=\"", anchor, "\">")
	p.name(e, w)
	p.puts(" ")
	if !p.has(suppressModified) {
		if e.modified.IsZero() {
			p.puts("                   ")
		} else {
			p.puts(p.date(e.modified), "  ")
		}
	}
	if !p.has(suppressSize) {
		p.puts(server.ShortSize(e.size), "  ")
	}
	if !p.has(suppressDescription) && e.hasDesc {
		p.puts(p.terminated(e.desc, w))
	}
	p.puts("\n")
}

// icon is an entry's picture, or blank where there is none.
func (p *page) icon(e *entry, anchor, blank string) {
	if p.has(iconsAreLinks) {
		p.puts("<a href=\"", anchor, "\">")
	}
	switch src, alt := or(e.icon, p.c.defaultIcon), e.alt; {
	case e.hasIcon || src != "":
		if !e.hasAlt {
			alt = "   "
		}
		if e.hasIcon {
			src = e.icon
		}
		p.image(src, "["+alt+"]")
	default:
		p.puts(blank)
	}
	if p.has(iconsAreLinks) {
		p.puts("</a>")
	}
}

// name ends an entry's link: its name, cut to the column or padded to it.
func (p *page) name(e *entry, w columns) {
	label := e.label()
	if len(label) > w.name {
		label = label[:max(w.name-3, 0)] + "..>"
	}
	p.puts(server.EscapeHTML(label), "</a>", strings.Repeat(" ", max(w.name-len(label), 0)))
}

func (p *page) date(t time.Time) string {
	if p.c.oldDate {
		return t.Local().Format("02-Jan-2006 15:04")
	}
	return t.Local().Format("2006-01-02 15:04")
}

// terminated cuts a description to its column. Tags count for nothing and
// entities for one character (terminate_description).
func (p *page) terminated(s string, w columns) string {
	room := w.desc
	if p.c.desc.kind == unset {
		if p.has(suppressIcon) {
			room += 6
		}
		if p.has(suppressModified) {
			room += 19
		}
		if p.has(suppressSize) {
			room += 7
		}
	}
	i := 0
	for ; i < len(s) && (room > 0 || s[i] == '<'); i++ {
		end := -1
		switch s[i] {
		case '<':
			end = strings.IndexByte(s[i:], '>')
		case '&':
			room--
			end = strings.IndexByte(s[i:], ';')
		default:
			room--
			continue
		}
		if end < 0 {
			return s
		}
		i += end
	}
	switch {
	case room != 0 || i >= len(s):
		return s
	case i == 0:
		return ""
	}
	return s[:i-1] + ">"
}
