// Package authz_dbm brings the kinds of Require that name groups of a database
// file: dbm-group and dbm-file-group (mod_authz_dbm).
package authz_dbm

import (
	"slices"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/dbm"
)

// Module is authz_dbm_module.
var Module = server.Module{
	Name: "authz_dbm_module",
	Directives: directives.Table{
		{Name: "AuthDBMGroupFile", In: directives.AuthConfig, Reads: directives.InJail,
			Usage: "database file containing group names and member user IDs", Set: slot.Take1((*config).setFile)},
		{Name: "AuthzDBMType", In: directives.AuthConfig, Usage: "what type of DBM file the group file is",
			Set: slot.Take1(func(c *config, _ *directives.Cmd, kind string) error { c.kind = directives.Given(kind); return nil })},
	},
	Authz: []server.AuthzProvider{
		{Name: "dbm-group", Parse: parseGroup},
		{Name: "dbm-file-group", Parse: func(*directives.Cmd, string) (server.AuthzCheck, error) { return fileGroup, nil }},
	},
}

var (
	// Sections are not merged: the innermost says it all.
	slot = directives.NewDirSlot(func(_, add config) config { return add })
	elog = server.NewLog("authz_dbm")
)

type config struct {
	file string // as it is reached while serving
	kind directives.Opt[string]
}

func (c *config) setFile(cmd *directives.Cmd, name string) error {
	c.file = cmd.InJail(cmd.ServerRootRelative(name))
	return nil
}

// groups are those of the request's user. What fails is logged; then the
// result is AuthzError, and AuthzDenied when the user is not in the file.
func (c *config) groups(r *server.Request, unlisted string) ([]string, server.AuthzResult) {
	kind := c.kind.Else(dbm.Default)
	// With the realm first: one file may serve several.
	realm, _ := r.AuthName()
	value, ok, err := dbm.Fetch(kind, c.file, r.User+":"+realm)
	if err == nil && !ok {
		value, ok, err = dbm.Fetch(kind, c.file, r.User)
	}
	if err != nil {
		elog.Error(r).Err(err).Msgf("AH01799: could not open dbm (type %s) group access file: %s", kind, c.file)
		return nil, server.AuthzError
	}
	if !ok {
		elog.Error(r).Msgf("%s: Authorization of user %s to access %s failed, reason: user doesn't appear in DBM group file (%s).",
			unlisted, r.User, r.URI, c.file)
		return nil, server.AuthzDenied
	}
	return parse(value), server.AuthzGranted
}

// parse reads a value: groups between commas, or "password:groups:anything",
// so that one file can hold users and groups.
func parse(value string) []string {
	value, _, _ = strings.Cut(value, "\x00")
	if _, rest, ok := strings.Cut(value, ":"); ok {
		value, _, _ = strings.Cut(rest, ":")
	}
	return strings.FieldsFunc(value, func(c rune) bool { return c == ',' })
}

func parseGroup(cmd *directives.Cmd, args string) (server.AuthzCheck, error) {
	names, err := server.CompileRequire(cmd, args)
	if err != nil {
		return nil, err
	}
	return func(r *server.Request) server.AuthzResult {
		if !r.UserSet {
			return server.AuthzDeniedNoUser
		}
		c := slot.Of(r.Dir)
		if c.file == "" {
			elog.Error(r).Msg("AH01798: No group file was specified in the configuration")
			return server.AuthzDenied
		}
		groups, result := c.groups(r, "AH01800")
		if result != server.AuthzGranted {
			return result
		}
		list, err := names.Eval(r)
		if err != nil {
			elog.Error(r).Msgf("AH02591: authz_dbm authorize: require dbm-group: Can't evaluate require expression: %s", err)
			return server.AuthzDenied
		}
		for w := range strings.FieldsFuncSeq(list, isSpace) {
			if slices.Contains(groups, w) {
				return server.AuthzGranted
			}
		}
		elog.Error(r).Msgf("AH01801: Authorization of user %s to access %s failed, reason: user is not part of the 'require'ed group(s).", r.User, r.URI)
		return server.AuthzDenied
	}, nil
}

func isSpace(c rune) bool { return c == ' ' || '\t' <= c && c <= '\r' }

// fileGroup lets in who is in the group that owns the file.
func fileGroup(r *server.Request) server.AuthzResult {
	if !r.UserSet {
		return server.AuthzDeniedNoUser
	}
	c := slot.Of(r.Dir)
	if c.file == "" {
		elog.Error(r).Msg("AH01802: No group file was specified in the configuration")
		return server.AuthzDenied
	}
	groups, result := c.groups(r, "AH01804")
	if result != server.AuthzGranted {
		return server.AuthzDenied
	}
	if owner, ok := r.FileGroup(); ok && slices.Contains(groups, owner) {
		return server.AuthzGranted
	}
	elog.Error(r).Msgf("AH01805: Authorization of user %s to access %s failed, reason: user is not part of the 'require'ed group(s).", r.User, r.URI)
	return server.AuthzDenied
}
