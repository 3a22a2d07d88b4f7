package server

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
)

// Version is the Apache version that we are compatible with: <IfVersion>
// compares with it, -v and SERVER_SOFTWARE name it.
const Version = "2.4.71"

// DonjonVersion is our own.
const DonjonVersion = "0.1.0"

// Loader reads and compiles configurations with the modules that are built in.
type Loader struct {
	Builtin []*Module
	Source  httpdconf.Source // where files come from; a child replays the parent's
	Defines []string         // -D
	Before  []string         // -C
	After   []string         // -c
	Root    string           // -d; ServerRoot until the text says otherwise
	NoRoots bool             // -T: whether document roots exist is not looked at
	Outside bool             // paths stay what they are outside of the jail: nothing will be served

	active []*Module
	set    *directives.Set
	files  []*httpdconf.Node // LoadFile lines
}

// LoadFile remembers a LoadFile line, which leaves nothing in the tree.
func (l *Loader) LoadFile(n *httpdconf.Node) { l.files = append(l.files, n) }

// Load reads file, activates the modules it asks for, and compiles it. The
// generation is nil when the diagnostics hold an error.
func (l *Loader) Load(file string) (*Generation, httpdconf.Diagnostics) {
	l.start()
	tree, diags := l.read(file)
	if l.onlyStatic() && !diags.Failed() {
		l.start()
		for _, m := range l.Builtin {
			if !m.Static && !m.OnRequest {
				l.activate(m)
			}
		}
		tree, diags = l.read(file)
	}
	if diags.Failed() {
		return nil, diags
	}
	g := &Generation{}
	cfg, more := directives.Compile(tree, l.set, directives.Setup{
		ServerRoot: tree.ServerRoot,
		Owner:      l,
		Defaults:   l.defaults,
		Early: func(main *directives.Server) func(string) string {
			if l.Outside {
				return nil
			}
			g.Jail = JailOf(main)
			if !g.Jail.Fix() {
				return nil
			}
			return func(path string) string {
				inside, changed := g.Jail.Request(path)
				if line := path + " -> " + inside; changed && !slices.Contains(g.Translated, line) {
					g.Translated = append(g.Translated, line)
				}
				return inside
			}
		},
	})
	diags = append(diags, more...)
	if diags.Failed() {
		return nil, diags
	}
	CoreServer.EditServer(cfg.Main).ServerRoot = tree.ServerRoot
	diags = append(diags, nameServers(cfg)...)
	made, err := NewGeneration(cfg, l.active)
	if err != nil {
		return nil, append(diags, httpdconf.Diagnostic{Severity: httpdconf.Error, Summary: err.Error()})
	}
	made.Jail, made.Translated, made.LoadFiles = g.Jail, g.Translated, l.files
	made.Defines, made.Vars = slices.Sorted(maps.Keys(tree.Defined)), tree.Vars
	return made, diags
}

func (l *Loader) start() {
	l.active, l.files, l.set = nil, nil, directives.NewSet(Version)
	l.set.Hints, l.set.Advice = l.hints(), foreignHint
	for _, m := range l.Builtin {
		if m.Static {
			l.activate(m)
		}
	}
}

func (l *Loader) read(file string) (*httpdconf.Tree, httpdconf.Diagnostics) {
	return httpdconf.Load(file, httpdconf.Options{
		Source: l.Source, Host: &reading{l.set.Reading(directives.MainFile), l},
		Defines: l.Defines, Before: l.Before, After: l.After, ServerRoot: l.Root, Version: Version,
	})
}

// reading is what ReadFuncs find when they ask the Reader for its Host.
type reading struct {
	*directives.Reading
	*Loader
}

// LoadModule activates a built-in module by its identifier. It answers false
// when LoadModule had activated it before (Apache warns: "already loaded,
// skipping"). file is for the message alone.
func (l *Loader) LoadModule(identifier, file string) (bool, error) {
	named := func(m *Module) bool { return m.Name == identifier }
	i := slices.IndexFunc(l.Builtin, named)
	switch {
	case i < 0:
		return false, fmt.Errorf("Cannot load %s into server: Donjon has no %s built in", file, identifier)
	case l.Builtin[i].Static:
		return false, fmt.Errorf("module %s is built-in and can't be loaded", identifier)
	case slices.ContainsFunc(l.active, named):
		return false, nil
	}
	l.activate(l.Builtin[i])
	return true, nil
}

// Replayed tells whether a child compiles what its parent has read and checked:
// files that are gone since must not keep it from starting.
func (l *Loader) Replayed() bool {
	_, ok := l.Source.(*httpdconf.Replay)
	return ok
}

// Active is the modules that the last Load activated, in that order.
func (l *Loader) Active() []*Module { return l.active }

func (l *Loader) activate(m *Module) {
	l.active = append(l.active, m)
	l.set.Add(m.Name, m.SourceName(), m.Directives)
}

// onlyStatic tells whether the text loaded no module: it then gets all of
// them, as from an Apache built with --enable-mods-static=most.
func (l *Loader) onlyStatic() bool {
	return !slices.ContainsFunc(l.active, func(m *Module) bool { return !m.Static })
}

func (l *Loader) defaults(main *directives.Server) {
	for _, m := range l.active {
		if m.Defaults != nil {
			m.Defaults(main)
		}
	}
}

// hints tells for each directive of a module that is not active what to load.
func (l *Loader) hints() map[string]string {
	h := map[string]string{}
	for _, m := range l.Builtin {
		short := strings.TrimSuffix(m.Name, "_module")
		for _, d := range m.Directives {
			h[strings.ToLower(d.Name)] = fmt.Sprintf("LoadModule %s modules/mod_%s.so activates it", m.Name, short)
		}
	}
	return h
}
