// Package authn_file knows users from text files that htpasswd and htdigest
// make (mod_authn_file).
package authn_file

import (
	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/authfile"
	"github.com/donjon-httpd/donjon/server/passwd"
)

// Module is authn_file_module.
var Module = server.Module{
	Name: "authn_file_module",
	Directives: directives.Table{
		{Name: "AuthUserFile", In: directives.AuthConfig, Reads: directives.InJail, Usage: "text file containing user IDs and passwords",
			Set: slot.Take1((*config).setFile)},
	},
	Authn: []server.AuthnProvider{{Name: "file", CheckPassword: checkPassword, RealmHash: realmHash}},
}

var (
	// Sections are not merged: the innermost says it all.
	slot  = directives.NewDirSlot(func(_, add config) config { return add })
	elog  = server.NewLog("authn_file")
	files = authfile.NewCache(parse)
)

type config struct {
	file string // as it is reached while serving
}

func (c *config) setFile(cmd *directives.Cmd, name string) error {
	c.file = cmd.InJail(cmd.ServerRootRelative(name))
	return nil
}

// users are a file's: password hashes by user, and of those that htdigest made
// hashes by user and realm. The first line of a user counts.
type users struct {
	passwords map[string]string
	realms    map[userInRealm]string
}

type userInRealm struct{ user, realm string }

const maxLine = 8192 // MAX_STRING_LEN

func parse(text string) users {
	u := users{map[string]string{}, map[userInRealm]string{}}
	for line := range authfile.Lines(text, maxLine) {
		user, rest := authfile.Word(line, ':')
		first, rest := authfile.Word(rest, ':')
		second, _ := authfile.Word(rest, ':')
		if _, ok := u.passwords[user]; !ok {
			u.passwords[user] = first
		}
		key := userInRealm{user, first}
		if _, ok := u.realms[key]; !ok {
			u.realms[key] = second
		}
	}
	return u
}

func checkPassword(r *server.Request, user, password string) server.AuthnResult {
	c := slot.Of(r.Dir)
	if c.file == "" {
		elog.Error(r).Msg("AH01619: AuthUserFile not specified in the configuration")
		return server.AuthnError
	}
	u, err := files.Get(c.file)
	if err != nil {
		elog.Error(r).Err(err).Msgf("AH01620: Could not open password file: %s", c.file)
		return server.AuthnError
	}
	hash, ok := u.passwords[user]
	if !ok {
		return server.AuthnUserNotFound
	}
	r.CacheAuthn("file", user, nil, hash)
	if !passwd.Check(password, hash) {
		return server.AuthnDenied
	}
	return server.AuthnGranted
}

func realmHash(r *server.Request, user, realm string) (string, server.AuthnResult) {
	c := slot.Of(r.Dir)
	if c.file == "" {
		elog.Error(r).Msg("AH01621: AuthUserFile not specified in the configuration")
		return "", server.AuthnError
	}
	u, err := files.Get(c.file)
	if err != nil {
		elog.Error(r).Err(err).Msgf("AH01622: Could not open password file: %s", c.file)
		return "", server.AuthnError
	}
	hash, ok := u.realms[userInRealm{user, realm}]
	if !ok {
		return "", server.AuthnUserNotFound
	}
	r.CacheAuthn("file", user, &realm, hash)
	return hash, server.AuthnUserFound
}
