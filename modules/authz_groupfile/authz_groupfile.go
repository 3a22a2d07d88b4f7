// Package authz_groupfile brings the kinds of Require that name groups of a
// text file: group and file-group (mod_authz_groupfile).
package authz_groupfile

import (
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/authfile"
)

// Module is authz_groupfile_module.
var Module = server.Module{
	Name: "authz_groupfile_module",
	Directives: directives.Table{
		{Name: "AuthGroupFile", In: directives.AuthConfig, Reads: directives.InJail,
			Usage: "text file containing group names and member user IDs",
			Set:   slot.Take1((*config).setFile)},
	},
	Authz: []server.AuthzProvider{
		{Name: "group", Parse: parseGroup},
		{Name: "file-group", Parse: func(*directives.Cmd, string) (server.AuthzCheck, error) { return fileGroup, nil }},
	},
}

var (
	// Sections are not merged: the innermost says it all.
	slot  = directives.NewDirSlot(func(_, add config) config { return add })
	elog  = server.NewLog("authz_groupfile")
	files = authfile.NewCache(parse)
)

type config struct {
	file string // as it is reached while serving
}

func (c *config) setFile(cmd *directives.Cmd, name string) error {
	c.file = cmd.InJail(cmd.ServerRootRelative(name))
	return nil
}

// groups are the groups of each user of a file, in lower case: their names
// mean the same in any case, users' do not.
type groups map[string]map[string]bool

const maxLine = 16 << 20 // VARBUF_MAX_LEN

func parse(text string) groups {
	g := groups{}
	for line := range authfile.Lines(text, maxLine) {
		name, members := authfile.Word(line, ':')
		name = strings.ToLower(strings.TrimRight(name, " \t\n\v\f\r"))
		for members != "" {
			var user string
			user, members = httpdconf.Getword(members)
			if g[user] == nil {
				g[user] = map[string]bool{}
			}
			g[user][name] = true
		}
	}
	return g
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
		file := slot.Of(r.Dir).file
		if file == "" {
			elog.Error(r).Msg("AH01664: No group file was specified in the configuration")
			return server.AuthzDenied
		}
		g, err := files.Get(file)
		if err != nil {
			elog.Error(r).Err(err).Msgf("AH01665: Could not open group file: %s", file)
			return server.AuthzDenied
		}
		if len(g[r.User]) == 0 {
			elog.Info(r).Msgf("AH01666: Authorization of user %s to access %s failed, reason: user doesn't appear in group file (%s).",
				r.User, r.URI, file)
			return server.AuthzDenied
		}
		list, err := names.Eval(r)
		if err != nil {
			elog.Error(r).Msgf("AH02592: authz_groupfile authorize: require group: Can't evaluate require expression: %s", err)
			return server.AuthzDenied
		}
		for list != "" {
			var w string
			if w, list = httpdconf.Getword(list); w == "" {
				break
			}
			if g[r.User][strings.ToLower(w)] {
				return server.AuthzGranted
			}
		}
		elog.Debug(r).Msgf("AH01667: Authorization of user %s to access %s failed, reason: user is not part of the 'require'ed group(s).",
			r.User, r.URI)
		return server.AuthzDenied
	}, nil
}

// fileGroup lets in who is in the group that owns the file.
func fileGroup(r *server.Request) server.AuthzResult {
	if !r.UserSet {
		return server.AuthzDeniedNoUser
	}
	file := slot.Of(r.Dir).file
	if file == "" {
		elog.Error(r).Msg("AH01668: No group file was specified in the configuration")
		return server.AuthzDenied
	}
	g, err := files.Get(file)
	if err != nil {
		elog.Error(r).Err(err).Msgf("AH01669: Could not open group file: %s", file)
		return server.AuthzDenied
	}
	if len(g[r.User]) == 0 {
		elog.Error(r).Msgf("AH01670: Authorization of user %s to access %s failed, reason: user doesn't appear in group file (%s).",
			r.User, r.URI, file)
		return server.AuthzDenied
	}
	owner, ok := r.FileGroup()
	switch {
	case !ok:
		return server.AuthzDenied
	case g[r.User][strings.ToLower(owner)]:
		return server.AuthzGranted
	}
	elog.Debug(r).Msgf("AH01671: Authorization of user %s to access %s failed, reason: user is not part of the 'require'ed file group.",
		r.User, r.URI)
	return server.AuthzDenied
}
