// Package dir answers for directories (mod_dir): it adds the slash that their
// URLs end with, serves an index file, and falls back to one resource where
// nothing exists.
package dir

import (
	"errors"
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
)

// Module is dir_module.
var Module = server.Module{
	Name: "dir_module",
	Directives: directives.Table{
		{Name: "FallbackResource", In: directives.Indexes, Usage: "Set a default handler",
			Set: slot.Take1(func(c *config, _ *directives.Cmd, uri string) error {
				c.fallback = directives.Given(uri)
				return nil
			})},
		{Name: "DirectoryIndex", In: directives.Indexes, Usage: "a list of file names", Set: slot.Raw((*config).addIndex)},
		{Name: "DirectorySlash", In: directives.Indexes, Usage: "On or Off",
			Set: slot.Flag(func(c *config, on bool) { c.slash = directives.Given(on) })},
		{Name: "DirectoryCheckHandler", In: directives.Indexes, Usage: "On or Off",
			Set: slot.Flag(func(c *config, on bool) { c.checkHandler = directives.Given(on) })},
		{Name: "DirectoryIndexRedirect", In: directives.Indexes, Usage: "On, Off, or a 3xx status code.",
			Set: slot.Take1((*config).setRedirect)},
	},
	Hooks: []server.Hook{server.Fixups.Last(fixup).Plain()},
}

var slot = directives.NewDirSlot(merge)

type config struct {
	index        directives.Opt[[]string] // given and empty: disabled
	slash        directives.Opt[bool]
	checkHandler directives.Opt[bool]
	redirect     directives.Opt[int] // status; 0 is off
	fallback     directives.Opt[string]
}

func merge(base, add config) config {
	return config{
		index: add.index.Or(base.index), slash: add.slash.Or(base.slash), checkHandler: add.checkHandler.Or(base.checkHandler),
		redirect: add.redirect.Or(base.redirect), fallback: add.fallback.Or(base.fallback),
	}
}

// addIndex adds to the names that the section gave before; "disabled" as the
// only word forgets them.
func (c *config) addIndex(_ *directives.Cmd, args string) error {
	words := httpdconf.Words(args)
	if len(words) == 1 && strings.EqualFold(words[0], "disabled") {
		c.index = directives.Given([]string{})
		return nil
	}
	c.index = directives.Given(directives.Append(c.index.Else(nil), words))
	return nil
}

func (c *config) setRedirect(_ *directives.Cmd, arg string) error {
	status := 0
	switch strings.ToLower(arg) {
	case "on", "temp":
		status = 302
	case "off":
	case "permanent":
		status = 301
	case "seeother":
		status = 303
	default:
		digits := len(arg) - len(strings.TrimLeft(arg, "0123456789"))
		if digits == 0 {
			return errors.New("DirectoryIndexRedirect ON|OFF|permanent|temp|seeother|3xx")
		}
		status, _ = strconv.Atoi(arg[:digits]) // as atoi: what follows the digits is not looked at
		if !server.Status(status).IsRedirect() {
			return errors.New("DirectoryIndexRedirect only accepts values between 300 and 399")
		}
	}
	c.redirect = directives.Given(status)
	return nil
}
