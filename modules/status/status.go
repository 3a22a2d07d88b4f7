// Package status is mod_status: a page about the server as the scoreboard shows
// it, for people (HTML) and for programs (?auto). It has no directives of its
// own; ExtendedStatus, which it turns on, is the core's.
package status

import (
	"bytes"
	"html/template"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is status_module.
var Module = server.Module{
	Name: "status_module",
	Hooks: []server.Hook{
		server.Handler.Named("server-status", handle),
		server.Handler.Named("application/x-httpd-status", handle),
	},
	Defaults: func(main *directives.Server) { server.CoreServer.EditServer(main).ExtendedStatus = true },
}

// defaultRefresh is what ?refresh without a number of seconds asks for.
const defaultRefresh = 10

func handle(r *server.Request) server.Status {
	if r.Gen.Board == nil {
		elog.Error(r).Msg("AH01237: Server status unavailable in inetd mode")
		return 500
	}
	r.Allowed = server.MethodBit("GET")
	if r.Method != "GET" && r.Method != "HEAD" {
		return server.Declined
	}
	// As in Apache, an option counts wherever it stands in the query.
	if _, value, ok := strings.Cut(r.Args, "refresh"); ok {
		seconds := 0
		if value, ok = strings.CutPrefix(value, "="); ok {
			seconds = leadingNumber(value)
		}
		if seconds < 1 {
			seconds = defaultRefresh
		}
		r.Out.Set("Refresh", strconv.Itoa(seconds))
	}
	now := time.Now()
	rep := &report{
		Server:   r.ServerName(),
		LocalIP:  r.Conn.LocalIP,
		Now:      now,
		Totals:   r.Gen.Board.Totals(),
		Extended: server.CoreServer.Of(r.Gen.Config.Main).ExtendedStatus,
		Details:  !strings.Contains(r.Args, "notable"),
		MPM:      mpm(r.Gen),
		Footer:   r.Signature("<hr />\n"),
	}
	rep.read(r.Gen.Board)
	rep.load()
	short := strings.Contains(r.Args, "auto")
	var more strings.Builder
	for _, m := range r.Gen.Modules {
		if m.StatusPage != nil {
			more.WriteString(m.StatusPage(r, short))
		}
	}
	rep.More = template.HTML(more.String())
	var b bytes.Buffer
	if short {
		r.ContentType = "text/plain; charset=ISO-8859-1"
		rep.auto(&b)
		b.WriteString(more.String())
	} else {
		r.ContentType = "text/html; charset=ISO-8859-1"
		rep.page(&b)
	}
	r.Write(b.Bytes()) //nolint:errcheck // the connection's loss is noted there
	return server.OK
}

// leadingNumber is atol: what is no digit ends it.
func leadingNumber(s string) int {
	n := 0
	for _, c := range []byte(s) {
		if c < '0' || c > '9' || n > 1<<30 {
			break
		}
		n = n*10 + int(c-'0')
	}
	return n
}

// mpm is the multi-processing module that the configuration names.
func mpm(g *server.Generation) string {
	for _, m := range g.Modules {
		if name, ok := strings.CutPrefix(m.Name, "mpm_"); ok {
			return strings.TrimSuffix(name, "_module")
		}
	}
	return "event"
}

// load reads the system's load averages; they stay 0 where it does not tell.
func (rep *report) load() {
	var si unix.Sysinfo_t
	if unix.Sysinfo(&si) == nil {
		for i, l := range si.Loads {
			rep.Loads[i] = float64(l) / 65536
		}
	}
}

var elog = server.NewLog("status")
