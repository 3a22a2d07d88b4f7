package negotiation

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// setFields adds Alternates, Vary and TCN to the response, whatever it will be.
func (n *negotiation) setFields(chosen bool) {
	out := &n.r.ErrOut
	if n.alternates && len(n.variants) > 0 {
		list := make([]string, len(n.variants))
		for i := range n.variants {
			list[i] = n.alternate(&n.variants[i])
		}
		out.Merge("Alternates", strings.Join(list, ", "))
	}
	var vary []string
	if n.transparent {
		vary = append(vary, "negotiate")
	}
	for _, d := range []struct {
		field string
		of    func(*variant) string
	}{
		{"accept", func(v *variant) string { return v.mediaType }},
		{"accept-language", func(v *variant) string { return strings.Join(v.languages, ",") }},
		{"accept-charset", func(v *variant) string { return v.charset }},
		{"accept-encoding", func(v *variant) string { return v.encoding }},
	} {
		for i := range n.variants {
			if d.of(&n.variants[i]) != d.of(&n.variants[0]) {
				vary = append(vary, d.field)
				break
			}
		}
	}
	if vary != nil {
		out.Merge("Vary", strings.Join(vary, ", "))
	}
	if n.transparent {
		tcn := "list"
		if chosen {
			tcn = "choice"
		}
		out.Set("TCN", tcn)
	}
}

// alternate describes a variant as RFC 2295 has it.
func (n *negotiation) alternate(v *variant) string {
	var b strings.Builder
	quality := strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%1.3f", v.sourceQuality), "0"), ".")
	b.WriteString(`{"` + server.EscapeSegment(v.file) + `" ` + quality)
	put := func(name, value string) {
		if value != "" {
			b.WriteString(" {" + name + " " + value + "}")
		}
	}
	put("type", v.mediaType)
	put("charset", v.charset)
	put("language", strings.Join(v.languages, ","))
	put("encoding", v.encoding)
	if v.found == nil || v.found.Handler == "" {
		if length := v.length(n.dir); length >= 0 {
			put("length", strconv.FormatInt(length, 10))
		}
	}
	b.WriteString("}")
	return b.String()
}

// listNote is where the page of a 300 or 406 response finds the list.
const listNote = "variant-list"

// storeList writes the list of variants for a page.
func (n *negotiation) storeList() {
	var b strings.Builder
	b.WriteString("Available variants:\n<ul>\n")
	for i := range n.variants {
		v := &n.variants[i]
		b.WriteString(`<li><a href="` + server.EscapeSegment(v.file) + `">` + server.EscapeHTML(v.file) + "</a> " + v.description)
		put := func(name, value string) {
			if value != "" {
				b.WriteString(", " + name + " " + value)
			}
		}
		put("type", v.mediaType)
		put("language", strings.Join(v.languages, ","))
		put("charset", v.charset)
		put("encoding", v.encoding)
		b.WriteString("</li>\n")
	}
	b.WriteString("</ul>\n")
	r := n.r
	if r.Main != nil {
		r = r.Main
	}
	r.Notes.Set(listNote, b.String())
}
