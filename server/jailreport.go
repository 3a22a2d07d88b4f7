package server

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/donjon-httpd/donjon/chroot"
	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/fixroot"
	"github.com/donjon-httpd/donjon/httpdconf"
)

// JailReport tells which paths that are read while requests are served cannot be
// found in the jail, and which lines a jail makes needless. It looks at the file
// system as it is now, from outside. Without a jail there is nothing to tell.
func JailReport(g *Generation) httpdconf.Diagnostics {
	if !g.Jail.Jailed() {
		return nil
	}
	report := jailReport{jail: g.Jail, root: CoreServer.Of(g.Config.Main).ServerRoot, rows: map[string]*directives.Directive{}}
	for _, m := range g.Modules {
		for i := range m.Directives {
			d := &m.Directives[i]
			report.rows[strings.ToLower(strings.TrimPrefix(d.Name, "<"))] = d
		}
	}
	report.walk(g.Config.Tree.Nodes)
	for _, n := range g.LoadFiles {
		report.diags = append(report.diags, httpdconf.Diagnostic{Severity: httpdconf.Note, Pos: n.Pos,
			Summary: fmt.Sprintf("%s %s is not needed: no C library of this program is loaded late, so none has to be there before the jail closes", n.Name, n.Args),
			Hint:    "remove the line; what programs inside the jail need, jailctl check tells"})
	}
	return report.diags
}

type jailReport struct {
	jail  fixroot.Root
	root  string
	rows  map[string]*directives.Directive // by name in lower case
	diags httpdconf.Diagnostics
}

func (j *jailReport) walk(nodes []*httpdconf.Node) {
	for _, n := range nodes {
		if d := j.rows[strings.ToLower(n.Name)]; d != nil && d.Reads == directives.InJail {
			j.path(n)
		}
		if lacks := lacking[strings.ToLower(n.Name)]; lacks != nil {
			j.lock(n, lacks)
		}
		j.walk(n.Children)
	}
}

// lacking says of the locks that a kernel may not have whether it lacks them.
var lacking = map[string]func() error{"chrootprivatemounts": chroot.LacksPrivateMounts, "chrootlandlock": chroot.LacksLandlock}

// lock tells of a lock that is asked for and that this kernel has not.
func (j *jailReport) lock(n *httpdconf.Node, lacks func() error) {
	word, _ := httpdconf.Getword(n.Args)
	wish, ok := chroot.ParseWish(word)
	if !ok || wish == chroot.Off {
		return
	}
	err := lacks()
	if err == nil {
		return
	}
	d := httpdconf.Diagnostic{Severity: httpdconf.Warning, Pos: n.Pos, Summary: fmt.Sprintf("%s %s cannot be had here: %v", n.Name, word, err),
		Hint: "the server would not start here; say Auto if it may do without"}
	if wish == chroot.Auto {
		d.Severity, d.Hint = httpdconf.Note, "the server does without here"
	}
	j.diags = append(j.diags, d)
}

// path judges the last argument, which is the path in all rows that are marked.
func (j *jailReport) path(n *httpdconf.Node) {
	arg := ""
	for rest := n.Args; strings.TrimSpace(rest) != ""; {
		arg, rest = httpdconf.Getword(rest)
	}
	if kind, file, ok := strings.Cut(arg, ":"); ok && strings.EqualFold(n.Name, "RewriteMap") {
		if kind != "txt" && kind != "rnd" && kind != "dbm" {
			return // programs are started outside, functions have no file
		}
		arg = file[strings.LastIndexByte(file, '=')+1:]
	}
	literal := arg
	if i := strings.IndexAny(arg, "%$*"); i >= 0 { // what a request fills in cannot be looked at
		literal = arg[:strings.LastIndexByte(arg[:i], '/')+1]
	}
	if literal == "" || !filepath.IsAbs(literal) && strings.EqualFold(n.Name, "UserDir") || strings.HasPrefix(literal, "http") {
		return
	}
	if !filepath.IsAbs(literal) {
		literal = filepath.Join(j.root, literal)
	}
	called, _ := j.jail.Request(literal)
	if exists(filepath.Join(j.jail.Dir(), called)) {
		return
	}
	d := httpdconf.Diagnostic{Severity: httpdconf.Warning, Pos: n.Pos}
	inside, isInside := j.jail.Inside(literal)
	switch {
	case isInside && !j.jail.Fix() && exists(literal):
		d.Summary = fmt.Sprintf("%s %s is read inside the jail, where it is called %s", n.Name, arg, inside)
		d.Hint = fmt.Sprintf("write %q, or say ChrootFixRoot On", inside)
	case isInside:
		// It may be made later; Apache says so itself of a document root.
		return
	default:
		d.Summary = fmt.Sprintf("%s %s is read while requests are served and lies outside of ChrootDir %s", n.Name, arg, j.jail.Dir())
		d.Hint = fmt.Sprintf("move it below %s, or let ChrootDir be a directory that holds both", j.jail.Dir())
	}
	j.diags = append(j.diags, d)
}

func exists(name string) bool { _, err := os.Stat(name); return err == nil }
