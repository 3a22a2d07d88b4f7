package authz_core

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
)

// providers are the kinds of Require that this module brings.
var providers = []server.AuthzProvider{
	{Name: "all", Parse: parseAll},
	{Name: "env", Parse: parseEnv},
	{Name: "method", Parse: parseMethod},
	{Name: "expr", Parse: parseExpr},
}

// lookup finds a kind of Require among the aliases and the active modules.
func lookup(cmd *directives.Cmd, name string) *server.AuthzProvider {
	for _, s := range []*directives.Server{cmd.Server, cmd.Server.Main} {
		if p := aliases.Of(s).byName[name]; p != nil {
			return p
		}
	}
	return server.FindAuthz(cmd, name)
}

// providerHint names the module that brings a kind of Require.
func providerHint(name string) string {
	by := map[string]string{"ip": "authz_host", "host": "authz_host", "local": "authz_host", "forward-dns": "authz_host",
		"user": "authz_user", "valid-user": "authz_user", "group": "authz_groupfile", "file-group": "authz_groupfile",
		"file-owner": "authz_owner", "dbm-group": "authz_dbm", "dbm-file-group": "authz_dbm", "ldap-user": "authnz_ldap", "ldap-group": "authnz_ldap"}
	if m := by[strings.ToLower(name)]; m != "" {
		return fmt.Sprintf("LoadModule %s_module modules/mod_%s.so brings it", m, m)
	}
	return ""
}

func parseAll(_ *directives.Cmd, args string) (server.AuthzCheck, error) {
	result := server.AuthzDenied
	switch strings.ToLower(args) {
	case "granted":
		result = server.AuthzGranted
	case "denied":
	default:
		return nil, errors.New("Argument for 'Require all' must be 'granted' or 'denied'")
	}
	return func(*server.Request) server.AuthzResult { return result }, nil
}

func parseEnv(_ *directives.Cmd, args string) (server.AuthzCheck, error) {
	names := words(args)
	return func(r *server.Request) server.AuthzResult {
		if slices.ContainsFunc(names, r.Env.Has) {
			return server.AuthzGranted
		}
		return server.AuthzDenied
	}, nil
}

func parseMethod(_ *directives.Cmd, args string) (server.AuthzCheck, error) {
	var bits int64
	for _, w := range words(args) {
		bit := server.MethodBit(w)
		if bit == 0 {
			return nil, fmt.Errorf("Invalid Method '%s'", w)
		}
		bits |= bit
	}
	return func(r *server.Request) server.AuthzResult {
		if bits&r.MethodBit() != 0 {
			return server.AuthzGranted
		}
		return server.AuthzDenied
	}, nil
}

func parseExpr(cmd *directives.Cmd, args string) (server.AuthzCheck, error) {
	if len(args) >= 2 && args[0] == '"' && args[len(args)-1] == '"' {
		args = args[1 : len(args)-1]
	}
	e, err := server.CompileExprFor(cmd, args, 0)
	if err != nil {
		return nil, fmt.Errorf("Cannot parse expression in require line: %w", err)
	}
	// An expression that asks for the user can be decided only with one.
	wantsUser := e.Uses("REMOTE_USER")
	return func(r *server.Request) server.AuthzResult {
		ok, err := e.Bool(r)
		switch {
		case err != nil:
			elog.Error(r).Msgf("AH02320: Error evaluating expression in 'Require expr': %s", err)
			return server.AuthzError
		case ok:
			return server.AuthzGranted
		case wantsUser:
			return server.AuthzDeniedNoUser
		}
		return server.AuthzDenied
	}, nil
}

func words(args string) []string {
	var list []string
	for args != "" {
		var w string
		if w, args = httpdconf.Getword(args); w == "" {
			break
		}
		list = append(list, w)
	}
	return list
}
