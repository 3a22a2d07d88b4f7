package directives

import (
	"slices"
	"strings"

	"github.com/donjon-httpd/donjon/httpdconf"
)

// Set is the directives of the modules that are active. It grows while a
// configuration is read (LoadModule) and is not changed after.
type Set struct {
	plain, sections map[string][]*Row // by lower-case name and as declared
	modules         map[string]bool   // identifiers and source names
	version         string

	// Hints is advice for names that no active module declares, by lower-case
	// name ("<" before a section's): the module to load, or what to do instead.
	Hints map[string]string
	// Advice is asked for advice about names that no module here declares and
	// that are not nearly another's, "<" before a section's; may be nil.
	Advice func(name string) string
}

// Row is a directive and the module that declares it.
type Row struct {
	*Directive
	Module string // identifier, "alias_module"
}

// NewSet is a set without modules. <IfVersion> compares with version.
func NewSet(version string) *Set {
	return &Set{plain: map[string][]*Row{}, sections: map[string][]*Row{}, modules: map[string]bool{}, version: version}
}

// Add activates a module: identifier is "alias_module", source "mod_alias.c".
// A directive that several modules declare is run by each, the last added first.
func (s *Set) Add(identifier, source string, t Table) {
	s.modules[identifier], s.modules[source] = true, true
	for i := range t {
		d := &t[i]
		m, name := s.plain, d.Name
		if rest, ok := strings.CutPrefix(name, "<"); ok {
			m, name = s.sections, rest
		}
		rows := slices.Insert(m[strings.ToLower(name)], 0, &Row{d, identifier})
		m[strings.ToLower(name)], m[name] = rows, rows
	}
}

// ModuleActive tells whether a module with that identifier or source name was added.
func (s *Set) ModuleActive(name string) bool { return s.modules[name] }

// Version is what <IfVersion> compares with.
func (s *Set) Version() string { return s.version }

// Lookup finds the rows of a directive; names are the same in any case.
func (s *Set) Lookup(name string, section bool) []*Row {
	m := s.plain
	if section {
		m = s.sections
	}
	if r, ok := m[name]; ok {
		return r
	}
	return m[strings.ToLower(name)]
}

// Each calls f for every row, sorted by name.
func (s *Set) Each(f func(*Row)) {
	for _, m := range []map[string][]*Row{s.sections, s.plain} {
		keys := make([]string, 0, len(m))
		for k := range m {
			if k == strings.ToLower(k) {
				keys = append(keys, k)
			}
		}
		slices.Sort(keys)
		for _, k := range keys {
			for _, r := range m[k] {
				f(r)
			}
		}
	}
}

// Reading is what httpdconf asks about names while it reads a text in which
// the classes of override are allowed: All|InServer for the server's own files.
func (s *Set) Reading(override Context) *Reading { return &Reading{s, override} }

// Reading implements httpdconf.Host.
type Reading struct {
	*Set
	override Context
}

// OnRead gives what a directive does while it is read, with Apache's checks of
// context and arguments before it.
func (h *Reading) OnRead(name string, section bool) (httpdconf.ReadFunc, bool) {
	rows := h.Lookup(name, section)
	if len(rows) == 0 {
		return nil, false
	}
	d := rows[0].Directive
	if d.Set.onRead == nil {
		return nil, true
	}
	return func(r *httpdconf.Reader, n *httpdconf.Node) error {
		if h.override&d.In == 0 {
			return notAllowed(d, n)
		}
		if d.Forbid&NotInHtaccess != 0 && h.override&InServer == 0 {
			return errHtaccess(d)
		}
		if d.Set.arity == Raw {
			return d.Set.onRead(r, n)
		}
		return d.split(n.Args, func(a []string) error {
			if d.Set.arity == Each || d.Set.arity == EachAfter {
				one := *n
				one.Args = quoteWords(a)
				return d.Set.onRead(r, &one)
			}
			return d.Set.onRead(r, n)
		})
	}, true
}

// quoteWords writes words so that httpdconf.Getword reads them back.
func quoteWords(words []string) string {
	var b strings.Builder
	for i, w := range words {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteByte('"')
		b.WriteString(strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(w))
		b.WriteByte('"')
	}
	return b.String()
}
