package info

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

// titled is a phase with the title that Apache's page gives it.
type titled struct{ title, phase string }

var startupHooks = []titled{
	{"Check Configuration", "check_config"}, {"Post Configuration", "post_config"}, {"Open Logs", "open_logs"}, {"Child Init", "child_init"},
}

var requestHooks = []titled{
	{"Post-Read Request", "post_read_request"}, {"Header Parse", "header_parser"}, {"Quick Handler", "quick_handler"},
	{"Pre-Translate Name", "pre_translate_name"}, {"Translate Name", "translate_name"}, {"Map to Storage", "map_to_storage"},
	{"Check Access", "access_checker_ex"}, {"Check Access (legacy)", "access_checker"}, {"Verify User ID", "check_user_id"},
	{"Verify User Access", "auth_checker"}, {"Check Type", "type_checker"}, {"Fixups", "fixups"}, {"Insert Filters", "insert_filter"},
	{"Content Handlers", "handler"}, {"Transaction Logging", "log_transaction"}, {"Insert Errors", "insert_error_filter"},
}

// hooks lists who takes part in each phase, in order. Phases that Apache's
// architecture has and this one has not are left out.
func (p *page) hooks() {
	mark := "#"
	if p.r.HasArgs {
		mark = "?"
	}
	for _, group := range []struct {
		name, title string
		list        []titled
	}{{"startup_hooks", "Startup Hooks", startupHooks}, {"request_hooks", "Request Hooks", requestHooks}} {
		p.printf("<h2><a name=\"%s\">%s</a></h2>\n<dl>", group.name, group.title)
		for _, t := range group.list {
			p.printf("<dt><strong>%s:</strong>\n <br /><tt>\n", t.title)
			for _, h := range p.r.Gen.HooksOf(t.phase) {
				p.printf("&nbsp;&nbsp; %02d <a href=\"%s%s\">%[3]s</a> <br/>", h.Order, mark, h.Module.SourceName())
			}
			p.WriteString("\n  </tt>\n</dt>\n")
		}
		p.WriteString("</dl>\n<hr />\n")
	}
}

// providers lists what modules bring for one another.
func (p *page) providers(modules []*server.Module) {
	groups := map[string][]string{}
	for _, m := range modules {
		for _, a := range m.Authn {
			groups["authn"] = append(groups["authn"], a.Name)
		}
		for _, a := range m.Authz {
			groups["authz"] = append(groups["authz"], a.Name)
		}
		if m.Socache != nil {
			groups["socache"] = append(groups["socache"], m.Socache.Name)
			if m.Socache.Name == server.DefaultSocache {
				groups["socache"] = append(groups["socache"], "default")
			}
		}
	}
	p.WriteString("<h2><a name=\"providers\">Providers</a></h2>\n<dl>")
	for _, g := range []string{"authn", "authz", "socache"} {
		names := groups[g]
		if names == nil {
			continue
		}
		slices.Sort(names)
		p.printf("<dt><strong>%s</strong> (version <tt>0</tt>):\n <br />\n", g)
		for _, n := range names {
			p.printf("<tt>&nbsp;&nbsp;%s</tt><br/>", server.EscapeHTML(n))
		}
		p.WriteString("\n</dt>\n")
	}
	p.WriteString("</dl>\n<hr />\n")
}

// settings is what -V shows, and the server that was asked. In place of the
// versions of APR and PCRE stands that of Go.
func (p *page) settings() {
	g, core := p.r.Gen, server.CoreServer.Of(p.r.Server)
	big := func(title, value string) {
		p.printf("<dt><strong>%s:</strong> <font size=\"+1\"><tt>%s</tt></font></dt>\n", title, server.EscapeHTML(value))
	}
	row := func(title, format string, args ...any) {
		p.printf("<dt><strong>%s:</strong> <tt>%s</tt></dt>\n", title, server.EscapeHTML(fmt.Sprintf(format, args...)))
	}
	p.WriteString("<h2><a name=\"server\">Server Settings</a></h2><dl>")
	big("Server Version", g.Banner())
	big("Server Built", server.Built)
	row("Compiled with Go Version", "%s", runtime.Version())
	if b, ok := debug.ReadBuildInfo(); ok && b.Main.Version != "" {
		row("Compiled Module Version", "%s", b.Main.Version)
	}
	row("Module Magic Number", "20120211:142")
	row("Hostname/port", "%s:%d", p.r.ServerName(), p.r.ServerPort())
	p.printf("<dt><strong>Timeouts:</strong> <tt>connection: %d &nbsp;&nbsp; keep-alive: %d</tt></dt>",
		core.Timeout.Else(server.DefaultTimeout)/time.Second, core.KeepAliveTimeout.Else(server.DefaultKeepAliveTimeout)/time.Second)
	name, children := "event", 0
	for _, m := range g.Modules {
		if n, ok := strings.CutPrefix(m.Name, "mpm_"); ok {
			name = strings.TrimSuffix(n, "_module")
		}
	}
	if g.Board != nil {
		children = g.Board.Totals().Processes
	}
	row("MPM Name", "%s", name)
	row("MPM Information", "Max Daemons: %d Threaded: yes Forked: yes", children)
	row("Server Architecture", "%d-bit", 32<<(^uint(0)>>63))
	row("Server Root", "%s", server.CoreServer.Of(g.Config.Main).ServerRoot)
	if n := g.Config.Tree.Nodes; len(n) > 0 {
		row("Config File", "%s", n[0].Pos.File)
	}
	p.WriteString("<dt><strong>Server Built With:</strong>\n<tt style=\"white-space: pre;\">\n")
	for _, d := range server.BuiltWith {
		p.printf(" -D %s\n", server.EscapeHTML(d))
	}
	p.WriteString("</tt></dt>\n</dl><hr />")
}
