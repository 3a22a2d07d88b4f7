// Package env gives scripts environment variables that the configuration names
// (mod_env).
package env

import (
	"os"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is env_module.
var Module = server.Module{
	Name: "env_module",
	Directives: directives.Table{
		{Name: "PassEnv", In: directives.FileInfo, Usage: "a list of environment variables to pass to CGI.", Set: slot.Iterate(pass)},
		{Name: "SetEnv", In: directives.FileInfo, Usage: "an environment variable name and optional value to pass to CGI.",
			Set: slot.Take12(set)},
		{Name: "UnsetEnv", In: directives.FileInfo, Usage: "a list of variables to remove from the CGI environment.",
			Set: slot.Iterate(unset)},
	},
	Hooks: []server.Hook{
		server.Fixups.Middle(fixup).Plain().When(slot.If(func(c *config) bool { return c.vars.Len() > 0 })),
	},
}

var slot = directives.NewDirSlot(merge)

type config struct {
	vars   server.Fields
	unsets []string // taken out of what is inherited
}

func merge(base, add config) config {
	m := config{vars: base.vars.Clone()}
	for _, name := range add.unsets {
		m.vars.Unset(name)
	}
	for _, v := range add.vars.All() {
		m.vars.Set(v.Name, v.Value)
	}
	return m
}

func pass(c *config, cmd *directives.Cmd, name string) error {
	value, ok := os.LookupEnv(name)
	if !ok {
		cmd.LogWarning("AH01506: PassEnv variable %s was undefined", name)
		return nil
	}
	c.vars.Set(name, value)
	return nil
}

func set(c *config, cmd *directives.Cmd, name, value string) error {
	if strings.Contains(name, "=") {
		env, rest, _ := strings.Cut(strings.TrimLeft(name, "="), "=")
		cmd.LogWarning("AH10032: Spurious usage of '=' in an environment variable name. '%s %s %s' expected instead?", cmd.Name, env, rest)
	}
	c.vars.Set(name, value)
	return nil
}

// unset takes a variable away that the section has set before, and those of
// the sections around it.
func unset(c *config, _ *directives.Cmd, name string) error {
	c.unsets = append(c.unsets, name)
	c.vars.Unset(name)
	return nil
}

// fixup lays the request's variables over the configured ones. A name that
// both have stands twice; whoever looks it up finds the request's first, as in
// Apache.
func fixup(r *server.Request) server.Status {
	r.Env = server.Overlay(&r.Env, &slot.Of(r.Dir).vars)
	return server.OK
}
