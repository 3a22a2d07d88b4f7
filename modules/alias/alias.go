// Package alias maps URLs to places outside of the document root and redirects
// clients elsewhere (mod_alias).
package alias

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/pattern"
)

const (
	usageAlias = "a fakename and a realname, or a realname in a Location"
	cgiHandler = "cgi-script"
)

// Module is alias_module.
var Module = server.Module{
	Name: "alias_module",
	Directives: directives.Table{
		{Name: "Alias", In: directives.InServer | directives.InDir, Reads: directives.InJail, Usage: usageAlias,
			Set: slot.Take12(setAlias(""))},
		{Name: "ScriptAlias", In: directives.InServer | directives.InDir, Reads: directives.InJail, Usage: usageAlias,
			Set: slot.Take12(setAlias(cgiHandler))},
		{Name: "Redirect", In: directives.FileInfo, Usage: "an optional status, then document to be redirected and destination URL",
			Set: slot.Take123(setRedirect(302, false))},
		{Name: "AliasMatch", In: directives.InServer, Reads: directives.InJail, Usage: "a regular expression and a filename",
			Set: serverSlot.Take2(setAliasMatch(""))},
		{Name: "ScriptAliasMatch", In: directives.InServer, Reads: directives.InJail, Usage: "a regular expression and a filename",
			Set: serverSlot.Take2(setAliasMatch(cgiHandler))},
		{Name: "RedirectMatch", In: directives.FileInfo,
			Usage: "an optional status, then a regular expression and destination URL",
			Set:   slot.Take23(setRedirect(302, true))},
		{Name: "RedirectTemp", In: directives.FileInfo, Usage: "a document to be redirected, then the destination URL",
			Set: slot.Take2(setRedirect2(302))},
		{Name: "RedirectPermanent", In: directives.FileInfo, Usage: "a document to be redirected, then the destination URL",
			Set: slot.Take2(setRedirect2(301))},
		{Name: "RedirectRelative", In: directives.FileInfo,
			Usage: "Set to ON to allow relative redirect targets to be issued as-is",
			Set:   slot.Flag(func(c *config, on bool) { c.relative = directives.Given(on) })},
		{Name: "AliasPreservePath", In: directives.FileInfo,
			Usage: "Set to ON to map the full path after the fakename to the realname.",
			Set:   slot.Flag(func(c *config, on bool) { c.preservePath = directives.Given(on) })},
	},
	Hooks: []server.Hook{
		server.TranslateName.Middle(translate).Plain().Before("userdir_module", "vhost_alias_module"),
		server.Fixups.Middle(fixup).Plain().When(slot.If(func(c *config) bool { return c.redirect.set || len(c.redirects) > 0 })),
	},
}

var (
	slot       = directives.NewDirSlot(merge)
	serverSlot = directives.NewServerSlot(func(base, add serverConfig) serverConfig {
		return serverConfig{aliases: directives.Append(add.aliases, base.aliases), redirects: directives.Append(add.redirects, base.redirects)}
	})
)

// entry is an Alias or a Redirect with the path it is for.
type entry struct {
	fake    string
	regex   *pattern.Regexp // of the Match forms: fake is for messages alone
	real    string          // path, as it is reached while serving unless regex is set; or URL
	handler string
	status  int // of a redirect
	pos     httpdconf.Pos
}

type serverConfig struct {
	aliases, redirects []entry
}

// config is what a section says. The one-argument forms take their path from
// the section.
type config struct {
	redirects    []entry
	alias        sectionAlias
	redirect     sectionRedirect
	relative     directives.Opt[bool]
	preservePath directives.Opt[bool]
}

type sectionAlias struct {
	real    *server.Expr // nil: none
	fake    string
	handler string
	pos     httpdconf.Pos
}

type sectionRedirect struct {
	set    bool
	target *server.Expr // nil for a status without one
	status int
	pos    httpdconf.Pos
}

func merge(base, add config) config {
	m := config{
		redirects: directives.Append(add.redirects, base.redirects), alias: base.alias, redirect: base.redirect,
		relative: add.relative.Or(base.relative), preservePath: add.preservePath.Or(base.preservePath),
	}
	if add.alias.real != nil {
		m.alias = add.alias
	}
	if add.redirect.set {
		m.redirect = add.redirect
	}
	return m
}

func setAlias(handler string) func(*config, *directives.Cmd, string, string) error {
	return func(c *config, cmd *directives.Cmd, fake, real string) error {
		if real != "" {
			return addAlias(serverSlot.Edit(cmd), cmd, entry{fake: fake, real: cmd.InJail(rootRelative(cmd, real)), handler: handler, pos: cmd.Node.Pos})
		}
		if err := cmd.Check(directives.NotInDirectory | directives.NotInFiles); err != nil {
			return err
		}
		if !cmd.InSection() {
			return errors.New("Alias must have two arguments when used globally")
		}
		e, err := server.CompileExprFor(cmd, fake, server.ExprString)
		if err != nil {
			return fmt.Errorf("Cannot parse alias expression '%s': %w", fake, err)
		}
		c.alias = sectionAlias{real: e, fake: cmd.Path, handler: handler, pos: cmd.Node.Pos}
		return nil
	}
}

// rootRelative is [directives.Cmd.ServerRootRelative] for a path that others
// are appended to: it is not cleaned, and its last slash stays.
func rootRelative(cmd *directives.Cmd, real string) string {
	if path.IsAbs(real) {
		return real
	}
	return cmd.ServerRootRelative(".") + "/" + real
}

func setAliasMatch(handler string) func(*serverConfig, *directives.Cmd, string, string) error {
	return func(c *serverConfig, cmd *directives.Cmd, expr, real string) error {
		re, err := compile(expr)
		if err != nil {
			return err
		}
		return addAlias(c, cmd, entry{fake: expr, regex: re, real: real, handler: handler, pos: cmd.Node.Pos})
	}
}

func compile(expr string) (*pattern.Regexp, error) {
	re, err := pattern.Compile(expr, pattern.DefaultFlags())
	if err != nil {
		return nil, &directives.Hinted{Err: errors.New("Regular expression could not be compiled."), Hint: err.Error()}
	}
	return re, nil
}

func addAlias(c *serverConfig, cmd *directives.Cmd, e entry) error {
	if err := cmd.Check(directives.NotInDirContext); err != nil {
		return err
	}
	if e.regex == nil {
		for _, old := range c.aliases {
			if old.regex == nil && matches(e.fake, old.fake) > 0 || old.regex != nil && old.regex.MatchString(e.fake) {
				kind, match := "", ""
				if old.handler != "" {
					kind = "Script"
				}
				if old.regex != nil {
					match = "Match"
				}
				cmd.LogWarning("AH00671: The %s directive in %s at line %d will probably never match because it overlaps an earlier %sAlias%s.",
					cmd.Name, cmd.Node.Pos.File, cmd.Node.Pos.Line, kind, match)
				break
			}
		}
	}
	c.aliases = append(c.aliases, e)
	return nil
}

// matches gives the length of what an Alias's path matches at the start of uri,
// by segments and with any number of slashes for each; 0 when it does not match.
func matches(uri, fake string) int {
	u, f := 0, 0
	for f < len(fake) {
		if fake[f] != '/' {
			if u == len(uri) || uri[u] != fake[f] {
				return 0
			}
			u, f = u+1, f+1
			continue
		}
		if u == len(uri) || uri[u] != '/' {
			return 0
		}
		for f < len(fake) && fake[f] == '/' {
			f++
		}
		for u < len(uri) && uri[u] == '/' {
			u++
		}
	}
	if !strings.HasSuffix(fake, "/") && u < len(uri) && uri[u] != '/' {
		return 0
	}
	return u
}
