// Package authn_dbm knows users from database files that htdbm makes (mod_authn_dbm).
package authn_dbm

import (
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/dbm"
	"github.com/donjon-httpd/donjon/server/passwd"
)

// Module is authn_dbm_module.
var Module = server.Module{
	Name: "authn_dbm_module",
	Directives: directives.Table{
		{Name: "AuthDBMUserFile", In: directives.AuthConfig, Reads: directives.InJail,
			Usage: "dbm database file containing user IDs and passwords", Set: slot.Take1((*config).setFile)},
		{Name: "AuthDBMType", In: directives.AuthConfig, Usage: "what type of DBM file the user file is",
			Set: slot.Take1(func(c *config, _ *directives.Cmd, kind string) error { c.kind = directives.Given(kind); return nil })},
	},
	Authn: []server.AuthnProvider{{Name: "dbm", CheckPassword: checkPassword, RealmHash: realmHash}},
}

var (
	// Sections are not merged: the innermost says it all.
	slot = directives.NewDirSlot(func(_, add config) config { return add })
	elog = server.NewLog("authn_dbm")
)

type config struct {
	file string // as it is reached while serving
	kind directives.Opt[string]
}

func (c *config) setFile(cmd *directives.Cmd, name string) error {
	c.file = cmd.InJail(cmd.ServerRootRelative(name))
	return nil
}

// fetch gives what the file says behind the key, up to a colon.
func fetch(r *server.Request, key string) (string, server.AuthnResult) {
	c := slot.Of(r.Dir)
	kind := c.kind.Else(dbm.Default)
	value, ok, err := dbm.Fetch(kind, c.file, key)
	if err != nil {
		elog.Error(r).Err(err).Msgf("AH10285: could not open dbm (type %s) file: %s", kind, c.file)
		return "", server.AuthnError
	}
	if !ok {
		return "", server.AuthnUserNotFound
	}
	value, _, _ = strings.Cut(value, "\x00")
	value, _, _ = strings.Cut(value, ":")
	return value, server.AuthnUserFound
}

func checkPassword(r *server.Request, user, password string) server.AuthnResult {
	hash, result := fetch(r, user)
	if result != server.AuthnUserFound {
		return result
	}
	r.CacheAuthn("dbm", user, nil, hash)
	if !passwd.Check(password, hash) {
		return server.AuthnDenied
	}
	return server.AuthnGranted
}

func realmHash(r *server.Request, user, realm string) (string, server.AuthnResult) {
	hash, result := fetch(r, user+":"+realm)
	if result == server.AuthnUserFound {
		r.CacheAuthn("dbm", user, &realm, hash)
	}
	return hash, result
}
