package dav

import (
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// asked is what a PROPFIND wants to know.
type asked struct {
	what      wanted
	doc       *document // nil without a body
	discovery bool      // of locks
}

type wanted uint8

const (
	allProperties wanted = iota
	onlyNames
	named
	supported // for OPTIONS
)

// properties reads the properties of one resource.
type properties struct {
	m        *method
	r        *server.Request
	res      *server.DavResource
	dead     server.DavPropertyDB // nil for none, or not asked yet, see stored
	read     bool
	prefixes map[string]string // by namespace, see deadPrefix
	told     bool              // a stored property was answered: then their namespaces are declared
	db       server.DavLockDB
	sub      *server.Request // tells the content's type and language
	ask      *asked
}

// result is what comes of it: propstat elements, and the namespaces in them.
type result struct{ propstats, spaces string }

// Properties of mod_dav itself. Those without a value here can be stored.
var coreProperties = []server.DavLiveProperty{
	{Space: davSpace, Name: "resourcetype", Prefix: "lp1"},
	{Space: davSpace, Name: "supportedlock", Prefix: "D"},
	{Space: davSpace, Name: "lockdiscovery", Prefix: "D"},
	{Space: davSpace, Name: "getcontenttype", Prefix: "D"},
	{Space: davSpace, Name: "getcontentlanguage", Prefix: "D"},
}

// core is the value of a property of mod_dav itself.
func (p *properties) core(name string) (value string, ok bool) {
	switch name {
	case "resourcetype":
		if p.res.Collection {
			return "<D:collection/>", true
		}
		return "", true
	case "supportedlock":
		return "\n" + lockEntry("exclusive") + lockEntry("shared"), true
	case "lockdiscovery":
		if !p.ask.discovery {
			return "", true
		}
		locks, err := p.db.Locks(p.res, true)
		if err != nil {
			return "", false
		}
		return activeLocks(locks), true
	case "getcontenttype":
		t := p.content().ContentType
		return server.EscapeXML(t), t != ""
	case "getcontentlanguage":
		v, ok := p.content().Out.Lookup("Content-Language")
		return server.EscapeXML(v), ok
	}
	return "", false
}

func lockEntry(scope string) string {
	return "<D:lockentry>\n<D:lockscope><D:" + scope + "/></D:lockscope>\n<D:locktype><D:write/></D:locktype>\n</D:lockentry>\n"
}

func (p *properties) content() *server.Request {
	if p.sub == nil {
		p.sub = p.r.SubRequestURI(server.EscapePath(p.res.URI))
	}
	return p.sub
}

// live finds a property that follows from the resource; known says that there is
// one of that name, whether the resource has it or not.
func (p *properties) live(name server.DavName) (prop server.DavLiveProperty, value string, ok, known bool) {
	for _, c := range coreProperties {
		if c.Space == name.Space && c.Name == name.Name {
			value, ok = p.core(c.Name)
			return c, value, ok, true
		}
	}
	for _, l := range p.m.repo.Live() {
		if l.Space == name.Space && l.Name == name.Name {
			value, ok = p.m.repo.LiveValue(p.r, p.res, l)
			return l, value, ok, true
		}
	}
	return prop, "", false, false
}

// text is a property as an element.
func (p *properties) text(l server.DavLiveProperty, value string) string {
	switch {
	case p.ask.what == supported && l.Prefix == "D":
		return "<D:supported-live-property D:name=\"" + l.Name + "\"/>\n"
	case p.ask.what == supported:
		return "<D:supported-live-property D:name=\"" + l.Name + "\" D:namespace=\"" + l.Space + "\"/>\n"
	case p.ask.what == onlyNames || value == "":
		return "<" + l.Prefix + ":" + l.Name + "/>\n"
	}
	return "<" + l.Prefix + ":" + l.Name + ">" + value + "</" + l.Prefix + ":" + l.Name + ">\n"
}

// stored opens the clients' own properties with the first question about them.
// What cannot be opened holds none.
func (p *properties) stored() server.DavPropertyDB {
	if !p.read {
		p.read = true
		p.dead, _ = p.m.provider.Properties.Read(p.res)
	}
	return p.dead
}

// all are all properties, or their names.
func (p *properties) all() string {
	var b strings.Builder
	had := map[string]bool{}
	if p.ask.what != supported && p.stored() != nil {
		for _, name := range p.dead.Names() {
			lang, value, ok := p.dead.Get(name)
			if !ok {
				continue
			}
			if p.ask.what == onlyNames {
				lang, value = "", ""
			}
			b.WriteString(p.deadText(name, lang, value))
			had[name.Name] = had[name.Name] || name.Space == davSpace
		}
	}
	core := func(l server.DavLiveProperty) {
		if had[l.Name] {
			return
		}
		if value, ok := p.core(l.Name); ok {
			b.WriteString(p.text(l, value))
		}
	}
	core(coreProperties[0])
	for _, l := range p.m.repo.Live() {
		if value, ok := p.m.repo.LiveValue(p.r, p.res, l); ok {
			b.WriteString(p.text(l, value))
		}
	}
	for _, l := range coreProperties[1:] {
		core(l)
	}
	return b.String()
}

const liveSpaces = ` xmlns:lp1="DAV:" xmlns:lp2="http://apache.org/dav/props/"`

// result is the answer to a PROPFIND.
func (p *properties) result() result {
	if p.ask.what != named {
		text := propstat(p.all(), "200 OK")
		p.told = true
		return result{text, p.deadSpaces() + liveSpaces}
	}
	return p.named()
}

func (p *properties) named() result {
	var good, bad, spaces, more strings.Builder
	marked := map[string]bool{}
	absent := map[string]string{}
	for _, e := range p.ask.doc.root.child("prop").children {
		name := server.DavName{Space: p.ask.doc.uri(e), Name: e.name}
		if l, value, ok, _ := p.live(name); ok {
			good.WriteString(p.text(l, value))
			// Apache declares all namespaces of the module that the property is of.
			if l.Prefix != "D" && !marked["lp1"] {
				marked["lp1"] = true
				spaces.WriteString(` xmlns:lp1="` + davSpace + `"`)
			}
			if l.Prefix != "D" && l.Name != "resourcetype" && !marked["lp2"] {
				marked["lp2"] = true
				spaces.WriteString(` xmlns:lp2="http://apache.org/dav/props/"`)
			}
			continue
		}
		if db := p.stored(); db != nil {
			if lang, value, ok := db.Get(name); ok {
				p.told = true
				good.WriteString(p.deadText(name, lang, value))
				continue
			}
		}
		if name.Space == "" {
			bad.WriteString("<" + name.Name + "/>\n")
			continue
		}
		prefix := ""
		if p.told {
			prefix = p.deadPrefix(name.Space)
		}
		if prefix == "" {
			if prefix = absent[name.Space]; prefix == "" {
				prefix = "g" + strconv.Itoa(len(absent))
				absent[name.Space] = prefix
				more.WriteString(" xmlns:" + prefix + `="` + quoteXML(name.Space) + `"`)
			}
		}
		bad.WriteString("<" + prefix + ":" + name.Name + "/>\n")
	}
	text := ""
	if good.Len() > 0 || bad.Len() == 0 {
		text = propstat(good.String(), "200 OK")
	}
	if bad.Len() > 0 {
		text += propstat(bad.String(), "404 Not Found")
	}
	return result{text, spaces.String() + p.deadSpaces() + more.String()}
}

// deadSpaces declares the namespaces of the stored properties.
func (p *properties) deadSpaces() string {
	if p.dead == nil || !p.told {
		return ""
	}
	var b strings.Builder
	for i, uri := range p.dead.Spaces() {
		if uri != "" {
			b.WriteString(" xmlns:ns" + strconv.Itoa(i) + `="` + quoteXML(uri) + `"`)
		}
	}
	return b.String()
}

// deadPrefix is the prefix of a namespace of the stored properties; "" for another.
func (p *properties) deadPrefix(space string) string {
	if p.prefixes == nil {
		p.prefixes = map[string]string{}
		if p.dead != nil {
			spaces := p.dead.Spaces()
			for i := len(spaces) - 1; i >= 0; i-- {
				p.prefixes[spaces[i]] = "ns" + strconv.Itoa(i)
			}
		}
	}
	return p.prefixes[space]
}

func (p *properties) deadText(name server.DavName, lang, value string) string {
	tag := name.Name
	if name.Space != "" {
		tag = p.deadPrefix(name.Space) + ":" + tag
	}
	if value == "" {
		return "<" + tag + "/>\n"
	}
	if lang != "" {
		return "<" + tag + ` xml:lang="` + quoteXML(lang) + `">` + value + "</" + tag + ">\n"
	}
	return "<" + tag + ">" + value + "</" + tag + ">\n"
}
