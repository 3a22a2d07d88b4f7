// Package authn_anon knows users whose password is not checked, as anonymous
// FTP does (mod_authn_anon).
package authn_anon

import (
	"errors"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

const usageFlag = "Limited to 'on' or 'off'"

// Module is authn_anon_module.
var Module = server.Module{
	Name: "authn_anon_module",
	Directives: directives.Table{
		{Name: "Anonymous", In: directives.AuthConfig, Usage: "a space-separated list of user IDs",
			Set: slot.Iterate((*config).addUser)},
		{Name: "Anonymous_MustGiveEmail", In: directives.AuthConfig, Usage: usageFlag,
			Set: slot.Flag(func(c *config, on bool) { c.noPassword = !on })},
		{Name: "Anonymous_NoUserId", In: directives.AuthConfig, Usage: usageFlag,
			Set: slot.Flag(func(c *config, on bool) { c.noUser = on })},
		{Name: "Anonymous_VerifyEmail", In: directives.AuthConfig, Usage: usageFlag,
			Set: slot.Flag(func(c *config, on bool) { c.verify = on })},
		{Name: "Anonymous_LogEmail", In: directives.AuthConfig, Usage: usageFlag,
			Set: slot.Flag(func(c *config, on bool) { c.silent = !on })},
	},
	Authn: []server.AuthnProvider{{Name: "anon", CheckPassword: checkPassword}},
}

var (
	// Sections are not merged: the innermost says it all.
	slot = directives.NewDirSlot(func(_, add config) config { return add })
	elog = server.NewLog("authn_anon")
)

type config struct {
	users      []string
	any        bool // Anonymous *: every name; what is named after it does not count
	noUser     bool // no name at all is one
	noPassword bool // an empty password will do
	verify     bool // the password must look like an address
	silent     bool // passwords are not logged
}

func (c *config) addUser(_ *directives.Cmd, name string) error {
	switch {
	case name == "":
		return errors.New("Anonymous string cannot be empty, use Anonymous_NoUserId")
	case c.any:
	case name == "*":
		c.any = true
	default:
		c.users = append(c.users, name)
	}
	return nil
}

func checkPassword(r *server.Request, user, password string) server.AuthnResult {
	c := slot.Of(r.Dir)
	if !c.knows(user) {
		return server.AuthnUserNotFound
	}
	if !c.noPassword && password == "" || c.verify && !(strings.Contains(password, "@") && strings.Contains(password, ".")) {
		return server.AuthnDenied
	}
	if !c.silent && r.Initial() {
		elog.Info(r).Msgf("AH01672: Anonymous: Passwd <%s> Accepted", password)
	}
	return server.AuthnGranted
}

func (c *config) knows(user string) bool {
	switch {
	case c.users == nil && !c.any:
		return false
	case user == "":
		return c.noUser
	case c.any:
		return true
	}
	for _, u := range c.users {
		if strings.EqualFold(u, user) {
			return true
		}
	}
	return false
}
