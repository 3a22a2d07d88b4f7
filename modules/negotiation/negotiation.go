// Package negotiation chooses among the variants of a resource: those of a type
// map, or the files that MultiViews finds (mod_negotiation; RFC 2295, RFC 2296).
package negotiation

import (
	"errors"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is negotiation_module.
var Module = server.Module{
	Name: "negotiation_module",
	Directives: directives.Table{
		{Name: "CacheNegotiatedDocs", In: directives.InServer, Usage: "Either 'on' or 'off' (default)",
			Set: serverSlot.Flag(func(c *bool, on bool) { *c = on })},
		{Name: "LanguagePriority", In: directives.FileInfo, Usage: "space-delimited list of MIME language abbreviations",
			Set: slot.Iterate(func(c *config, _ *directives.Cmd, lang string) error {
				c.priority = append(c.priority, lang)
				return nil
			})},
		{Name: "ForceLanguagePriority", In: directives.FileInfo,
			Usage: "Force LanguagePriority elections, either None, or Fallback and/or Prefer", Set: slot.Iterate((*config).setForce)},
	},
	Hooks: []server.Hook{
		server.Fixups.Middle(fixEncoding).Plain(),
		server.TypeChecker.First(multiViews).Plain().When(server.CoreDir.If(func(c *server.DirConfig) bool {
			return c.EffectiveOptions()&server.OptMultiViews != 0
		})),
		server.Handler.Named(mapType, typeMap).Plain().Harmless(),
		server.Handler.Named(mapHandler, typeMap).Plain().Harmless(),
	},
}

const (
	mapType    = "application/x-type-map"
	mapHandler = "type-map"

	// The types of documents with server-side includes are HTML too.
	includesType  = "text/x-server-parsed-html"
	includesType3 = "text/x-server-parsed-html3"
	// scriptType is that of what has a handler and no type (CGI_MAGIC_TYPE).
	scriptType = "application/x-httpd-cgi"
)

var (
	slot = directives.NewDirSlot(func(base, add config) config {
		m := base
		if add.force != 0 {
			m.force = add.force
		}
		if add.priority != nil {
			m.priority = add.priority
		}
		return m
	})
	// serverSlot is CacheNegotiatedDocs. A virtual host cannot take back what
	// the main server says (2.4.71).
	serverSlot = directives.NewServerSlot(func(base, add bool) bool { return base || add })
	elog       = server.NewLog("negotiation")
)

type config struct {
	force    force
	priority []string // languages, the best first
}

// force says what LanguagePriority decides; 0 is prefer, but inherited.
type force uint8

const (
	forceNone     force = 1 << iota
	forcePrefer         // among equal languages
	forceFallback       // where no language is acceptable
)

func (c *config) setForce(_ *directives.Cmd, word string) error {
	bit, name := force(0), ""
	switch strings.ToLower(word) {
	case "none":
		if c.force&^forceNone != 0 {
			return errors.New("Cannot combine ForceLanguagePriority options with None")
		}
		c.force = forceNone
		return nil
	case "prefer":
		bit, name = forcePrefer, "Prefer"
	case "fallback":
		bit, name = forceFallback, "Fallback"
	default:
		return errors.New("Invalid ForceLanguagePriority option " + word)
	}
	if c.force&forceNone != 0 {
		return errors.New("Cannot combine ForceLanguagePriority options None and " + name)
	}
	c.force |= bit
	return nil
}
