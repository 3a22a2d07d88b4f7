// Package speling corrects misspelt URLs: it looks for a file whose name is
// nearly the one that was asked for (mod_speling).
package speling

import (
	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is speling_module.
var Module = server.Module{
	Name: "speling_module",
	Directives: directives.Table{
		{Name: "CheckSpelling", In: directives.Options, Usage: "whether or not to fix miscapitalized/misspelled requests",
			Set: slot.Flag(func(c *config, on bool) { c.enabled = on })},
		{Name: "CheckCaseOnly", In: directives.Options, Usage: "whether or not to fix only miscapitalized requests",
			Set: slot.Flag(func(c *config, on bool) { c.caseOnly = on })},
		{Name: "CheckBasenameMatch", In: directives.Options, Usage: "whether or not to fix files with the same base name",
			Set: slot.Flag(func(c *config, on bool) { c.noBase = !on })},
	},
	Hooks: []server.Hook{server.Fixups.Last(check).Plain().When(slot.If(func(c *config) bool { return c.enabled }))},
}

var (
	// slot is not merged: the nearest section that says anything says it all.
	slot = directives.NewDirSlot(func(_, add config) config { return add })
	elog = server.NewLog("speling")
)

type config struct {
	enabled  bool
	caseOnly bool
	noBase   bool // CheckBasenameMatch Off
}
