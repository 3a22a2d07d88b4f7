// Package info is mod_info: a page about the modules, the configuration and the
// hooks of the server, for its administrator.
package info

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is info_module.
var Module = server.Module{
	Name: "info_module",
	Directives: directives.Table{
		{Name: "AddModuleInfo", In: directives.InServer, Usage: "a module name and additional information on that module",
			Set: slot.Take2(func(c *config, _ *directives.Cmd, module, text string) error {
				c.more = append(c.more, note{module, text})
				return nil
			})},
	},
	Hooks: []server.Hook{server.Handler.Named("server-info", handle).Harmless()},
}

var slot = directives.NewServerSlot(func(base, add config) config {
	return config{more: directives.Append(add.more, base.more)}
})

type config struct{ more []note }

// note is what AddModuleInfo says of a module; the first one counts.
type note struct{ module, text string }

// page is the answer under way.
type page struct {
	bytes.Buffer
	r    *server.Request
	file string // that the last line of configuration was of
}

func (p *page) printf(format string, args ...any) { fmt.Fprintf(&p.Buffer, format, args...) }

func handle(r *server.Request) server.Status {
	r.Allowed |= server.MethodBit("GET")
	if r.Method != "GET" && r.Method != "HEAD" {
		return server.Declined
	}
	r.ContentType = "text/html; charset=ISO-8859-1"
	p := &page{r: r}
	p.WriteString("<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Transitional//EN\"\n" +
		"\"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd\">\n<html xmlns=\"http://www.w3.org/1999/xhtml\">\n" +
		"<head>\n  <title>Server Information</title>\n</head>\n" +
		"<body><h1 style=\"text-align: center\">Apache Server Information</h1>\n")
	modules := slices.Clone(r.Gen.Modules)
	slices.SortFunc(modules, func(a, b *server.Module) int { return strings.Compare(a.SourceName(), b.SourceName()) })
	asked := func(name string) bool { return r.HasArgs && strings.EqualFold(r.Args, name) }
	if asked("list") {
		p.list(modules)
	} else {
		p.sections(modules, asked)
	}
	p.WriteString(r.Signature(""))
	p.WriteString("</body></html>\n")
	r.Write(p.Bytes())
	return server.OK
}

func (p *page) list(modules []*server.Module) {
	p.WriteString("<dl><dt>Server Module List</dt>")
	for _, m := range modules {
		p.printf("<dd>%s</dd>", m.SourceName())
	}
	p.WriteString("</dl><hr />")
}

// sections is the part that a query names, or without a query all but the
// configuration as a whole.
func (p *page) sections(modules []*server.Module, asked func(string) bool) {
	all := !p.r.HasArgs
	if all {
		p.contents(modules)
	}
	if all || asked("server") {
		p.settings()
	}
	if all || asked("hooks") {
		p.hooks()
	}
	if all || asked("providers") {
		p.providers(modules)
	}
	if asked("config") {
		p.WriteString("<dl><dt><strong>Configuration:</strong>\n")
		p.configuration(nil)
		p.WriteString("</dl><hr />")
		return
	}
	for _, m := range modules {
		if all || asked(m.SourceName()) {
			p.module(m)
		}
	}
}

func (p *page) contents(modules []*server.Module) {
	p.WriteString("<dl><dt><tt>Subpages:<br />")
	p.links("?", [][2]string{{"config", "Configuration Files"}, {"server", "Server Settings"}, {"list", "Module List"},
		{"hooks", "Active Hooks"}, {"providers", "Available Providers"}})
	p.WriteString("</tt></dt></dl><hr /><dl><dt><tt>Sections:<br />")
	p.links("#", [][2]string{{"modules", "Loaded Modules"}, {"server", "Server Settings"}, {"startup_hooks", "Startup Hooks"},
		{"request_hooks", "Request Hooks"}, {"other_hooks", "Other Hooks"}, {"providers", "Providers"}})
	p.WriteString("</tt></dt></dl><hr /><h2><a name=\"modules\">Loaded Modules</a></h2><dl><dt><tt>")
	for _, m := range modules {
		p.printf("<a href=\"#%s\">%[1]s</a>, ", m.SourceName())
	}
	p.WriteString("</tt></dt></dl><hr />")
}

func (p *page) links(prefix string, list [][2]string) {
	for i, l := range list {
		if i > 0 {
			p.WriteString(", ")
		}
		p.printf("<a href=\"%s%s\">%s</a>", prefix, l[0], l[1])
	}
}
