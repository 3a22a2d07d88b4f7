package httpdconf

import "strings"

// Bodies of sections that are not directives (<LuaHookFixups>).

// RawBody takes the text of the section's body as it stands, up to the line that
// begins with "</" and the section's name, or to the end of the text, as Apache's
// modules do that read the file themselves. Nothing is replaced in it. first is the
// number of its first line.
func (r *Reader) RawBody(n *Node) (text string, first int) {
	in := r.current()
	first = in.last + 1
	end := "</" + strings.ToLower(n.Name)
	var b strings.Builder
	if in.text == "" {
		for {
			l, ok := r.line()
			if !ok || strings.HasPrefix(strings.ToLower(l.text), end) {
				return b.String(), first
			}
			b.WriteString(l.text + "\n")
		}
	}
	number := 0
	for line := range strings.Lines(in.text) {
		if number++; number < first {
			continue
		}
		in.last = number
		if strings.HasPrefix(strings.ToLower(strings.TrimLeft(line, " \t\n\v\f\r")), end) {
			break
		}
		b.WriteString(line)
	}
	for in.next < len(in.lines) && in.lines[in.next].number <= in.last {
		in.next++
	}
	return b.String(), first
}

// Keep puts a directive where the one that is being executed stands.
func (r *Reader) Keep(n *Node) { r.into.add(n) }

// At is an error whose place is another line of the text that is being read.
func (r *Reader) At(line int, err error) error {
	pos := r.pos(r.current())
	pos.Line = line
	return &errorAt{pos, err}
}
