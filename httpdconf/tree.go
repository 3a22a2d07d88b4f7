package httpdconf

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// Dump writes the tree as text in the form of "httpd -t -DDUMP_CONFIG": with
// comments that name the file and line of each directive. Reading the text
// again gives the same tree.
func (t *Tree) Dump(w io.Writer) error {
	d := dumper{w: bufio.NewWriter(w)}
	d.nodes(t.Nodes, 0)
	return d.w.Flush()
}

type dumper struct {
	w    *bufio.Writer
	file string
}

func (d *dumper) nodes(list []*Node, depth int) {
	indent := strings.Repeat("  ", depth)
	for _, n := range list {
		if n.Pos.File != d.file {
			d.file = n.Pos.File
			fmt.Fprintf(d.w, "# In file: %s\n", d.file)
		}
		fmt.Fprintf(d.w, "%s# %3d:\n", indent, n.Pos.Line)
		if !n.Section {
			fmt.Fprintf(d.w, "%s%s", indent, n.Name)
			if n.Args != "" {
				fmt.Fprintf(d.w, " %s", n.Args)
			}
			d.w.WriteByte('\n')
			continue
		}
		fmt.Fprintf(d.w, "%s<%s", indent, n.Name)
		if n.Args != "" {
			fmt.Fprintf(d.w, " %s", n.Args)
		}
		if n.Closed {
			d.w.WriteByte('>')
		}
		d.w.WriteByte('\n')
		d.nodes(n.Children, depth+1)
		fmt.Fprintf(d.w, "%s</%s>\n", indent, n.Name)
	}
}

// DumpIncludes writes the files that were read in the form of
// "httpd -t -DDUMP_INCLUDES".
func (t *Tree) DumpIncludes(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprintln(b, "Included configuration files:")
	for _, f := range t.Includes {
		b.WriteString(strings.Repeat("  ", f.Depth+1))
		if f.Line > 0 {
			fmt.Fprintf(b, "(%d)", f.Line)
		} else {
			b.WriteString("(*)")
		}
		fmt.Fprintf(b, " %s\n", f.File)
	}
	return b.Flush()
}

// Walk calls f for every node, a section before what is in it.
func (t *Tree) Walk(f func(*Node)) { walk(t.Nodes, f) }

func walk(list []*Node, f func(*Node)) {
	for _, n := range list {
		f(n)
		walk(n.Children, f)
	}
}
