// Package authn_dbd is the provider of users in an SQL database
// (mod_authn_dbd). Connections are those of the module that knows databases.
package authn_dbd

import (
	"fmt"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/passwd"
)

// Module is authn_dbd_module.
var Module = server.Module{
	Name: "authn_dbd_module",
	Directives: directives.Table{
		{Name: "AuthDBDUserPWQuery", In: directives.InDir, Usage: "Query used to fetch password for user",
			Set: slot.Take1(func(c *config, cmd *directives.Cmd, q string) error { return prepare(&c.user, cmd, q) })},
		{Name: "AuthDBDUserRealmQuery", In: directives.InDir, Usage: "Query used to fetch password for user+realm",
			Set: slot.Take1(func(c *config, cmd *directives.Cmd, q string) error { return prepare(&c.realm, cmd, q) })},
	},
	Authn: []server.AuthnProvider{{Name: "dbd", CheckPassword: checkPassword, RealmHash: realmHash}},
}

var (
	slot = directives.NewDirSlot(func(base, add config) config { return config{add.user.Or(base.user), add.realm.Or(base.realm)} })
	elog = server.NewLog("authn_dbd")
)

// config is the labels of the queries.
type config struct{ user, realm directives.Opt[string] }

func prepare(to *directives.Opt[string], cmd *directives.Cmd, query string) error {
	label, err := server.PrepareDBD(cmd, "authn_dbd", "AuthDBD", query)
	if err == nil {
		*to = directives.Given(label)
	}
	return err
}

// lookup is a kind of query and the numbers of its lines.
type lookup struct {
	directive                             string
	noConn, noQuery, noStatement, failure string
}

var (
	byUser  = lookup{"AuthDBDUserPWQuery", "AH01653", "AH01654", "AH01655", "AH01656"}
	byRealm = lookup{"AuthDBDUserRealmQuery", "AH01658", "AH01659", "AH01660", "AH01661"}
)

// find asks for the first column of the first row; the further columns become
// variables of the request. who is whom the log names.
func (l lookup) find(r *server.Request, query directives.Opt[string], who string, args ...any) (hash string, result server.AuthnResult) {
	db := r.DBD()
	label, given := query.Get()
	switch {
	case db == nil:
		elog.Error(r).Msgf("%s: Failed to acquire database connection to look up user '%s'", l.noConn, who)
		return "", server.AuthnError
	case !given:
		elog.Error(r).Msgf("%s: No %s has been specified", l.noQuery, l.directive)
		return "", server.AuthnError
	case !db.Prepared(label):
		elog.Error(r).Msgf("%s: A prepared statement could not be found for %s with the key '%s'", l.noStatement, l.directive, label)
		return "", server.AuthnError
	}
	rows, err := db.Select(label, args...)
	if err != nil {
		elog.Error(r).Msgf("%s: Query execution error looking up '%s' in database [%s]", l.failure, who, err)
		return "", server.AuthnError
	}
	for _, row := range rows.Rows {
		for i := 1; i < len(row); i++ {
			if row[i].Valid {
				r.Env.Set(variable(rows.Columns[i]), row[i].Text)
			}
		}
		if row[0].Valid {
			return row[0].Text, server.AuthnUserFound
		}
	}
	return "", server.AuthnUserNotFound
}

// variable is the name of the variable of a column (AUTHN_PREFIX).
func variable(column string) string {
	b := []byte("AUTHENTICATE_" + column)
	for i := len("AUTHENTICATE_"); i < len(b); i++ {
		switch c := b[i]; {
		case 'a' <= c && c <= 'z':
			b[i] = c - 'a' + 'A'
		case 'A' <= c && c <= 'Z' || '0' <= c && c <= '9':
		default:
			b[i] = '_'
		}
	}
	return string(b)
}

func checkPassword(r *server.Request, user, password string) server.AuthnResult {
	hash, result := byUser.find(r, slot.Of(r.Dir).user, user, user)
	if result != server.AuthnUserFound {
		return result
	}
	r.CacheAuthn("dbd", user, nil, hash)
	if !passwd.Check(password, hash) {
		return server.AuthnDenied
	}
	return server.AuthnGranted
}

func realmHash(r *server.Request, user, realm string) (string, server.AuthnResult) {
	hash, result := byRealm.find(r, slot.Of(r.Dir).realm, fmt.Sprintf("%s:%s", user, realm), user, realm)
	if result == server.AuthnUserFound {
		r.CacheAuthn("dbd", user, &realm, hash)
	}
	return hash, result
}
