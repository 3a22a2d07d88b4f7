package info

import (
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
)

// module is what there is to say of one module.
func (p *page) module(m *server.Module) {
	name := m.SourceName()
	p.printf("<dl><dt><a name=\"%s\"><strong>Module Name:</strong></a> <font size=\"+1\"><tt><a href=\"?%[1]s\">%[1]s</a></tt></font></dt>\n", name)
	answers := "none"
	if p.takesPart(m, "handler") {
		answers = "yes"
	}
	p.printf("<dt><strong>Content handlers:</strong> <tt> <em>%s</em></tt></dt>", answers)
	p.WriteString("<dt><strong>Configuration Phase Participation:</strong>\n")
	p.words(configPhases(m))
	p.WriteString("</dt><dt><strong>Request Phase Participation:</strong>\n")
	var phases []string
	for _, h := range requestHooks {
		if p.takesPart(m, h.phase) {
			phases = append(phases, h.title)
		}
	}
	p.words(phases)
	p.WriteString("</dt>\n")
	if len(m.Directives) == 0 {
		p.WriteString("<dt><strong>Module Directives:</strong> <tt>none</tt></dt>")
	} else {
		p.WriteString("<dt><strong>Module Directives:</strong></dt>")
		for _, d := range m.Directives {
			end := ""
			if strings.HasPrefix(d.Name, "<") {
				end = "&gt;"
			}
			p.printf("<dd><tt>%s%s - <i>%s</i></tt></dd>\n", server.EscapeHTML(d.Name), end, server.EscapeHTML(d.Usage))
		}
		p.WriteString("<dt><strong>Current Configuration:</strong></dt>\n")
		p.configuration(m)
	}
	for _, n := range slot.Of(p.r.Server).more {
		if n.module == name {
			p.printf("<dt><strong>Additional Information:</strong>\n</dt><dd>%s</dd>", n.text)
			break
		}
	}
	p.WriteString("</dl><hr />\n")
}

// words are names with commas, or "none".
func (p *page) words(list []string) {
	if len(list) == 0 {
		p.WriteString("<tt> <em>none</em></tt>")
	}
	for i, w := range list {
		if i > 0 {
			p.WriteString(", ")
		}
		p.printf("<tt>%s</tt>", w)
	}
}

func (p *page) takesPart(m *server.Module, phase string) bool {
	for _, h := range p.r.Gen.HooksOf(phase) {
		if h.Module == m {
			return true
		}
	}
	return false
}

// configPhases are Apache's names for what a module keeps: something for each
// directory, or for each server.
func configPhases(m *server.Module) (list []string) {
	dirs, servers := false, false
	for _, d := range m.Directives {
		inDirs := d.In&(directives.All|directives.InDir) != 0
		dirs = dirs || inDirs
		servers = servers || !inDirs && d.Forbid&directives.NotInVirtualHost == 0
	}
	if dirs {
		list = append(list, "Create Directory Config", "Merge Directory Configs")
	}
	if servers {
		list = append(list, "Create Server Config", "Merge Server Configs")
	}
	return list
}

// configuration is the tree of directives; of m alone, with the sections around
// them, unless m is nil.
func (p *page) configuration(m *server.Module) {
	p.file = ""
	p.nodes(p.r.Gen.Config.Tree.Nodes, m, 0)
}

func (p *page) nodes(list []*httpdconf.Node, m *server.Module, depth int) {
	for _, n := range list {
		if !n.Section || len(n.Children) == 0 {
			if has(m, n) {
				p.line(n, depth)
			}
			continue
		}
		if m != nil && !contains(m, n) {
			continue
		}
		p.line(n, depth)
		p.nodes(n.Children, m, depth+1)
		p.indent(n.Pos.File, 0, depth)
		p.printf("&lt;/%s&gt;</tt></dd>", server.EscapeHTML(n.Name))
	}
}

// contains tells whether a directive of the module stands inside a section.
func contains(m *server.Module, n *httpdconf.Node) bool {
	for _, c := range n.Children {
		if c.Section && len(c.Children) > 0 {
			if contains(m, c) {
				return true
			}
		} else if has(m, c) {
			return true
		}
	}
	return false
}

// has tells whether a directive is one of the module's; nil stands for all.
func has(m *server.Module, n *httpdconf.Node) bool {
	if m == nil {
		return true
	}
	name := n.Name
	if n.Section {
		name = "<" + name
	}
	for _, d := range m.Directives {
		if strings.EqualFold(d.Name, name) {
			return true
		}
	}
	return false
}

// line is a directive, or the first line of a section.
func (p *page) line(n *httpdconf.Node, depth int) {
	p.indent(n.Pos.File, n.Pos.Line, depth)
	args := n.Args
	if n.Section {
		if n.Closed {
			args += ">"
		}
		if len(n.Children) > 0 {
			p.printf("%s %s</tt></dd>\n", server.EscapeHTML("<"+n.Name), server.EscapeHTML(args))
			return
		}
		p.printf("%s <i>%s</i></tt></dd>\n", server.EscapeHTML("<"+n.Name), server.EscapeHTML(args))
		return
	}
	p.printf("%s <i>%s</i></tt></dd>\n", server.EscapeHTML(n.Name), server.EscapeHTML(args))
}

// indent begins a line with its number, 0 for none, below the name of its file
// where that is another than before.
func (p *page) indent(file string, number, depth int) {
	if p.file != file {
		p.file = file
		p.printf("<dd><tt><strong>In file: %s</strong></tt></dd>\n", server.EscapeHTML(file))
	}
	text := ""
	if number > 0 {
		text = strconv.Itoa(number)
	}
	p.printf("<dd><tt>%s%s:&nbsp;%s", strings.Repeat("&nbsp;", max(0, 4-len(text))), text, strings.Repeat("&nbsp;&nbsp;", depth))
}
