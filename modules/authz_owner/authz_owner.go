// Package authz_owner lets in who owns the file, by name (mod_authz_owner), and
// tells the modules of groups which group owns it. Names of accounts are those
// of the outside, also in the jail.
package authz_owner

import (
	"golang.org/x/sys/unix"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is authz_owner_module.
var Module = server.Module{
	Name: "authz_owner_module",
	Authz: []server.AuthzProvider{
		{Name: "file-owner", Parse: func(*directives.Cmd, string) (server.AuthzCheck, error) { return fileOwner, nil }},
	},
	FileGroup: fileGroup,
}

var elog = server.NewLog("authz_owner")

func fileOwner(r *server.Request) server.AuthzResult {
	if !r.UserSet {
		return server.AuthzDeniedNoUser
	}
	st, ok := look(r, "AH01633", "AH01634")
	if !ok {
		return server.AuthzDenied
	}
	owner := server.UserName(st.Uid)
	if owner == "" {
		refuse(r, nil, "AH01636", "could not get name of file owner")
		return server.AuthzDenied
	}
	if owner != r.User {
		refuse(r, nil, "AH01637", "file owner "+owner+" does not match.")
		return server.AuthzDenied
	}
	return server.AuthzGranted
}

func fileGroup(r *server.Request) (string, bool) {
	st, ok := look(r, "AH01638", "AH01639")
	if !ok {
		return "", false
	}
	group := server.GroupName(st.Gid)
	if group == "" {
		refuse(r, nil, "AH01641", "could not get name of file group")
		return "", false
	}
	return group, true
}

// look asks for the file anew: a name behind the request's file may not exist.
func look(r *server.Request, noName, noFile string) (*unix.Stat_t, bool) {
	if r.Filename == "" {
		refuse(r, nil, noName, "no filename available")
		return nil, false
	}
	st := &unix.Stat_t{}
	if err := unix.Stat(r.Filename, st); err != nil {
		refuse(r, err, noFile, "could not stat file "+r.Filename)
		return nil, false
	}
	return st, true
}

func refuse(r *server.Request, err error, number, reason string) {
	elog.Error(r).Err(err).Msgf("%s: Authorization of user %s to access %s failed, reason: %s", number, r.User, r.URI, reason)
}
