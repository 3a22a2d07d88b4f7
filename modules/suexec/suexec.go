// Package suexec is mod_suexec as Apache has it without its setuid program:
// SuexecUserGroup is an error. A serving process has given up the right to become
// anybody else, and so have the programs it starts; who wants them to run as
// another user would otherwise have them run as the server's without notice.
package suexec

import (
	"errors"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is suexec_module.
var Module = server.Module{
	Name: "suexec_module",
	Directives: directives.Table{
		{Name: "SuexecUserGroup", In: directives.InServer, Forbid: directives.NotInDirContext, Usage: "User and group for spawned processes",
			Set: slot.Take2(func(*struct{}, *directives.Cmd, string, string) error { return errDisabled })},
	},
}

var slot = directives.NewServerSlot(func(_, add struct{}) struct{} { return add })

var errDisabled = errors.New("SuexecUserGroup configured, but suEXEC is disabled: programs run as the server's user, in its jail")
