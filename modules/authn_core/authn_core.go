// Package authn_core says how users are asked for: AuthType and AuthName, and
// providers of users under names of their own (mod_authn_core).
package authn_core

import (
	"fmt"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is authn_core_module.
var Module = server.Module{
	Name: "authn_core_module",
	Directives: directives.Table{
		{Name: "AuthType", In: directives.AuthConfig, Usage: "an HTTP authorization type (e.g., \"Basic\")",
			Set: slot.Take1((*config).setType)},
		{Name: "AuthName", In: directives.AuthConfig, Usage: "the authentication realm (e.g. \"Members Only\")",
			Set: slot.Take1((*config).setName)},
		{Name: "<AuthnProviderAlias", In: directives.InServer,
			Usage: "container for grouping an authentication provider's directives under a provider alias",
			Set:   slot.Raw(addAlias)},
	},
	Hooks:    []server.Hook{server.CheckUserID.Last(unsupported)},
	AuthType: authType,
	AuthName: authName,
}

var (
	slot = directives.NewDirSlot(func(base, add config) config {
		if add.authType == nil {
			add.authType = base.authType
		}
		if add.name == nil {
			add.name = base.name
		}
		return add
	})
	elog = server.NewLog("authn_core")
)

// config is what a section says; nil: nothing.
type config struct {
	authType, name *server.Expr
}

func (c *config) setType(cmd *directives.Cmd, text string) error {
	return compile(&c.authType, cmd, text)
}

func (c *config) setName(cmd *directives.Cmd, text string) error {
	return compile(&c.name, cmd, text)
}

func compile(to **server.Expr, cmd *directives.Cmd, text string) error {
	e, err := server.CompileExprFor(cmd, text, server.ExprString)
	if err != nil {
		return fmt.Errorf("Cannot parse expression '%s' in %s: %w", text, cmd.Name, err)
	}
	*to = e
	return nil
}

func authType(r *server.Request) string {
	e := slot.Of(r.Dir).authType
	if e == nil {
		return ""
	}
	t, err := e.Eval(r)
	if err != nil {
		elog.Error(r).Msgf("AH02834: AuthType expression could not be evaluated: %s", err)
		return ""
	}
	if strings.EqualFold(t, "None") {
		return ""
	}
	return t
}

func authName(r *server.Request) (string, bool) {
	e := slot.Of(r.Dir).name
	if e == nil {
		return "", false
	}
	name, err := e.Eval(r)
	if err != nil {
		elog.Error(r).Msgf("AH02835: AuthName expression could not be evaluated: %s", err)
		return "", false
	}
	return server.EscapeQuotes(name), true
}

// unsupported is asked when no module took the AuthType.
func unsupported(r *server.Request) server.Status {
	t := r.AuthTypeName()
	if t == "" {
		return server.OK
	}
	elog.Error(r).Msgf("AH01796: AuthType %s configured without corresponding module", t)
	return 500
}
