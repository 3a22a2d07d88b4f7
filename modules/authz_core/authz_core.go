// Package authz_core decides who may have a resource: Require and its
// containers (mod_authz_core). Other modules bring the kinds of Require; this
// one has all, env, method and expr.
package authz_core

import (
	"errors"
	"fmt"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
)

var Module = server.Module{
	Name: "authz_core_module",
	Directives: directives.Table{
		{Name: "<AuthzProviderAlias", In: directives.InServer,
			Usage: "container for grouping an authorization provider's directives under a provider alias",
			Set:   aliases.Raw((*aliasConfig).add)},
		{Name: "Require", In: directives.AuthConfig,
			Usage: "specifies authorization directives which one must pass (or not) for a request to suceeed",
			Set:   slot.Raw((*config).require)},
		{Name: "<RequireAll", In: directives.AuthConfig,
			Usage: "container for grouping authorization directives of which none must fail and at least one must pass for a request to succeed",
			Set:   container(section{and: true})},
		{Name: "<RequireAny", In: directives.AuthConfig,
			Usage: "container for grouping authorization directives of which one must pass for a request to succeed",
			Set:   container(section{})},
		{Name: "<RequireNone", In: directives.AuthConfig,
			Usage: "container for grouping authorization directives of which none must pass for a request to succeed",
			Set:   container(section{negate: true})},
		{Name: "AuthMerging", In: directives.AuthConfig,
			Usage: "controls how a <Directory>, <Location>, or similar directive's authorization directives are combined with those of its predecessor",
			Set:   slot.Take1((*config).setMerging)},
		{Name: "AuthzSendForbiddenOnFailure", In: directives.AuthConfig,
			Usage: "Controls if an authorization failure should result in a '403 FORBIDDEN' response instead of the HTTP-conforming '401 UNAUTHORIZED'",
			Set:   slot.Flag(func(c *config, on bool) { c.forbid = directives.Given(on) })},
	},
	Hooks: []server.Hook{
		server.CheckConfig.Middle(checkConfig),
		server.PostConfig.Middle(simplify),
		server.AccessCheckerEx.Last(func(r *server.Request) server.Status { return authorize(r, false) }).Plain(),
		server.AuthChecker.Last(func(r *server.Request) server.Status { return authorize(r, true) }).Plain(),
	},
	Authz: providers,
	RequiresAuthz: func(r *server.Request) bool {
		root := slot.Of(r.Dir).root
		return root != nil && root.limited&r.MethodBit() != 0
	},
}

var slot = directives.NewDirSlot(merge)

type merging uint8

const (
	mergeUnset merging = iota
	mergeOff
	mergeAnd
	mergeOr
)

// config is the tree of requirements of one section, and how it is combined
// with that of the sections around it.
type config struct {
	root    *section
	merging merging
	forbid  directives.Opt[bool]

	open *section // while a container is compiled: the innermost one
}

// section is a Require (check is set) or a container of sections.
type section struct {
	and     bool // all must hold; else any
	negate  bool
	merged  bool  // made by AuthMerging
	limited int64 // methods, as bits; -1 all

	name, args string
	check      server.AuthzCheck

	children []*section
}

func merge(base, add config) config {
	m := add
	switch {
	case add.merging == mergeUnset && add.root == nil && base.root != nil:
		m = base // only AuthzSendForbiddenOnFailure was given
	case add.merging == mergeOff || add.merging == mergeUnset || base.root == nil && add.root == nil:
	case base.root == nil:
	case add.root == nil:
		m.root = base.root
	default:
		m.root = &section{and: add.merging == mergeAnd, merged: true,
			limited:  base.root.limited | add.root.limited,
			children: []*section{base.root, add.root}}
	}
	m.forbid = add.forbid.Or(base.forbid)
	return m
}

// current is the container that a Require or container at this place goes
// into: the open one, or the section's own, which is a RequireAny.
func (c *config) current(cmd *directives.Cmd) *section {
	if c.open != nil {
		return c.open
	}
	if c.root == nil {
		c.root = &section{}
		if !cmd.Htaccess {
			remember(cmd, c)
		}
	}
	return c.root
}

func (c *config) require(cmd *directives.Cmd, args string) error {
	s := &section{limited: cmd.Limited}
	s.name, s.args = httpdconf.Getword(args)
	if strings.EqualFold(s.name, "not") {
		s.name, s.args = httpdconf.Getword(s.args)
		s.negate = true
	}
	p := lookup(cmd, s.name)
	if p == nil {
		return &directives.Hinted{Err: fmt.Errorf("Unknown Authz provider: %s", s.name), Hint: providerHint(s.name)}
	}
	var err error
	if s.check, err = p.Parse(cmd, s.args); err != nil {
		return err
	}
	in := c.current(cmd)
	if s.negate && !in.and {
		return fmt.Errorf("negative %s directive has no effect in %s directive", cmd.Name, in)
	}
	in.limited |= s.limited
	in.children = append(in.children, s)
	return nil
}

// container makes the setter of a <Require…> section.
func container(kind section) directives.Setter {
	return slot.Raw(func(c *config, cmd *directives.Cmd, args string) error {
		if !cmd.Node.Closed {
			return cmd.Unclosed()
		}
		if args != "" {
			return errors.New(cmd.Name + "> directive doesn't take additional arguments")
		}
		s := kind
		outer := c.open
		c.open = &s
		cmd.Nested(func(inner *directives.Cmd) {
			const limitedByContainer = 1 << 63 // as if in <Limit>, for checks of context
			inner.Limited = int64(uint64(inner.Limited) &^ limitedByContainer)
			inner.Override = directives.AuthConfig
		})
		c.open = outer
		if len(s.children) == 0 {
			return fmt.Errorf("%s directive contains no authorization directives", &s)
		}
		in := c.current(cmd)
		if s.negate && !in.and {
			return fmt.Errorf("%s directive has no effect in %s directive", &s, in)
		}
		in.limited |= s.limited
		if !s.negate && s.and == in.and {
			in.children = append(in.children, s.children...)
		} else {
			in.children = append(in.children, &s)
		}
		return nil
	})
}

func (c *config) setMerging(cmd *directives.Cmd, arg string) error {
	switch strings.ToLower(arg) {
	case "off":
		c.merging = mergeOff
	case "and":
		c.merging = mergeAnd
	case "or":
		c.merging = mergeOr
	default:
		return fmt.Errorf("%s must be one of: Off | And | Or", cmd.Name)
	}
	return nil
}

// String is the section as Apache's messages name it.
func (s *section) String() string {
	if s.check != nil {
		text := "Require "
		if s.negate {
			text += "not "
		}
		return text + s.name + " " + s.args
	}
	kind := map[bool]string{true: "All", false: "Any"}[s.and]
	switch {
	case s.merged:
		return "AuthMerging " + kind
	case s.negate && s.and: // made by simplify
		return "<RequireNotAll>"
	case s.negate:
		return "<RequireNone>"
	}
	return "<Require" + kind + ">"
}

// checked is the list of all trees of the server's files, for checkConfig.
var checked = directives.NewServerSlot(func(base, _ []*config) []*config { return base })

func remember(cmd *directives.Cmd, c *config) {
	main := cmd.Server
	if main.Main != nil {
		main = main.Main
	}
	list := checked.EditServer(main)
	*list = append(*list, c)
}

// checkConfig refuses containers that hold only negative requirements: nobody
// could ever pass them.
func checkConfig(g *server.Generation) error {
	for _, c := range *checked.Of(g.Config.Main) {
		if err := checkSection(c.root, true); err != nil {
			return err
		}
	}
	return nil
}

func checkSection(s *section, top bool) error {
	positive := false
	for _, child := range s.children {
		if child.check == nil {
			if err := checkSection(child, false); err != nil {
				return err
			}
		}
		positive = positive || !child.negate
	}
	if positive {
		return nil
	}
	name := "<Directory>, <Location>, or similar"
	if !top {
		name = s.String()
	}
	return fmt.Errorf("AH01624: %s directive contains only negative authorization directives", name)
}

// simplify takes a level out of the trees of the server's files where it means
// the same: "none of these" in an "all" is "all of: not this".
func simplify(g *server.Generation) error {
	for _, c := range *checked.Of(g.Config.Main) {
		c.root.simplify()
	}
	return nil
}

func (s *section) simplify() {
	var children []*section
	for _, child := range s.children {
		child.simplify()
		if child.check != nil || !child.negate || child.and == s.and {
			children = append(children, child)
			continue
		}
		for _, c := range child.children {
			c.negate = !c.negate
		}
		children = append(children, child.children...)
	}
	s.children = children
}
