package server

import (
	"os"
	"slices"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
)

// walkKind is a walk whose sections are merged with one another first.
type walkKind uint8

const (
	directoryWalk walkKind = iota
	filesWalk
	locationWalk
	ifWalk
	numWalks
)

var walkNames = [numWalks]string{"directory", "files", "location", "if"}

// applied is a section that a walk took, or the directives of an access file.
type applied struct {
	kind  string
	place Place
	nodes []*httpdconf.Node
}

// walk begins a walk anew: what it took before does not hold any more.
func (x *Explanation) walk(r *Request, k walkKind) { x.walked(r)[k] = nil }

func (x *Explanation) walked(r *Request) *[numWalks][]applied {
	if x.walks == nil {
		x.walks = map[*Request]*[numWalks][]applied{}
	}
	if x.walks[r] == nil {
		x.walks[r] = new([numWalks][]applied)
	}
	return x.walks[r]
}

func (x *Explanation) took(r *Request, k walkKind, s *Section) {
	w := x.walked(r)
	w[k] = append(w[k], applied{walkNames[k], placeOfNode(s.Node), s.Node.Children})
}

// tookFile is took for an access file. It is read once more: the lines of a
// file that was compiled are not kept.
func (x *Explanation) tookFile(r *Request, dir string) {
	names := CoreServer.Of(r.Server).AccessFileNames
	if names == nil {
		names = []string{".htaccess"}
	}
	for _, name := range names {
		text, err := os.ReadFile(dir + name)
		if err != nil {
			continue
		}
		g := r.Gen
		tree, _ := httpdconf.ParseHtaccess(dir+name, string(text), httpdconf.Options{Host: g.Config.Set.Reading(directives.All),
			Version: Version, ServerRoot: CoreServer.Of(g.Config.Main).ServerRoot, Defines: g.Defines, Vars: g.Vars})
		w := x.walked(r)
		w[directoryWalk] = append(w[directoryWalk], applied{"access file", Place{dir + name, 1, name}, tree.Nodes})
		return
	}
}

// inForce is what applies to the request now, in the order of merging.
func (x *Explanation) inForce(r *Request) []applied {
	list := x.servers(r)
	if w := x.walks[r]; w != nil {
		for _, of := range w {
			list = append(list, of...)
		}
	}
	return list
}

// servers are the directives outside of sections that hold for directories too.
func (x *Explanation) servers(r *Request) []applied {
	set := r.Gen.Config.Set
	own := func(list []*httpdconf.Node) (nodes []*httpdconf.Node) {
		for _, n := range list {
			rows := set.Lookup(n.Name, n.Section)
			if !n.Section && len(rows) > 0 && rows[0].In&(directives.All|directives.InDir) != 0 {
				nodes = append(nodes, n)
			}
		}
		return nodes
	}
	tree := r.Gen.Config.Tree
	list := []applied{{"server", Place{Text: "main server"}, own(tree.Nodes)}}
	if n := r.Server.Node; n != nil {
		list = append(list, applied{"server", placeOfNode(n), own(n.Children)})
	}
	return slices.DeleteFunc(list, func(a applied) bool { return len(a.nodes) == 0 })
}

// sections tells what applies, where it has changed since it was told last.
func (x *Explanation) sections(r *Request) {
	list := x.inForce(r)
	if x.reported == nil {
		x.reported = map[*Request]int{}
	}
	if x.reported[r] == len(list)+1 {
		return
	}
	x.reported[r] = len(list) + 1
	s := &Step{What: "sections"}
	from := r.Main
	if from == nil {
		from = r.Prev
	}
	told := map[Place]bool{} // by the request that this one came from
	if from != nil {
		for _, a := range x.inForce(from) {
			told[a.place] = true
		}
	}
	lastOf := map[string]Place{} // of directives of which the last one counts, by name
	for _, a := range slices.Backward(list) {
		one := Applied{Place: a.place, Kind: a.kind}
		for _, n := range slices.Backward(a.nodes) {
			if n.Section && slices.Contains([]string{"if", "elseif", "else", "files", "filesmatch"}, strings.ToLower(n.Name)) {
				continue // applies by itself, or not
			}
			d := Directive{Place: placeOfNode(n)}
			if rows := r.Gen.Config.Set.Lookup(n.Name, n.Section); len(rows) > 0 {
				d.Module = rows[0].Module
				if a := rows[0].Set.Arity(); !n.Section && (a == directives.One || a == directives.OnOff) {
					key := strings.ToLower(n.Name)
					if later, ok := lastOf[key]; ok {
						d.ReplacedBy = &later
					} else {
						lastOf[key] = d.Place
					}
				}
			}
			one.Directives = append(one.Directives, d)
		}
		slices.Reverse(one.Directives)
		if told[one.Place] {
			one.Again, one.Directives = true, nil
		}
		s.Applied = append(s.Applied, one)
	}
	slices.Reverse(s.Applied)
	if len(s.Applied) > 0 {
		x.add(s)
	}
}

// each calls f for every directive in force, sections before what is in them.
func (x *Explanation) each(r *Request, f func(*httpdconf.Node)) {
	var visit func(list []*httpdconf.Node)
	visit = func(list []*httpdconf.Node) {
		for _, n := range list {
			f(n)
			visit(n.Children)
		}
	}
	tree := r.Gen.Config.Tree
	for _, n := range tree.Nodes {
		if !n.Section {
			f(n)
		}
	}
	if n := r.Server.Node; n != nil {
		for _, n := range n.Children {
			if !n.Section {
				f(n)
			}
		}
	}
	for _, a := range x.inForce(r) {
		if a.kind != "server" {
			visit(a.nodes)
		}
	}
}

// ofModule are the directives of a module that are in force; nothing for the
// core's, of which there are too many to say anything.
func (x *Explanation) ofModule(r *Request, module string) []Place {
	if module == "" || module == "core_module" || module == "http_module" {
		return nil
	}
	var list []Place
	x.each(r, func(n *httpdconf.Node) {
		if moduleOf(r.Gen.Config.Set, n) == module {
			list = append(list, placeOfNode(n))
		}
	})
	return list
}

// ofAccess are the directives of a module that decide on access: those of the
// section that was merged last, and of those before it as far as AuthMerging
// says that they count too.
func (x *Explanation) ofAccess(r *Request, module string) []Place {
	set := r.Gen.Config.Set
	var list []Place
	for _, a := range slices.Backward(x.inForce(r)) {
		var own []Place
		merges := false
		for _, n := range a.nodes {
			if moduleOf(set, n) == module {
				own = append(own, placesWithin(n)...)
				merges = merges || strings.EqualFold(n.Name, "AuthMerging") && !strings.EqualFold(n.Args, "off")
			}
		}
		list = append(own, list...)
		if own != nil && !merges {
			break
		}
	}
	return list
}

// placesWithin is a directive and, of a section, all that is in it.
func placesWithin(n *httpdconf.Node) []Place {
	list := []Place{placeOfNode(n)}
	for _, c := range n.Children {
		list = append(list, placesWithin(c)...)
	}
	return list
}

// last is the last directive of a name that is in force.
func (x *Explanation) last(r *Request, name string) []Place {
	list := []Place{}
	x.each(r, func(n *httpdconf.Node) {
		if !n.Section && strings.EqualFold(n.Name, name) {
			list = []Place{placeOfNode(n)}
		}
	})
	return list
}

// placeOf is the directive at a position.
func (x *Explanation) placeOf(r *Request, pos httpdconf.Pos) Place {
	p := Place{File: pos.File, Line: pos.Line}
	find := func(n *httpdconf.Node) {
		if n.Pos.File == pos.File && n.Pos.Line == pos.Line {
			p = placeOfNode(n)
		}
	}
	r.Gen.Config.Tree.Walk(find)
	x.each(r, find)
	return p
}
