// Package userdir serves the pages of users below /~user/ (mod_userdir).
package userdir

import (
	"errors"
	"os"
	"path"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
)

// Module is userdir_module.
var Module = server.Module{
	Name: "userdir_module",
	Directives: directives.Table{
		{Name: "UserDir", In: directives.InServer, Reads: directives.InJail,
			Usage: "the public subdirectory in users' home directories, or 'disabled', or " +
				"'disabled username username...', or 'enabled username username...'",
			Set: slot.Raw((*config).set)},
	},
	Hooks: []server.Hook{
		server.TranslateName.Middle(translate).Plain().After("alias_module").Before("vhost_alias_module"),
	},
}

var slot = directives.NewServerSlot(merge)

type config struct {
	all      directives.Opt[bool] // enabled or disabled for everybody
	places   []string             // tried in order; nil: not given
	enabled  map[string]bool
	disabled map[string]bool
}

// merge leaves the lists of users to each server, as Apache does.
func merge(base, add config) config {
	m := add
	m.all = add.all.Or(base.all)
	if add.places == nil {
		m.places = base.places
	}
	return m
}

func (c *config) set(cmd *directives.Cmd, args string) error {
	word, users := httpdconf.Getword(args)
	var list *map[string]bool
	switch strings.ToLower(word) {
	case "":
		return errors.New("UserDir requires an argument.")
	case "disable", "disabled":
		list = &c.disabled
	case "enable", "enabled":
		list = &c.enabled
	default:
		c.places = nil
		for _, place := range httpdconf.Words(args) {
			c.places = append(c.places, inJail(cmd, place))
		}
		return nil
	}
	if users == "" {
		c.all = directives.Given(list == &c.enabled)
		return nil
	}
	if *list == nil {
		*list = map[string]bool{}
	}
	for _, u := range httpdconf.Words(users) {
		(*list)[strings.ToLower(u)] = true // Apache's tables do not tell case
	}
	return nil
}

// inJail is a place as it is reached while serving; only absolute paths change.
func inJail(cmd *directives.Cmd, place string) string {
	if path.IsAbs(place) {
		return cmd.InJail(place)
	}
	return place
}

// translate is translate_userdir of mod_userdir.c.
func translate(r *server.Request) server.Status {
	if !strings.HasPrefix(r.URI, "/~") {
		return server.Declined
	}
	c := slot.Of(r.Server)
	user, rest := cutUser(r.URI[len("/~"):])
	if len(c.places) == 0 || !c.serves(user) {
		return server.Declined
	}
	for i, place := range c.places {
		file, redirect := target(r, place, user, rest)
		if redirect != "" {
			r.Out.Set("Location", redirect)
			return 302
		}
		if file == "" {
			continue
		}
		if last := i == len(c.places)-1; !last {
			if _, err := os.Stat(file); err != nil {
				continue
			}
		}
		r.Filename = file + rest
		r.ContextPrefix, r.ContextDir = r.URI[:len(r.URI)-len(rest)], file
		return server.OK
	}
	return server.Declined
}

// cutUser cuts "user/x" into user and "/x". Several slashes behind the name are one.
func cutUser(s string) (user, rest string) {
	i := strings.IndexByte(s, '/')
	if i < 0 {
		return s, ""
	}
	return s[:i], "/" + strings.TrimLeft(s[i:], "/")
}

// serves tells whether a user's pages are served at all.
func (c *config) serves(user string) bool {
	if user == "" || user == "." || user == ".." {
		return false
	}
	key := strings.ToLower(user)
	return !c.disabled[key] && (c.all.Else(true) || c.enabled[key])
}

// target is where a place sends a user's URL: to a directory, or, when the
// place is a URL, elsewhere. Both are empty for a user without a home.
func target(r *server.Request, place, user, rest string) (dir, redirect string) {
	absolute := path.IsAbs(place)
	prefix, suffix, star := strings.Cut(place, "*")
	suffix = strings.TrimLeft(suffix, "*")
	if !star {
		prefix, suffix = "", place
	}
	url := star && strings.Contains(prefix, ":")
	switch {
	case suffix == "" || absolute:
		switch {
		case url && !absolute:
			return "", prefix + user + suffix + rest
		case star:
			return prefix + user + suffix, ""
		}
		return suffix + "/" + user, ""
	case url:
		// What a URL has behind its star is left out, as in mod_userdir.c.
		return "", prefix + user + rest
	}
	account, ok := server.LookupUser(user)
	if !ok {
		return "", ""
	}
	home, _ := r.Gen.Jail.Request(account.Home)
	return home + "/" + suffix, ""
}
