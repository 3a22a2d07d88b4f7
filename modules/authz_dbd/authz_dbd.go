// Package authz_dbd brings the kinds of Require that ask an SQL database:
// dbd-group, and dbd-login and dbd-logout, which note who comes and goes
// (mod_authz_dbd).
package authz_dbd

import (
	"slices"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is authz_dbd_module.
var Module = server.Module{
	Name: "authz_dbd_module",
	Directives: directives.Table{
		{Name: "AuthzDBDLoginToReferer", In: directives.InDir, Usage: "Whether to redirect to referer on successful login",
			Set: slot.Flag(func(c *config, on bool) { c.toReferer = directives.Given(on) })},
		{Name: "AuthzDBDQuery", In: directives.InDir, Usage: "SQL query for DBD Authz or login",
			Set: slot.Take1(func(c *config, cmd *directives.Cmd, q string) error { return prepare(&c.query, cmd, q) })},
		{Name: "AuthzDBDRedirectQuery", In: directives.InDir, Usage: "SQL query to get per-user redirect URL after login",
			Set: slot.Take1(func(c *config, cmd *directives.Cmd, q string) error { return prepare(&c.redirect, cmd, q) })},
	},
	Authz: []server.AuthzProvider{
		{Name: "dbd-group", Parse: parseGroup},
		{Name: "dbd-login", Parse: parseAction("login")},
		{Name: "dbd-logout", Parse: parseAction("logout")},
	},
}

var (
	slot = directives.NewDirSlot(func(base, add config) config {
		return config{add.query.Or(base.query), add.redirect.Or(base.redirect), add.toReferer.Or(base.toReferer)}
	})
	elog = server.NewLog("authz_dbd")
)

type config struct {
	query, redirect directives.Opt[string] // labels of the queries
	toReferer       directives.Opt[bool]
}

func prepare(to *directives.Opt[string], cmd *directives.Cmd, query string) error {
	label, err := server.PrepareDBD(cmd, "authz_dbd", "AuthzDBD", query)
	if err == nil {
		*to = directives.Given(label)
	}
	return err
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
		groups, ok := slot.Of(r.Dir).groups(r)
		if !ok {
			return server.AuthzError
		}
		list, err := names.Eval(r)
		if err != nil {
			elog.Error(r).Msgf("AH02590: authz_dbd authorize: require dbd-group: Can't evaluate require expression: %s", err)
			return server.AuthzDenied
		}
		for _, w := range strings.Fields(list) { // quotes mean nothing here
			if slices.Contains(groups, w) {
				return server.AuthzGranted
			}
		}
		return server.AuthzDenied
	}, nil
}

// groups asks for the groups of r's user; false when that failed, and the log
// says why.
func (c *config) groups(r *server.Request) ([]string, bool) {
	label, given := c.query.Get()
	if !given {
		elog.Error(r).Msg("AH01649: No query configured for dbd-group!")
		return nil, false
	}
	db := r.DBD()
	if db == nil {
		elog.Error(r).Msg("AH02903: No db handle available for dbd-query! Check your database access")
		return nil, false
	}
	if !db.Prepared(label) {
		elog.Error(r).Msg("AH01650: Error retrieving query for dbd-group!")
		return nil, false
	}
	rows, err := db.Select(label, r.User)
	if err != nil {
		elog.Error(r).Msgf("AH01652: authz_dbd, in groups query for %s [%s]", r.User, err)
		return nil, false
	}
	var groups []string
	for _, row := range rows.Rows {
		if row[0].Valid {
			groups = append(groups, row[0].Text)
		}
	}
	return groups, true
}

func parseAction(action string) func(*directives.Cmd, string) (server.AuthzCheck, error) {
	check := func(r *server.Request) server.AuthzResult {
		switch {
		case !r.UserSet:
			return server.AuthzDeniedNoUser
		case !slot.Of(r.Dir).note(r, action):
			return server.AuthzDenied
		}
		return server.AuthzGranted
	}
	return func(*directives.Cmd, string) (server.AuthzCheck, error) { return check, nil }
}

// note writes down that a user comes or goes, and sends him where he belongs;
// false when that failed, and the log says why.
func (c *config) note(r *server.Request, action string) bool {
	label, given := c.query.Get()
	if !given {
		elog.Error(r).Msgf("AH01642: No query configured for %s!", action)
		return false
	}
	db := r.DBD()
	if db == nil {
		elog.Error(r).Msgf("AH02902: No db handle available for %s! Check your database access", action)
		return false
	}
	if !db.Prepared(label) {
		elog.Error(r).Msgf("AH01643: Error retrieving Query for %s!", action)
		return false
	}
	rows, err := db.Exec(label, r.User)
	if err != nil {
		elog.Error(r).Msgf("AH01645: authz_dbd: query for %s failed; user %s [%s]", action, r.User, err)
		return false
	}
	if rows != 1 {
		elog.Warn(r).Msgf("AH01644: authz_dbd: %s of user %s updated %d rows", action, r.User, rows)
	}
	if to, ok := c.target(r, db, action); ok {
		r.Status = 302
		r.ErrOut.Set("Location", to)
	}
	return true
}

// target is where a user is sent after a login; false for nowhere.
func (c *config) target(r *server.Request, db server.DBConn, action string) (string, bool) {
	if c.toReferer.Else(false) {
		if v, ok := r.FieldIn("Referer"); ok {
			return v, true
		}
	}
	label, given := c.redirect.Get()
	if !given {
		return "", false
	}
	if !db.Prepared(label) {
		elog.Error(r).Msg("AH01646: authz_dbd: no redirect query!")
		return "", false
	}
	rows, err := db.Select(label, r.User)
	if err != nil {
		elog.Error(r).Msgf("AH01648: authz_dbd/redirect for %s of %s [%s]", action, r.User, err)
		return "", false
	}
	for _, row := range rows.Rows {
		if row[0].Valid {
			return row[0].Text, true
		}
	}
	return "", false
}
