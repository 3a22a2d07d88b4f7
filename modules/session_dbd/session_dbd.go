// Package session_dbd keeps sessions in an SQL database; a cookie has their key
// (mod_session_dbd). Connections are those of the module that knows databases.
package session_dbd

import (
	"errors"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is session_dbd_module.
var Module = server.Module{
	Name: "session_dbd_module",
	Directives: directives.Table{
		{Name: "SessionDBDSelectLabel", In: anywhere, Usage: "Query label used to select a new session",
			Set: label(func(c *config) *directives.Opt[string] { return &c.selectLabel })},
		{Name: "SessionDBDInsertLabel", In: anywhere, Usage: "Query label used to insert a new session",
			Set: label(func(c *config) *directives.Opt[string] { return &c.insertLabel })},
		{Name: "SessionDBDUpdateLabel", In: anywhere, Usage: "Query label used to update an existing session",
			Set: label(func(c *config) *directives.Opt[string] { return &c.updateLabel })},
		{Name: "SessionDBDDeleteLabel", In: anywhere, Usage: "Query label used to delete an existing session",
			Set: label(func(c *config) *directives.Opt[string] { return &c.deleteLabel })},
		{Name: "SessionDBDPerUser", In: anywhere, Usage: "Save the session per user",
			Set: slot.Flag(func(c *config, on bool) { c.perUser = directives.Given(on) })},
		{Name: "SessionDBDCookieRemove", In: anywhere, Usage: "Remove the session cookie after session load. On by default.",
			Set: slot.Flag(func(c *config, on bool) { c.remove = directives.Given(on) })},
		{Name: "SessionDBDCookieName", In: anywhere, Usage: "The name of the RFC2109 cookie carrying the session key",
			Set: slot.Raw(func(c *config, cmd *directives.Cmd, args string) error { return setName(&c.name, cmd, args) })},
		{Name: "SessionDBDCookieName2", In: anywhere, Usage: "The name of the RFC2965 cookie carrying the session key",
			Set: slot.Raw(func(c *config, cmd *directives.Cmd, args string) error { return setName(&c.name2, cmd, args) })},
	},
	SessionStore: &server.SessionStore{Load: load, Save: save},
}

// anywhere is RSRC_CONF|OR_AUTHCFG.
const anywhere = directives.InServer | directives.AuthConfig

var (
	slot = directives.NewDirSlot(merge)
	elog = server.NewLog("session_dbd")
)

type config struct {
	name, name2                                        directives.Opt[server.CookieName]
	perUser, remove                                    directives.Opt[bool]
	selectLabel, insertLabel, updateLabel, deleteLabel directives.Opt[string]
}

// merge forgets the labels of base, as Apache 2.4.71 does: the defaults of a
// section stand over them.
func merge(base, add config) config {
	return config{
		name: add.name.Or(base.name), name2: add.name2.Or(base.name2),
		perUser: add.perUser.Or(base.perUser), remove: add.remove.Or(base.remove),
		selectLabel: add.selectLabel, insertLabel: add.insertLabel, updateLabel: add.updateLabel, deleteLabel: add.deleteLabel,
	}
}

func label(of func(*config) *directives.Opt[string]) directives.Setter {
	return slot.Take1(func(c *config, _ *directives.Cmd, name string) error {
		*of(c) = directives.Given(name)
		return nil
	})
}

func setName(to *directives.Opt[server.CookieName], cmd *directives.Cmd, args string) error {
	c := server.ParseCookieName(args)
	switch {
	case c.Name == "":
		return errors.New(cmd.Name + " requires at least one argument!")
	case strings.ContainsAny(c.Name, "=;&"):
		return errors.New(cmd.Name + " cannot contain '=', ';' or '&'.")
	}
	*to = directives.Given(c)
	return nil
}
