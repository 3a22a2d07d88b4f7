// Package proxy_html rewrites the links in pages that a proxy passes on
// (mod_proxy_html). It reads HTML as libxml2 does and writes it anew.
package proxy_html

import (
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

const inConfig = directives.InServer | directives.InDir

// Module is proxy_html_module.
var Module = server.Module{
	Name: "proxy_html_module",
	Directives: directives.Table{
		{Name: "ProxyHTMLEvents", In: inConfig, Usage: "Strings to be treated as scripting events",
			Set: slot.Iterate(func(c *config, _ *directives.Cmd, name string) error { c.events = append(c.events, name); return nil })},
		{Name: "ProxyHTMLLinks", In: inConfig, Usage: "Declare HTML Attributes", Set: slot.Iterate2((*config).addLink)},
		{Name: "ProxyHTMLURLMap", In: inConfig, Usage: "Map URL From To", Set: slot.Raw((*config).addRule)},
		{Name: "ProxyHTMLDoctype", In: inConfig, Usage: "(HTML|XHTML) [Legacy]", Set: slot.Take12((*config).setDoctype)},
		{Name: "ProxyHTMLFixups", In: inConfig, Usage: "Options are lowercase, dospath", Set: slot.Iterate((*config).addFixup)},
		{Name: "ProxyHTMLMeta", In: inConfig, Usage: "Fix META http-equiv elements",
			Set: slot.Flag(func(c *config, on bool) { c.meta = on })},
		{Name: "ProxyHTMLInterp", In: inConfig, Usage: "Support interpolation and conditions in URLMaps",
			Set: slot.Flag(func(c *config, on bool) { c.interp = on })},
		{Name: "ProxyHTMLExtended", In: inConfig, Usage: "Map URLs in Javascript and CSS",
			Set: slot.Flag(func(c *config, on bool) { c.extended = on })},
		{Name: "ProxyHTMLStripComments", In: inConfig, Usage: "Strip out comments",
			Set: slot.Flag(func(c *config, on bool) { c.stripComments = on })},
		{Name: "ProxyHTMLBufSize", In: inConfig, Usage: "Buffer size",
			NoOp: "memory grows with the script that is rewritten", Set: slot.Take1(checkSize)},
		{Name: "ProxyHTMLCharsetOut", In: inConfig, Usage: "Usage: ProxyHTMLCharsetOut charset",
			Set: slot.Take1(func(c *config, _ *directives.Cmd, name string) error { c.charsetOut = name; return nil })},
		{Name: "ProxyHTMLEnable", In: inConfig, Usage: "Enable proxy-html and xml2enc filters",
			Set: slot.Flag(func(c *config, on bool) { c.enabled = on })},
	},
	Hooks: []server.Hook{
		server.InsertFilter.Middle(insert).After("filter_module").When(slot.If(func(c *config) bool { return c.enabled })),
		server.PostConfig.Middle(adviseCharset),
	},
	OutputFilters: []*server.OutputFilter{filter},
}

var (
	elog = server.NewLog("proxy_html")
	slot = directives.NewDirSlot(merge)
)

type config struct {
	rules         []rule
	links         map[string][]string // attributes that hold a URL, by element
	events        []string            // attributes that hold a script
	doctype       string              // that pages begin with
	enforce       enforce             // what of pages is dropped
	xhtml         bool                // empty elements end with " />"
	lowercase     bool                // values are written in lower case
	dospath       bool                // and with / for \
	reset         bool                // what the sections around this one turned on does not hold
	charsetOut    string              // "*": that of the page
	meta          bool
	interp        bool
	extended      bool // scripts and styles are rewritten too
	stripComments bool
	enabled       bool
}

// merge copies Apache: a switch that was turned on around a section cannot be
// turned off in it but with ProxyHTMLFixups reset, and the rules of both come in
// the opposite order.
func merge(base, add config) config {
	c := add
	if c.links == nil {
		c.links = base.links
	}
	if c.events == nil {
		c.events = base.events
	}
	if c.charsetOut == "" {
		c.charsetOut = base.charsetOut
	}
	switch {
	case len(base.rules) > 0 && len(add.rules) > 0:
		c.rules = make([]rule, 0, len(base.rules)+len(add.rules))
		for _, from := range [][]rule{add.rules, base.rules} {
			for i := len(from) - 1; i >= 0; i-- {
				c.rules = append(c.rules, from[i])
			}
		}
	case len(add.rules) == 0:
		c.rules = base.rules
	}
	if c.doctype == "" {
		c.doctype, c.enforce = base.doctype, base.enforce
	}
	c.xhtml = c.xhtml || base.xhtml
	if add.reset {
		c.reset = false
		return c
	}
	c.lowercase = c.lowercase || base.lowercase
	c.dospath = c.dospath || base.dospath
	c.reset = base.reset
	c.meta = c.meta || base.meta
	c.extended = c.extended || base.extended
	c.interp = c.interp || base.interp
	c.stripComments = c.stripComments || base.stripComments
	c.enabled = c.enabled || base.enabled
	return c
}

func (c *config) addLink(_ *directives.Cmd, element, attribute string) error {
	if c.links == nil {
		c.links = map[string][]string{}
	}
	c.links[element] = append(c.links[element], attribute)
	return nil
}

func (c *config) addFixup(_ *directives.Cmd, word string) error {
	switch word {
	case "lowercase":
		c.lowercase = true
	case "dospath":
		c.dospath = true
	case "reset":
		c.reset = true
	}
	return nil // Apache accepts any word
}

// The document types that ProxyHTMLDoctype knows by name.
const (
	doctypeHTML        = "<!DOCTYPE html PUBLIC \"-//W3C//DTD HTML 4.01//EN\">\n"
	doctypeHTMLLegacy  = "<!DOCTYPE html PUBLIC \"-//W3C//DTD HTML 4.01 Transitional//EN\">\n"
	doctypeXHTML       = "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Strict//EN\" \"http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd\">\n"
	doctypeXHTMLLegacy = "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Transitional//EN\" \"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd\">\n"
)

// enforce says how a known document type changes pages.
type enforce uint8

const (
	anything enforce = iota
	legacy           // elements and attributes that HTML does not know are dropped
	strict           // and elements that are deprecated
)

func (c *config) setDoctype(_ *directives.Cmd, name, how string) error {
	old := strings.EqualFold(how, "legacy")
	c.enforce = map[bool]enforce{true: legacy, false: strict}[old]
	switch {
	case strings.EqualFold(name, "xhtml"):
		c.doctype, c.xhtml = map[bool]string{true: doctypeXHTMLLegacy, false: doctypeXHTML}[old], true
	case strings.EqualFold(name, "html"):
		c.doctype, c.xhtml = map[bool]string{true: doctypeHTMLLegacy, false: doctypeHTML}[old], false
	default:
		c.doctype, c.xhtml, c.enforce = name, how != "" && how[0]|0x20 == 'x', anything
	}
	return nil
}

// insert puts the filters into the chain, the one that finds out the character
// set before this one.
func insert(r *server.Request) {
	if m := r.Gen.MarkupCharset(); m != nil {
		m.Sniff(r)
	}
	r.AddOutputFilter(filter, nil)
}

// adviseCharset says at the start that pages are taken to be in ISO-8859-1.
func adviseCharset(g *server.Generation) error {
	if g.Board == nil && g.MarkupCharset() == nil {
		elog.Notice(nil).Msg("AH01425: I18n support in mod_proxy_html requires mod_xml2enc. Without it, " +
			"non-ASCII characters in proxied pages are likely to display incorrectly.")
	}
	return nil
}
