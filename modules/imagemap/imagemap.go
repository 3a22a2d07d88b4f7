// Package imagemap answers a click on an image with the URL that a map file has
// for its place, or shows the map as a menu (mod_imagemap).
package imagemap

import (
	"os"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is imagemap_module.
var Module = server.Module{
	Name: "imagemap_module",
	Directives: directives.Table{
		{Name: "ImapMenu", In: directives.Indexes, Usage: "the type of menu generated: none, formatted, semiformatted, unformatted",
			Set: slot.Take1(func(c *config, _ *directives.Cmd, v string) error { c.menu = directives.Given(v); return nil })},
		{Name: "ImapDefault", In: directives.Indexes, Usage: "the action taken if no match: error, nocontent, referer, menu, URL",
			Set: slot.Take1(func(c *config, _ *directives.Cmd, v string) error { c.fallback = directives.Given(v); return nil })},
		{Name: "ImapBase", In: directives.Indexes, Usage: "the base for all URL's: map, referer, URL (or start of)",
			Set: slot.Take1(func(c *config, _ *directives.Cmd, v string) error { c.base = directives.Given(v); return nil })},
	},
	Hooks: []server.Hook{
		server.Handler.Named("application/x-httpd-imap", handle),
		server.Handler.Named("imap-file", handle),
	},
}

var elog = server.NewLog("imagemap")

var slot = directives.NewDirSlot(func(base, add config) config {
	return config{add.menu.Or(base.menu), add.fallback.Or(base.fallback), add.base.Or(base.base)}
})

type config struct{ menu, fallback, base directives.Opt[string] }

func handle(r *server.Request) server.Status {
	if r.Method != "GET" && r.Method != "HEAD" {
		return server.Declined
	}
	text, err := os.ReadFile(r.Filename)
	if err != nil {
		return 404
	}
	c := slot.Of(r.Dir)
	m := &mapFile{r: r, at: click(r.Args)}
	var ok bool
	if m.base, ok = m.url("", c.base.Else("map")); !ok {
		return 500
	}
	if m.fallback, ok = m.url("", c.fallback.Else("nocontent")); !ok {
		return 500
	}
	if m.menu.kind = strings.ToLower(c.menu.Else("formatted")); !m.at.known && !strings.HasPrefix(m.menu.kind, "no") {
		m.menu.r = r
		m.menu.head(r.URI)
	}
	to, s := m.read(string(text))
	switch {
	case m.menu.r != nil && s != server.OK:
		m.menu.write("\n\n[an internal server error occured]\n")
		m.menu.foot()
		return server.OK
	case m.menu.r != nil:
		m.menu.foot()
		return server.OK
	case s != server.OK:
		return s
	}
	return reply(r, to)
}

// reply sends the client to a URL, or does what a word says.
func reply(r *server.Request, to string) server.Status {
	switch {
	case to == "", strings.EqualFold(to, "error"):
		return 500
	case strings.EqualFold(to, "nocontent"):
		return 204
	}
	r.Out.Set("Location", to)
	return 302
}
