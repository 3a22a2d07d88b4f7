// Package log_debug writes messages to the error log at chosen points of a
// request's life (mod_log_debug).
package log_debug

import (
	"fmt"
	"slices"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is log_debug_module.
var Module = server.Module{
	Name: "log_debug_module",
	Directives: directives.Table{
		{Name: "LogMessage", In: directives.InServer | directives.InDir,
			Usage: "Log a debug message to the error log if this config block is used for  a request",
			Set:   slot.Take123((*config).add)},
	},
	Hooks: []server.Hook{
		server.LogTransaction.First(at("log_transaction")).When(wanted),
		server.QuickHandler.First(at("quick_handler")).When(wanted),
		server.Handler.First(at("handler")).When(wanted),
		server.PreTranslateName.First(at("pre_translate_name")).When(wanted),
		server.TranslateName.First(at("translate_name")).When(wanted),
		server.MapToStorage.First(at("map_to_storage")).When(wanted),
		server.Fixups.First(at("fixups")).When(wanted),
		server.TypeChecker.First(at("type_checker")).When(wanted),
		server.AccessChecker.First(at("check_access")).When(wanted),
		server.AccessCheckerEx.First(at("check_access_ex")).When(wanted),
		server.CheckUserID.First(at("check_authn")).When(wanted),
		server.AuthChecker.First(at("check_authz")).When(wanted),
		server.InsertFilter.First(func(r *server.Request) { write(r, "insert_filter") }).When(wanted),
	},
}

var elog = server.NewLog("log_debug")

var slot = directives.NewDirSlot(func(base, add config) config {
	return config{directives.Append(base.messages, add.messages)}
})

var wanted = slot.If(func(c *config) bool { return len(c.messages) > 0 })

type config struct{ messages []message }

// message is one LogMessage.
type message struct {
	text *server.Expr
	cond *server.Expr // nil: always
	hook string       // "all" for each
	at   string       // file:line
}

var hooks = []string{"log_transaction", "quick_handler", "handler", "translate_name", "map_to_storage", "fixups", "type_checker",
	"check_access", "check_access_ex", "check_authn", "check_authz", "insert_filter", "pre_translate_name"}

func (c *config) add(cmd *directives.Cmd, text, arg2, arg3 string) error {
	m := message{hook: hooks[0], at: fmt.Sprintf("%s:%d", cmd.Node.Pos.File, cmd.Node.Pos.Line)}
	var err error
	if m.text, err = server.CompileExprFor(cmd, text, server.ExprString|server.ExprNoVary); err != nil {
		return fmt.Errorf("Could not parse message expression '%s': %w", text, err)
	}
	for _, arg := range []string{arg2, arg3} {
		key, value, _ := strings.Cut(arg, "=")
		switch {
		case arg == "":
		case strings.EqualFold(key, "hook") && len(arg) > len(key):
			if m.hook, err = findHook(value); err != nil {
				return err
			}
		case strings.EqualFold(key, "expr") && len(arg) > len(key):
			if m.cond, err = server.CompileExprFor(cmd, value, server.ExprNoVary); err != nil {
				return fmt.Errorf("Could not parse expression '%s': %w", value, err)
			}
		default:
			return fmt.Errorf("Invalid argument %s", arg)
		}
	}
	c.messages = append(c.messages, m)
	return nil
}

func findHook(name string) (string, error) {
	if name == "*" || strings.EqualFold(name, "all") {
		return "all", nil
	}
	if i := slices.Index(hooks, strings.ToLower(name)); i >= 0 {
		return hooks[i], nil
	}
	return "", fmt.Errorf("Invalid hook name: %s", name)
}

func at(hook string) func(*server.Request) server.Status {
	return func(r *server.Request) server.Status {
		write(r, hook)
		return server.Declined
	}
}

func write(r *server.Request, hook string) {
	for _, m := range slot.Of(r.Dir).messages {
		if m.hook != "all" && m.hook != hook {
			continue
		}
		if m.cond != nil {
			ok, err := m.cond.Bool(r)
			if err != nil {
				elog.Error(r).Msgf("AH00640: Can't evaluate condition: %s", err)
			}
			if err != nil || !ok {
				continue
			}
		}
		text, err := m.text.Eval(r)
		if err != nil {
			elog.Error(r).Msgf("AH00641: Can't evaluate message expression: %s", err)
		}
		if elog.Enabled(server.LevelDebug, r) {
			text = fmt.Sprintf("%s (%s hook, %s)", text, hook, m.at)
		}
		elog.Info(r).Msg(text)
	}
}
