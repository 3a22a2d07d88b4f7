package proxy_html

import (
	"bytes"
	"slices"
	"strings"

	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/charset"
)

var filter = &server.OutputFilter{Name: "proxy-html", Level: server.ResourceLevel}

// init, because the filter is known by name to what it runs.
func init() { filter.Run = run }

// page is a response that is being read and written anew.
type page struct {
	*config
	r      *server.Request
	link   *server.Link
	parser *parser
	decode *charset.Text // nil: it is UTF-8
	rules  []rule
	script []byte // of an element whose end has not come
	out    []byte
	err    error // of the filters behind
}

// force is the variable that has responses rewritten which are no proxy's.
const force = "PROXY_HTML_FORCE"

// unwanted says why a response is passed on as it is, "" for one that is rewritten.
func unwanted(r *server.Request, c *config) string {
	why := ""
	if !r.Env.Has(force) {
		t := server.LowerASCII(r.ContentType)
		switch {
		case !r.Proxied:
			why = "Non-proxy request; not inserting proxy-html filter"
		case t == "":
			why = "No content-type; bailing out of proxy-html filter"
		case !strings.HasPrefix(t, "text/html") && !strings.HasPrefix(t, "application/xhtml+xml"):
			why = "Non-HTML content; not inserting proxy-html filter"
		}
	}
	if c.links == nil {
		why = "No links configured: nothing for proxy-html filter to do"
	}
	return why
}

func run(l *server.Link, b *server.Brigade) error {
	p, ok := l.State.(*page)
	if !ok {
		c := slot.Of(l.R.Dir)
		if why := unwanted(l.R, c); why != "" {
			elog.Trace(1, l.R).Msg(why)
			l.Remove()
			return l.Pass(b)
		}
		p = &page{config: c, r: l.R, link: l}
		l.State = p
		l.R.Out.Unset("Content-Length")
		p.rules = c.rulesFor(l.R)
	}
	for _, k := range b.Buckets {
		if err := k.Pieces(p.take); err != nil {
			return err
		}
	}
	if b.EOS && p.parser != nil {
		p.parser.finish()
	}
	if b.EOS || b.Flush && p.parser != nil {
		p.flush(&server.Brigade{Flush: b.Flush, EOS: b.EOS})
	}
	return p.err
}

// take reads a piece of the page.
func (p *page) take(text []byte) error {
	if p.parser == nil {
		text = p.begin(text)
	}
	if p.decode != nil {
		text = p.decode.Convert(text)
	}
	p.parser.write(text)
	return p.err
}

// begin looks at the first piece: which character set, and the meta elements.
// It gives what there is to parse.
func (p *page) begin(text []byte) []byte {
	r := p.r
	p.parser = &parser{to: p}
	m := r.Gen.MarkupCharset()
	r.ContentType = "text/html;charset=utf-8"
	var set, name string
	ok := false
	if m != nil {
		set, name, ok = m.Found(r)
	} else {
		elog.Warn(r).Msg("AH01422: No i18n support found.  Install mod_xml2enc if required")
	}
	switch {
	case !ok:
		p.parser.unknown = true
	case p.charsetOut != "":
		if p.charsetOut != "*" {
			name = p.charsetOut
		}
		m.Encode(r, name)
		r.ContentType = "text/html;charset=" + name
	}
	if set != "" && set != "UTF-8" {
		p.decode, _ = charset.ToUTF8(set) // one of those that libxml2 reads
	}
	p.write(p.doctype)
	if p.meta {
		if from, to, found := fixMeta(r, text); found {
			text = append(bytes.Clone(text[:from]), text[to:]...)
		}
	}
	return text
}

// writeBuffer is how much is gathered before it is passed on, as ap_fwrite does.
const writeBuffer = 8000

func (p *page) write(s string) {
	if len(p.out)+len(s) > writeBuffer && len(p.out) > 0 {
		p.flush(&server.Brigade{})
	}
	p.out = append(p.out, s...)
}

func (p *page) flush(b *server.Brigade) {
	if len(p.out) > 0 {
		b.Buckets = []server.Bucket{{Mem: p.out}}
		p.out = nil
	}
	if err := p.link.Pass(b); err != nil && p.err == nil {
		p.err = err
	}
}

// escaped writes text with what has a meaning in HTML as references.
func (p *page) escaped(s []byte) {
	for {
		i := bytes.IndexAny(s, `&<>"`)
		if i < 0 {
			p.write(string(s))
			return
		}
		p.write(string(s[:i]))
		p.write(map[byte]string{'&': "&amp;", '<': "&lt;", '>': "&gt;", '"': "&quot;"}[s[i]])
		s = s[i+1:]
	}
}

func (p *page) characters(text []byte) { p.escaped(text) }

func (p *page) cdata(text []byte) {
	if p.extended {
		p.script = append(p.script, text...)
	} else {
		p.write(string(text))
	}
}

func (p *page) comment(text []byte) {
	switch {
	case p.stripComments:
	case p.extended:
		p.script = append(append(append(p.script, "<!--"...), text...), "-->"...)
	default:
		p.write("<!--" + string(text) + "-->")
	}
}

// dropped tells whether an element is none of the document type.
func (p *page) dropped(name string) bool {
	e, known := elements[name]
	return p.enforce != anything && !known || p.enforce == strict && e.deprecated
}

func (p *page) endElement(name string) {
	if p.dropped(name) {
		return
	}
	if len(p.script) > 0 {
		text := string(p.script)
		if nul := strings.IndexByte(text, 0); nul >= 0 {
			text = text[:nul]
		}
		p.write(inScript(p.r, p.rules, text))
		p.script = p.script[:0]
	}
	if !elements[name].empty {
		p.write("</" + name + ">")
	}
}

func (p *page) startElement(name string, attrs []attr) {
	if p.dropped(name) {
		if p.enforce == legacy {
			elog.Debug(p.r).Msgf("AH01417: Deprecated HTML element %s dropped", name)
		} else {
			elog.Debug(p.r).Msgf("AH01416: Bogus HTML element %s dropped", name)
		}
		return
	}
	e := elements[name]
	p.write("<" + name)
	required := len(e.required)
	for _, a := range attrs {
		if p.enforce != anything {
			switch {
			case slices.Contains(e.required, a.name):
				required--
			case p.enforce == legacy && slices.Contains(e.former, a.name):
				elog.Debug(p.r).Msgf("AH01419: Deprecated HTML attribute %s of %s dropped", a.name, name)
				continue
			case !slices.Contains(e.optional, a.name):
				elog.Debug(p.r).Msgf("AH01418: Bogus HTML attribute %s of %s dropped", a.name, name)
				continue
			}
		}
		p.attribute(name, a)
	}
	// What was kept of comments in front of the element is lost, as in Apache.
	p.script = p.script[:0]
	if e.empty && p.xhtml {
		p.write(" />")
	} else {
		p.write(">")
	}
	if p.enforce != anything && required > 0 {
		elog.Debug(p.r).Msgf("AH01420: HTML element %s is missing %d required attributes", name, required)
	}
}

func (p *page) attribute(element string, a attr) {
	if a.bare {
		p.write(" " + a.name)
		return
	}
	v := string(a.value)
	switch {
	case slices.Contains(p.links[element], a.name):
		v = inLink(p.r, p.rules, v)
	case p.extended && slices.Contains(p.events, a.name):
		v = inEvent(p.r, p.rules, v)
	}
	if p.lowercase {
		v = server.LowerASCII(v)
	}
	if p.dospath {
		v = strings.ReplaceAll(v, `\`, "/")
	}
	p.write(" " + a.name + `="`)
	p.escaped([]byte(v))
	p.write(`"`)
}
