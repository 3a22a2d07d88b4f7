// Package actions has a script answer for media types, handlers or methods
// (mod_actions).
package actions

import (
	"errors"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is actions_module.
var Module = server.Module{
	Name: "actions_module",
	Directives: directives.Table{
		{Name: "Action", In: directives.FileInfo, Usage: "a media type followed by a script name", Set: slot.Take23((*config).addAction)},
		{Name: "Script", In: directives.InDir | directives.InServer, Usage: "a method followed by a script name",
			Set: slot.Take2((*config).addScript)},
	},
	Hooks: []server.Hook{
		server.Handler.Last(handle).Plain().Harmless().When(slot.If(func(c *config) bool { return len(c.actions)+len(c.scripts) > 0 })),
	},
}

var (
	slot = directives.NewDirSlot(func(base, add config) config {
		return config{actions: directives.Overlay(base.actions, add.actions), scripts: directives.Overlay(base.scripts, add.scripts)}
	})
	elog = server.NewLog("actions")
)

type config struct {
	actions map[string]action // by media type or handler, lower case
	scripts map[int64]string  // by the method's bit
}

type action struct {
	script  string // URL-path
	virtual bool   // the file need not exist
}

func (c *config) addAction(_ *directives.Cmd, kind, script, option string) error {
	if option != "" && !strings.EqualFold(option, "virtual") {
		return errors.New("unrecognized option '" + option + "'")
	}
	c.actions = directives.Overlay(c.actions, map[string]action{strings.ToLower(kind): {script, option != ""}})
	return nil
}

func (c *config) addScript(_ *directives.Cmd, method, script string) error {
	registered := server.RegisterMethod(method)
	switch {
	case method == "TRACE":
		return errors.New("TRACE not allowed for Script")
	case !registered:
		return errors.New("Could not register method '" + method + "' for Script")
	}
	c.scripts = directives.Overlay(c.scripts, map[int64]string{server.MethodBit(method): script})
	return nil
}

// handle is action_handler of mod_actions.c. The methods of Script are not in
// Allow: Apache notes them in a field that Allow does not come from.
func handle(r *server.Request) server.Status {
	c := slot.Of(r.Dir)
	script := ""
	if method := r.MethodBit(); method != server.MethodBit("GET") || r.HasArgs {
		script = c.scripts[method]
	}
	if script != "" && r.Prev != nil && r.Prev.Prev != nil {
		return server.Declined // the script itself is not run by anything: a loop
	}
	if a, ok := c.actions[strings.ToLower(r.Handler)]; ok {
		if !a.virtual && r.Finfo.Type == server.NoFile {
			elog.Info(r).Msgf("AH00652: File does not exist: %s", r.Filename)
			return 404
		}
		script = a.script
		r.Env.Set("HANDLER", r.Handler) // REDIRECT_HANDLER to the script
		if a.virtual {
			r.Notes.Set("virtual_script", "1") // to whoever makes PATH_TRANSLATED
		}
	}
	if script == "" {
		return server.Declined
	}
	target := script + server.EscapeURIPath(r.URI)
	if r.HasArgs {
		target += "?" + r.Args
	}
	r.InternalRedirectHandler(target)
	return server.OK
}
