package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// tell prints an explanation as a tree: the host, what happened in order, and
// what came of it.
func tell(w io.Writer, x *server.Explanation) error {
	t := &teller{w: bufio.NewWriter(w)}
	if h := x.Host; h != nil {
		name := h.Name
		if name == "" {
			name = "the main server"
		}
		t.line(0, "host %s: %s%s", name, h.Reason, at(h.Place))
	}
	for _, s := range x.Steps {
		t.step(0, s)
	}
	if x.File != "" {
		t.line(0, "file %s", x.File)
	}
	if x.PathInfo != "" {
		t.line(0, "path info %s", x.PathInfo)
	}
	if x.Access != nil {
		t.line(0, "access: %s says %s", x.Access.Module, x.Access.Answer)
		for _, a := range x.Access.Applied {
			for _, d := range a.Directives {
				t.line(1, "%s%s", d.Text, at(&d.Place))
			}
		}
	}
	if x.Handler != "" {
		t.line(0, "handler %s, of %s", x.Handler, x.Module)
	}
	for _, l := range x.Log {
		t.line(0, "log %s", l)
	}
	switch a := x.Response; {
	case x.Unrun != "":
		t.line(0, "the response is made by %s, which is not run here", x.Unrun)
	case a == nil:
		t.line(0, "no response")
	default:
		t.line(0, "response %s", a.Status)
		for _, f := range a.Fields {
			t.line(1, "%s: %s    (%s)", f.Name, f.Value, f.By)
			for _, p := range f.Lines {
				t.line(2, "%s%s", p.Text, at(&p))
			}
		}
		t.line(1, "%d bytes", a.Body)
	}
	return t.w.Flush()
}

type teller struct{ w *bufio.Writer }

func (t *teller) line(depth int, format string, args ...any) {
	fmt.Fprintf(t.w, "%s%s\n", strings.Repeat("  ", depth), fmt.Sprintf(format, args...))
}

// at names a place as compilers do.
func at(p *server.Place) string {
	if p == nil || p.File == "" {
		return ""
	}
	return fmt.Sprintf("    %s:%d", p.File, p.Line)
}

func (t *teller) step(depth int, s *server.Step) {
	text := s.What
	switch {
	case s.What == "hook":
		text = s.Module
	case s.Name != "":
		text += " " + s.Name
	}
	if s.What == "filter" && s.Name == "" {
		text = "filter of " + s.Module
	}
	if s.Answer != "" {
		text += ": " + s.Answer
	}
	t.line(depth, "%s", text)
	for _, a := range s.Applied {
		if a.Again {
			continue
		}
		t.line(depth+1, "%s%s", a.Text, at(&a.Place))
		for _, d := range a.Directives {
			replaced := ""
			if d.ReplacedBy != nil {
				replaced = "    replaced by" + strings.Replace(at(d.ReplacedBy), "    ", " ", 1)
			}
			t.line(depth+2, "%s%s%s", d.Text, at(&d.Place), replaced)
		}
	}
	for _, c := range s.Changes {
		t.change(depth+1, c)
	}
	for _, inner := range s.Steps {
		t.step(depth+1, inner)
	}
}

func (t *teller) change(depth int, c server.Change) {
	name := c.What
	if c.Name != "" {
		name += " " + c.Name
	}
	switch {
	case c.To == "":
		t.line(depth, "%s removed (was %q)", name, c.From)
	case c.From == "":
		t.line(depth, "%s = %q", name, c.To)
	default:
		t.line(depth, "%s = %q (was %q)", name, c.To, c.From)
	}
	for _, p := range c.Lines {
		t.line(depth+1, "%s%s", p.Text, at(&p))
	}
}
