// Package vhost_alias finds the document root of a virtual host by its name or
// address (mod_vhost_alias).
package vhost_alias

import (
	"errors"
	"path"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

const (
	usageScript = "how to create a ScriptAlias based on the host"
	usageRoot   = "how to create the DocumentRoot based on the host"
)

// Module is vhost_alias_module.
var Module = server.Module{
	Name: "vhost_alias_module",
	Directives: directives.Table{
		{Name: "VirtualScriptAlias", In: directives.InServer, Reads: directives.InJail, Usage: usageScript,
			Set: set(func(c *config) *place { return &c.scripts }, byHost)},
		{Name: "VirtualDocumentRoot", In: directives.InServer, Reads: directives.InJail, Usage: usageRoot,
			Set: set(func(c *config) *place { return &c.root }, byHost)},
		{Name: "VirtualScriptAliasIP", In: directives.InServer, Reads: directives.InJail, Usage: usageScript,
			Set: set(func(c *config) *place { return &c.scripts }, byAddress)},
		{Name: "VirtualDocumentRootIP", In: directives.InServer, Reads: directives.InJail, Usage: usageRoot,
			Set: set(func(c *config) *place { return &c.root }, byAddress)},
	},
	Hooks: []server.Hook{server.TranslateName.Middle(translate).Plain().After("alias_module", "userdir_module")},
}

var slot = directives.NewServerSlot(func(base, add config) config {
	return config{root: add.root.or(base.root), scripts: add.scripts.or(base.scripts)}
})

type config struct{ root, scripts place }

// place is a directory with the parts of a name in it.
type place struct {
	mode mode
	path string // "" for none
}

type mode uint8

const (
	unset mode = iota
	none
	byHost
	byAddress
)

func (p place) or(base place) place {
	if p.mode == unset {
		return base
	}
	return p
}

func set(field func(*config) *place, m mode) directives.Setter {
	return slot.Take1(func(c *config, cmd *directives.Cmd, text string) error {
		if !path.IsAbs(text) {
			if !strings.EqualFold(text, "none") {
				return errors.New("format string must be an absolute path, or 'none'")
			}
			*field(c) = place{mode: none}
			return nil
		}
		if !valid(text) {
			return errors.New("syntax error in format string")
		}
		*field(c) = place{m, cmd.InJail(text)}
		return nil
	})
}

// valid checks the specifiers of a path: %%, %p, %N and %N.M, each number with
// a dash before it and a plus behind it.
func valid(text string) bool {
	for {
		_, rest, found := strings.Cut(text, "%")
		if !found {
			return true
		}
		if strings.HasPrefix(rest, "%") || strings.HasPrefix(rest, "p") {
			text = rest[1:]
			continue
		}
		_, rest, ok := number(rest)
		if !ok {
			return false
		}
		if strings.HasPrefix(rest, ".") {
			if _, rest, ok = number(rest[1:]); !ok {
				return false
			}
		}
		text = rest
	}
}

// part is a number of a specifier: which part, from the end, and those behind it.
type part struct {
	n            int
	fromEnd      bool
	andFollowing bool
}

func number(s string) (p part, rest string, ok bool) {
	s, p.fromEnd = strings.CutPrefix(s, "-")
	if s == "" || s[0] < '0' || s[0] > '9' {
		return p, s, false
	}
	p.n = int(s[0] - '0')
	s, p.andFollowing = strings.CutPrefix(s[1:], "+")
	return p, s, true
}
