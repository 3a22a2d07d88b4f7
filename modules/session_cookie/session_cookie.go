// Package session_cookie keeps sessions in cookies, with the client
// (mod_session_cookie).
package session_cookie

import (
	"errors"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is session_cookie_module.
var Module = server.Module{
	Name: "session_cookie_module",
	Directives: directives.Table{
		{Name: "SessionCookieName", In: anywhere, Usage: "The name of the RFC2109 cookie carrying the session",
			Set: slot.Raw(func(c *config, cmd *directives.Cmd, args string) error { return setName(&c.name, cmd, args) })},
		{Name: "SessionCookieName2", In: anywhere, Usage: "The name of the RFC2965 cookie carrying the session",
			Set: slot.Raw(func(c *config, cmd *directives.Cmd, args string) error { return setName(&c.name2, cmd, args) })},
		{Name: "SessionCookieRemove", In: anywhere,
			Usage: "Set to 'On' to remove the session cookie from the headers and hide the cookie from a backend server or process",
			Set:   slot.Flag(func(c *config, on bool) { c.remove = directives.Given(on) })},
	},
	SessionStore: &server.SessionStore{Load: load, Save: save},
}

// anywhere is RSRC_CONF|OR_AUTHCFG.
const anywhere = directives.InServer | directives.AuthConfig

var slot = directives.NewDirSlot(func(base, add config) config {
	return config{add.name.Or(base.name), add.name2.Or(base.name2), add.remove.Or(base.remove)}
})

type config struct {
	name, name2 directives.Opt[server.CookieName]
	remove      directives.Opt[bool]
}

func setName(to *directives.Opt[server.CookieName], cmd *directives.Cmd, args string) error {
	c := server.ParseCookieName(args)
	if c.Name == "" || strings.ContainsAny(c.Name, "=&") {
		return errors.New(cmd.Name + " cannot be empty, or contain '=' or '&'.")
	}
	*to = directives.Given(c)
	return nil
}

// loaded are the sessions of a request, by the name of their cookie.
var loaded server.RequestSlot[map[string]*server.Session]

func load(r *server.Request) (*server.Session, error) {
	c := slot.Of(r.Dir)
	name, ok := c.name2.Get()
	if !ok {
		if name, ok = c.name.Get(); !ok {
			return nil, server.ErrNoSession
		}
	}
	top := r.Top()
	m := loaded.Of(top)
	if m == nil {
		m = &map[string]*server.Session{}
		loaded.Set(top, m)
	}
	remove := c.remove.Else(false)
	if z := (*m)[name.Name]; z != nil && !remove {
		return z, nil // a cookie that is removed is looked for again, observed on 2.4.71
	}
	value, _ := r.ReadCookie(name.Name, remove)
	z := &server.Session{Encoded: value}
	(*m)[name.Name] = z
	r.Out.Add("Cache-Control", "no-cache, private")
	return z, nil
}

func save(r *server.Request, z *server.Session) error {
	c := slot.Of(r.Dir)
	write := func(field string, name directives.Opt[server.CookieName]) {
		switch n, ok := name.Get(); {
		case !ok:
		case z.Encoded != "":
			r.WriteCookie(field, n, z.Encoded, z.MaxAge, &r.ErrOut)
		default:
			r.RemoveCookie(field, n)
		}
	}
	write("Set-Cookie", c.name)
	write("Set-Cookie2", c.name2)
	if !c.name.IsSet() && !c.name2.IsSet() {
		return server.ErrNoSession
	}
	return nil
}
