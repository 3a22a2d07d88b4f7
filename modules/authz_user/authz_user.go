// Package authz_user brings the kinds of Require that name users: user and
// valid-user (mod_authz_user).
package authz_user

import (
	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
)

// Module is authz_user_module.
var Module = server.Module{
	Name: "authz_user_module",
	Authz: []server.AuthzProvider{
		{Name: "user", Parse: parseUser},
		{Name: "valid-user", Parse: func(*directives.Cmd, string) (server.AuthzCheck, error) { return validUser, nil }},
	},
}

var elog = server.NewLog("authz_user")

func parseUser(cmd *directives.Cmd, args string) (server.AuthzCheck, error) {
	names, err := server.CompileRequire(cmd, args)
	if err != nil {
		return nil, err
	}
	return func(r *server.Request) server.AuthzResult {
		if !r.UserSet {
			return server.AuthzDeniedNoUser
		}
		list, err := names.Eval(r)
		if err != nil {
			elog.Error(r).Msgf("AH02594: authz_user authorize: require user: Can't evaluate require expression: %s", err)
			return server.AuthzDenied
		}
		for list != "" {
			var w string
			if w, list = httpdconf.Getword(list); w == "" {
				break
			}
			if w == r.User {
				return server.AuthzGranted
			}
		}
		elog.Debug(r).Msgf("AH01663: access to %s failed, reason: user '%s' does not meet 'require'ments for user to be allowed access", r.URI, r.User)
		return server.AuthzDenied
	}, nil
}

func validUser(r *server.Request) server.AuthzResult {
	if !r.UserSet {
		return server.AuthzDeniedNoUser
	}
	return server.AuthzGranted
}
