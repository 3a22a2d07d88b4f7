// Package macro is mod_macro: <Macro> names a piece of configuration, Use puts
// it where it stands with its arguments filled in. The work is httpdconf's.
package macro

import (
	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
)

const anywhere = directives.All | directives.InServer

// Module is macro_module.
var Module = server.Module{
	Name: "macro_module",
	Directives: directives.Table{
		{Name: "<Macro", In: anywhere,
			Usage: "Beginning of a macro definition section.",
			Set:   directives.OnRead(directives.Raw, httpdconf.Macro)},
		{Name: "MacroIgnoreBadNesting", In: anywhere,
			Usage: "Ignore bad nesting warnings inside all macros.",
			Set:   directives.OnRead(directives.Raw, httpdconf.MacroIgnoreBadNesting)},
		{Name: "MacroIgnoreEmptyArgs", In: anywhere,
			Usage: "Ignore empty argument warnings inside all macros.",
			Set:   directives.OnRead(directives.Raw, httpdconf.MacroIgnoreEmptyArgs)},
		{Name: "Use", In: anywhere,
			Usage: "Use of a macro.",
			Set:   directives.OnRead(directives.Raw, httpdconf.UseMacro)},
		{Name: "UndefMacro", In: anywhere,
			Usage: "Remove a macro definition.",
			Set:   directives.OnRead(directives.One, httpdconf.UndefMacro)},
	},
}
