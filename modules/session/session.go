// Package session keeps data of a client between its requests (mod_session).
// Where it is kept is the matter of other modules: in a cookie or in a database.
package session

import (
	"errors"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is session_module.
var Module = server.Module{
	Name: "session_module",
	Directives: directives.Table{
		{Name: "Session", In: anywhere, Usage: "on if a session should be maintained for these URLs",
			Set: slot.Flag(func(c *config, on bool) { c.enabled = directives.Given(on) })},
		{Name: "SessionMaxAge", In: anywhere, Usage: "length of time for which a session should be valid. Zero to disable",
			Set: slot.Take1(func(c *config, _ *directives.Cmd, n string) error { c.maxAge = directives.Given(atol(n)); return nil })},
		{Name: "SessionHeader", In: anywhere, Usage: "output header, if present, whose contents will be injected into the session.",
			Set: slot.Take1(func(c *config, _ *directives.Cmd, name string) error { c.header = directives.Given(name); return nil })},
		{Name: "SessionEnv", In: anywhere, Usage: "on if a session should be written to the CGI environment. Defaults to off",
			Set: slot.Flag(func(c *config, on bool) { c.env = directives.Given(on) })},
		{Name: "SessionInclude", In: anywhere, Usage: "URL prefixes to include in the session. Defaults to all URLs",
			Set: slot.Take1(func(c *config, _ *directives.Cmd, p string) error { c.includes = append(c.includes, p); return nil })},
		{Name: "SessionExclude", In: anywhere, Usage: "URL prefixes to exclude from the session. Defaults to no URLs",
			Set: slot.Take1(func(c *config, _ *directives.Cmd, p string) error { c.excludes = append(c.excludes, p); return nil })},
		{Name: "SessionExpiryUpdateInterval", In: anywhere,
			Usage: "time interval for which a session's expiry time may change without having to be rewritten. Zero to disable",
			Set:   slot.Take1((*config).setInterval)},
	},
	Hooks: []server.Hook{
		server.InsertFilter.Middle(insertFilter).When(slot.If((*config).on)),
		server.InsertErrorFilter.Middle(insertFilter).When(slot.If((*config).on)),
		server.Fixups.Middle(fixup).When(slot.If((*config).on)),
	},
	OutputFilters: []*server.OutputFilter{save},
	Session:       load,
}

// anywhere is RSRC_CONF|OR_AUTHCFG.
const anywhere = directives.InServer | directives.AuthConfig

var (
	slot = directives.NewDirSlot(merge)
	elog = server.NewLog("session")
)

type config struct {
	enabled  directives.Opt[bool]
	maxAge   directives.Opt[int64] // seconds; 0: no limit
	header   directives.Opt[string]
	env      directives.Opt[bool]
	includes []string
	excludes []string
	interval directives.Opt[int64] // microseconds; 0: every change of the expiry is written
}

func merge(base, add config) config {
	return config{
		enabled:  add.enabled.Or(base.enabled),
		maxAge:   add.maxAge.Or(base.maxAge),
		header:   add.header.Or(base.header),
		env:      add.env.Or(base.env),
		includes: directives.Append(base.includes, add.includes),
		excludes: directives.Append(base.excludes, add.excludes),
		interval: add.interval.Or(base.interval),
	}
}

func (c *config) on() bool { return c.enabled.Else(false) }

func (c *config) setInterval(_ *directives.Cmd, text string) error {
	n := atol(text)
	if n < 0 {
		return errors.New("SessionExpiryUpdateInterval must be zero (disable) or a positive value")
	}
	c.interval = directives.Given(n * second)
	return nil
}

// atol is C's: the number at the start, 0 without one.
func atol(s string) int64 {
	var n int64
	i := 0
	for i < len(s) && (s[i] == ' ' || '\t' <= s[i] && s[i] <= '\r') {
		i++
	}
	negative := i < len(s) && s[i] == '-'
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		i++
	}
	for ; i < len(s) && '0' <= s[i] && s[i] <= '9'; i++ {
		if n > (1<<63-1-9)/10 {
			n = 1<<63 - 1
			break
		}
		n = n*10 + int64(s[i]-'0')
	}
	if negative {
		n = -n
	}
	return n
}
