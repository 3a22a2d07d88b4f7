// Package allowmethods refuses methods that a directory does not have
// (mod_allowmethods).
package allowmethods

import (
	"errors"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is allowmethods_module.
var Module = server.Module{
	Name: "allowmethods_module",
	Directives: directives.Table{
		{Name: "AllowMethods", In: directives.InDir, Usage: "only allow specific methods", Set: slot.TakeN((*config).allow)},
	},
	Hooks: []server.Hook{
		server.AccessChecker.ReallyFirst(check).Plain().When(slot.If(func(c *config) bool { return c.methods.Else(0) != 0 })),
	},
}

var (
	slot = directives.NewDirSlot(func(base, add config) config { return config{methods: add.methods.Or(base.methods)} })
	elog = server.NewLog("allowmethods")
)

// config is the methods that are allowed, as bits; none is all of them.
type config struct{ methods directives.Opt[int64] }

func (c *config) allow(_ *directives.Cmd, methods []string) error {
	if len(methods) == 0 {
		return errors.New("AllowMethods: No method or 'reset' keyword given")
	}
	if len(methods) == 1 && strings.EqualFold(methods[0], "reset") {
		c.methods = directives.Given(int64(0))
		return nil
	}
	bits := c.methods.Else(0)
	for _, m := range methods {
		if !server.KnownMethod(m) {
			return errors.New("AllowMethods: Invalid Method '" + m + "'")
		}
		bits |= server.MethodBit(m)
	}
	c.methods = directives.Given(bits)
	return nil
}

// check leaves r.Allowed as it is: Apache sets a field that its Allow does not
// come from, so that the answer to a refused method names none (2.4.71).
func check(r *server.Request) server.Status {
	if slot.Of(r.Dir).methods.Else(0)&r.MethodBit() != 0 {
		return server.Declined
	}
	what := r.Filename
	if what == "" {
		what = "uri " + r.URI
	}
	elog.Error(r).Msgf("AH01623: client method denied by server configuration: '%s' to %s", r.Method, what)
	return 405
}
