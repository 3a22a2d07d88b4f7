// Package rewrite changes URLs by rules (mod_rewrite): those of a server when
// the URL is translated to a file, those of directories and .htaccess files
// when the file is known.
package rewrite

import (
	"errors"
	"fmt"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
)

// redirectHandler is the handler that starts the internal redirect which
// follows rules of directories.
const redirectHandler = "redirect-handler"

// Module is rewrite_module.
var Module = server.Module{
	Name:    "rewrite_module",
	Mutexes: []string{"rewrite-map"},
	Directives: directives.Table{
		{Name: "RewriteEngine", In: directives.FileInfo, Usage: "On or Off to enable or disable (default) the whole rewriting engine",
			Set: slot.FlagErr(setEngine),
			Details: "Switches the rules on for the server, or for one directory. Off in a directory stops the rules of the server " +
				"for it too, if the directory is a <Location>."},
		{Name: "RewriteOptions", In: directives.FileInfo, Usage: "List of option strings to set",
			Set: slot.Iterate(setOptions),
			Details: "Inherit and InheritBefore take the rules of the surrounding configuration behind or before the own ones; " +
				"InheritDown and InheritDownBefore give them to what is below, unless that says IgnoreInherit. MergeBase inherits RewriteBase. " +
				"AllowNoSlash applies rules to a directory without its last slash, AllowAnyURI to targets that are no path. " +
				"IgnoreContextInfo, LegacyPrefixDocRoot and UnsafePrefixStat choose older ways to turn a result into a path."},
		{Name: "RewriteBase", In: directives.FileInfo, Usage: "the base URL of the per-directory context",
			Set: slot.Take1(setBase),
			Details: "The URL-path under which clients reach the directory; it stands before relative results. It is needed when an Alias " +
				"leads to the directory by a name that is not its path below the document root."},
		{Name: "RewriteCond", In: directives.FileInfo, Usage: "an input string and a to be applied regexp-pattern",
			Set: slot.Raw(addCond),
			Details: "A condition of the next RewriteRule. The input may hold %{VARIABLE}, %{HTTP:Field}, %{ENV:name}, %{LA-U:VARIABLE}, " +
				"%{LA-F:VARIABLE}, $1 of the rule and %1 of an earlier condition, ${map:key|default}. Patterns are regular expressions, -d -f -F -h -l -L " +
				"-s -U -x, comparisons <text >text =text <=text >=text, -lt -le -eq -ge -gt -ne and a number; ! negates. An input of 'expr' takes an " +
				"expression. Flags: NC, OR, NV."},
		{Name: "RewriteRule", In: directives.FileInfo, Usage: "an URL-applied regexp-pattern and a substitution URL",
			Set: slot.Raw(addRule),
			Details: "Replaces the URL where the pattern matches and all conditions hold; '-' replaces nothing. Flags: B (with its list), BCTLS, BNE, BNP " +
				"escape what $1 brings; C chains, S skips, L and END stop, N starts over (at most 32000 times); CO sets a cookie, E a variable, H a handler, " +
				"T a media type; F, G and R answer; P proxies; PT hands over to Alias; QSA, QSD, QSL, NE shape query and escaping; DPI drops the " +
				"path info; NC, NS; UNC, UnsafeAllow3F and UnsafePrefixStat."},
		{Name: "RewriteMap", In: directives.InServer, Usage: "a mapname and a filename and options", Reads: directives.InJail,
			Set: serverSlot.Take23(addMap),
			Details: "Names a table for ${name:key}: txt: and rnd: a file of words, dbm: a database made by httxt2dbm (sdbm, gdbm or db), " +
				"prg: a program that answers line for line, int: tolower, toupper, escape, unescape. A file outside of the jail is read when a child starts; " +
				"one inside is read again when it has changed. A program is started by the parent, outside."},
	},
	Hooks: []server.Hook{
		server.PostConfig.Middle(startPrograms),
		server.BeforeJail.Middle(preloadMaps),
		server.TranslateName.First(translate).Plain().Before("proxy_module").When(slot.If((*config).enabled)),
		server.Fixups.First(fixup).Plain().Before("proxy_module").When(slot.If(func(c *config) bool { return c.enabled() && c.dir != "" })),
		server.Fixups.Last(forceType).Plain(),
		server.Handler.Named(redirectHandler, redirect).Harmless(),
	},
}

var (
	slot       = directives.NewDirSlot(merge)
	serverSlot = directives.NewServerSlot(mergeServer)
	elog       = server.NewLog("rewrite")
)

// option is a bit of RewriteOptions.
type option uint16

const (
	inherit option = 1 << iota
	inheritBefore
	inheritDown
	inheritDownBefore
	ignoreInherit
	allowNoSlash
	allowAnyURI
	mergeBase
	ignoreContextInfo
	legacyPrefixDocRoot
	unsafePrefixStat
)

var optionNames = map[string]option{
	"inherit": inherit, "inheritbefore": inheritBefore, "inheritdown": inheritDown, "inheritdownbefore": inheritDownBefore,
	"ignoreinherit": ignoreInherit, "allownoslash": allowNoSlash, "allowanyuri": allowAnyURI, "mergebase": mergeBase,
	"ignorecontextinfo": ignoreContextInfo, "legacyprefixdocroot": legacyPrefixDocRoot, "unsafeprefixstat": unsafePrefixStat,
}

// settings are what servers and sections have in common.
type settings struct {
	engine  directives.Opt[bool]
	options directives.Opt[option]
	conds   []*cond // of the rule that is still to come
	rules   []*rule
}

func (s *settings) has(o option) bool { return s.options.Else(0)&o != 0 }

// config is what a section says.
type config struct {
	settings
	dir  string // what the section is for, with a slash at its end; "" outside of sections
	base directives.Opt[string]
}

func (c *config) enabled() bool { return c.engine.Else(false) }

// serverConfig is what a server says.
type serverConfig struct {
	settings
	owner *directives.Server // a virtual host that says nothing shares the main server's value, and is not its owner
	maps  map[string]*rewriteMap
}

// inherits tells whether and on which side add takes what base has.
func inherits(merged, base *settings) (behind, before bool) {
	switch {
	case merged.has(inherit), base.has(inheritDown) && !merged.has(ignoreInherit):
		return true, false
	case merged.has(inheritBefore), base.has(inheritDownBefore) && !merged.has(ignoreInherit):
		return false, true
	}
	return false, false
}

func mergeSettings(base, add *settings) settings {
	m := settings{engine: add.engine.Or(base.engine), options: add.options.Or(base.options), conds: add.conds, rules: add.rules}
	switch behind, before := inherits(&m, base); {
	case behind:
		m.conds, m.rules = directives.Append(add.conds, base.conds), directives.Append(add.rules, base.rules)
	case before:
		m.conds, m.rules = directives.Append(base.conds, add.conds), directives.Append(base.rules, add.rules)
	}
	return m
}

func merge(base, add config) config {
	m := config{settings: mergeSettings(&base.settings, &add.settings), dir: add.dir, base: add.base}
	if m.has(mergeBase) {
		m.base = add.base.Or(base.base)
	}
	return m
}

func mergeServer(base, add serverConfig) serverConfig {
	m := serverConfig{settings: mergeSettings(&base.settings, &add.settings), owner: add.owner, maps: add.maps}
	switch behind, before := inherits(&m.settings, &base.settings); {
	case behind:
		m.maps = directives.Overlay(base.maps, add.maps)
	case before:
		m.maps = directives.Overlay(add.maps, base.maps)
	}
	return m
}

// enter notes where the section is.
func (c *config) enter(cmd *directives.Cmd) {
	if c.dir = cmd.Path; c.dir != "" && !strings.HasSuffix(c.dir, "/") {
		c.dir += "/"
	}
}

// editServer is the configuration of the server that cmd stands in.
func editServer(cmd *directives.Cmd) *serverConfig {
	s := serverSlot.Edit(cmd)
	s.owner = cmd.Server
	return s
}

// place is where a rule or condition belongs.
func (c *config) place(cmd *directives.Cmd) *settings {
	c.enter(cmd)
	if cmd.InSection() {
		return &c.settings
	}
	return &editServer(cmd).settings
}

func setEngine(c *config, cmd *directives.Cmd, on bool) error {
	c.place(cmd).engine = directives.Given(on)
	c.engine = directives.Given(on)
	return nil
}

func setOptions(c *config, cmd *directives.Cmd, arg string) error {
	var bits option
	for arg != "" {
		var word string
		word, arg = httpdconf.Getword(arg)
		bit, ok := optionNames[strings.ToLower(word)]
		switch {
		case ok:
			bits |= bit
		case len(word) >= len("MaxRedirects=") && strings.EqualFold(word[:len("MaxRedirects=")], "MaxRedirects="):
			cmd.LogWarning("AH00664: RewriteOptions: MaxRedirects option has been removed in favor of the global " +
				"LimitInternalRecursion directive and will be ignored.")
		default:
			return fmt.Errorf("RewriteOptions: unknown option '%s'", word)
		}
	}
	s := c.place(cmd)
	if s != &c.settings {
		s.options = directives.Given(s.options.Else(0) | bits)
	}
	c.options = directives.Given(c.options.Else(0) | bits)
	return nil
}

func setBase(c *config, cmd *directives.Cmd, base string) error {
	switch {
	case !cmd.InSection():
		return errors.New("RewriteBase: only valid in per-directory config files")
	case base == "":
		return errors.New("RewriteBase: empty URL not allowed")
	case base[0] != '/':
		return errors.New("RewriteBase: argument is not a valid URL")
	}
	c.enter(cmd)
	c.base = directives.Given(base)
	return nil
}
