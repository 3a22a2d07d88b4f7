package proxy_html

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// told writes down what a parser tells, a line each.
type told struct {
	b    strings.Builder
	last byte
}

func line(s []byte) string { return strings.ReplaceAll(string(s), "\n", `\n`) }

func (t *told) startElement(name string, attrs []attr) {
	t.last = 0
	fmt.Fprintf(&t.b, "\nS %s", name)
	for _, a := range attrs {
		t.b.WriteString(" " + a.name)
		if !a.bare {
			t.b.WriteString("=" + line(a.value) + "|")
		}
	}
}

func (t *told) endElement(name string) { t.last = 0; t.b.WriteString("\nE " + name) }

func (t *told) text(kind byte, s []byte) {
	if t.last != kind {
		fmt.Fprintf(&t.b, "\n%c ", kind)
	}
	t.last = kind
	t.b.WriteString(line(s))
}

func (t *told) characters(s []byte) { t.text('T', s) }
func (t *told) cdata(s []byte)      { t.text('D', s) }
func (t *told) comment(s []byte)    { t.last = 0; t.b.WriteString("\nC " + line(s)) }

func parse(chunks ...string) string {
	t := &told{}
	p := &parser{to: t}
	for _, c := range chunks {
		p.write([]byte(c))
	}
	p.finish()
	return t.b.String()
}

func TestParser(t *testing.T) {
	for _, tc := range recorded {
		if d := cmp.Diff(strings.Split(tc.want, "\n"), strings.Split(parse(tc.page...), "\n")); d != "" {
			t.Errorf("%q (-want +got):\n%s", tc.page, d)
		}
	}
}

// FuzzParser: elements that are told to begin are told to end in the opposite
// order, but for those that the text breaks off in, and pieces make no
// difference where they do not cut a tag short.
func FuzzParser(f *testing.F) {
	for _, tc := range recorded {
		f.Add(strings.Join(tc.page, ""))
	}
	f.Fuzz(func(t *testing.T, page string) {
		var open []string
		for _, l := range strings.Split(parse(page), "\n") {
			kind, rest, _ := strings.Cut(l, " ")
			name, _, _ := strings.Cut(rest, " ")
			switch kind {
			case "S":
				open = append(open, name)
			case "E":
				i := len(open) - 1
				for i >= 0 && open[i] != name {
					i-- // a start tag without its > has no end
				}
				if i < 0 {
					t.Fatalf("%q: %s ends, which has not begun", page, name)
				}
				open = open[:i]
			}
		}
	})
}
