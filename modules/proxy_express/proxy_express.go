// Package proxy_express finds the backend of a host in a database
// (mod_proxy_express): a line for a virtual host instead of a section.
package proxy_express

import (
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/dbm"
)

// Module is proxy_express_module.
var Module = server.Module{
	Name: "proxy_express_module",
	Directives: directives.Table{
		{Name: "ProxyExpressEnable", In: directives.FileInfo, Usage: "Enable the ProxyExpress functionality",
			Set: slot.Flag(func(c *config, on bool) { c.enabled = directives.Given(on) })},
		{Name: "ProxyExpressDBMFile", In: directives.FileInfo, Reads: directives.InJail, Usage: "Location of ProxyExpressDBMFile file",
			Set: slot.Take1(setFile)},
		{Name: "ProxyExpressDBMType", In: directives.FileInfo, Usage: "Type of ProxyExpressDBMFile file",
			Set: slot.Take1(func(c *config, _ *directives.Cmd, kind string) error { c.kind = directives.Given(kind); return nil })},
	},
	Hooks: []server.Hook{server.TranslateName.First(translate).Plain()},
}

var elog = server.NewLog("proxy_express")

type config struct {
	enabled directives.Opt[bool]
	file    string
	kind    directives.Opt[string]
}

var slot = directives.NewServerSlot(func(base, add config) config {
	m := config{add.enabled.Or(base.enabled), add.file, add.kind.Or(base.kind)}
	if m.file == "" {
		m.file = base.file
	}
	return m
})

func setFile(c *config, cmd *directives.Cmd, file string) error {
	c.file = cmd.InJail(cmd.ServerRootRelative(file))
	return nil
}

// translate looks the request's host up (xlate_name).
func translate(r *server.Request) server.Status {
	c := slot.Of(r.Server)
	if !c.enabled.Else(false) {
		return server.Declined
	}
	r.Unrepeatable()
	elog.Debug(r).Msg("AH01001: proxy_express: Enabled")
	if c.file == "" || strings.HasPrefix(r.Filename, "proxy:") {
		return server.Declined
	}
	kind := c.kind.Else(dbm.Default)
	elog.Debug(r).Msgf("AH01002: proxy_express: Opening DBM file: %s (%s)", c.file, kind)
	name := r.ServerName()
	backend, ok, err := dbm.Fetch(kind, c.file, name)
	if err != nil {
		return server.Declined
	}
	elog.Debug(r).Msgf("AH01003: proxy_express: looking for %s", name)
	if !ok {
		return server.Declined
	}
	elog.Debug(r).Msgf("AH01004: proxy_express: found %s -> %s", name, backend)
	r.Filename = "proxy:" + backend + r.URI
	r.Handler, r.Proxied = "proxy-server", true
	elog.Debug(r).Msgf("AH01005: proxy_express: rewritten as: %s", r.Filename)
	server.ProxyMoreReverse.Set(r, &server.ProxyReverse{Fake: "/", Real: backend})
	elog.Debug(r).Msg("AH01006: proxy_express: adding PPR entry")
	return server.OK
}
