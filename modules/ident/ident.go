// Package ident asks clients' machines whose their connections are (mod_ident,
// RFC 1413), for %l of the log, REMOTE_IDENT of programs, expressions and
// rewriting. Nobody is asked before one of these wants to know.
package ident

import (
	"time"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is ident_module.
var Module = server.Module{
	Name: "ident_module",
	Directives: directives.Table{
		{Name: "IdentityCheck", In: directives.InServer | directives.InDir, Usage: "Enable identd (RFC 1413) user lookups - SLOW",
			Set: slot.Flag(func(c *config, on bool) { c.on = directives.Given(on) })},
		{Name: "IdentityCheckTimeout", In: directives.InServer | directives.InDir, Usage: "Identity check (RFC 1413) timeout duration (sec)",
			Set: slot.Take1(func(c *config, _ *directives.Cmd, arg string) error {
				c.timeout = directives.Given(time.Duration(int32(server.Atoi(arg))) * time.Second)
				return nil
			})},
	},
	// A log line may wait for the answer: such requests are not answered by the
	// loop of a wire engine, which hooks that are not plain see to.
	Hooks:         []server.Hook{server.Fixups.Last(func(*server.Request) server.Status { return server.Declined }).When(slot.If((*config).enabled))},
	RemoteLogname: logname,
}

var (
	slot = directives.NewDirSlot(merge)
	elog = server.NewLog("ident")
)

const standardTimeout = 30 * time.Second

type config struct {
	on      directives.Opt[bool]
	timeout directives.Opt[time.Duration] // of each wait; below 0: none
}

func (c *config) enabled() bool { return c.on.Else(false) }

// merge makes the standard timeout of two sections without one a given one, as
// Apache 2.4.71 does: it is laid over what holds around them.
func merge(base, add config) config {
	return config{
		on:      add.on.Or(base.on),
		timeout: directives.Given(add.timeout.Or(base.timeout).Else(standardTimeout)),
	}
}

// unknown is the name of a user whom nobody has told (FROM_UNKNOWN).
const unknown = "unknown"

// logname asks where IdentityCheck is on (ap_ident_lookup).
func logname(r *server.Request) string {
	c := slot.Of(r.Dir)
	if !c.enabled() {
		return ""
	}
	r.Unrepeatable()
	name, err := ask(r.Conn.Local, r.Conn.Remote, c.timeout.Else(standardTimeout))
	if err != nil {
		if err, ok := err.(failure); ok {
			elog.Crit(server.ServerSubject(r.Gen, r.Server)).Err(server.ErrnoOf(err.cause)).Msg(err.text)
		}
		return unknown
	}
	return name
}
