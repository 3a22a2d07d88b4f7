package log_config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// program is a compiled LogFormat.
type program struct {
	steps []step
}

// step is constant text, or an item with its conditions.
type step struct {
	text   string
	item   *server.LogItem
	arg    string
	orig   bool
	status []int // log only for these …
	not    bool  // … or only for others
}

// parse compiles a format with the items of the modules active at cmd.
func parse(cmd *directives.Cmd, format string) (*program, error) {
	return parseFor(server.ActiveModules(cmd), format)
}

// parseFor compiles a format. Errors are Apache's.
func parseFor(modules []*server.Module, format string) (*program, error) {
	p := &program{}
	for s := format; s != ""; {
		if s[0] != '%' {
			end := strings.IndexByte(s, '%')
			if end < 0 {
				end = len(s)
			}
			p.text(unescape(s[:end]))
			s = s[end:]
			continue
		}
		if strings.HasPrefix(s, "%%") {
			p.text("%")
			s = s[2:]
			continue
		}
		st, rest, err := parseItem(modules, s[1:])
		if err != nil {
			return nil, err
		}
		p.steps = append(p.steps, st)
		s = rest
	}
	p.text("\n")
	return p, nil
}

func (p *program) text(s string) {
	if n := len(p.steps); n > 0 && p.steps[n-1].item == nil {
		p.steps[n-1].text += s
		return
	}
	p.steps = append(p.steps, step{text: s})
}

// parseItem reads what stands behind a %: conditions, < or >, {argument}, name.
func parseItem(modules []*server.Module, s string) (st step, rest string, err error) {
	orig := -1
	for s != "" {
		switch c := s[0]; {
		case c == '!':
			st.not = !st.not
			s = s[1:]
		case c == '<':
			orig, s = 1, s[1:]
		case c == '>':
			orig, s = 0, s[1:]
		case c == ',':
			s = s[1:]
		case c == '{':
			st.arg, s, _ = strings.Cut(s[1:], "}")
			s = strings.TrimLeft(s, "}") // ap_getword swallows repeated stops
		case c >= '0' && c <= '9':
			n := 0
			for s != "" && s[0] >= '0' && s[0] <= '9' {
				n = min(n*10+int(s[0]-'0'), 1<<20)
				s = s[1:]
			}
			st.status = append(st.status, n)
		default:
			st.item, s = lookup(modules, s)
			if st.item == nil {
				return st, "", fmt.Errorf("Unrecognized LogFormat directive %%%c", c)
			}
			st.orig = orig == 1 || orig == -1 && st.item.Orig
			if st.item.Check != nil {
				if err := st.item.Check(st.arg); err != nil {
					return st, "", err
				}
			}
			return st, s, nil
		}
	}
	return st, "", errors.New("Ran off end of LogFormat parsing args to some directive")
}

// lookup finds the item that s starts with: three letters behind ^, else one.
func lookup(modules []*server.Module, s string) (*server.LogItem, string) {
	if s[0] == '^' && len(s) >= 3 {
		if it := find(modules, s[:3]); it != nil {
			return it, s[3:]
		}
	}
	return find(modules, s[:1]), s[1:]
}

func find(modules []*server.Module, name string) *server.LogItem {
	for _, m := range slices.Backward(modules) {
		for i := range m.LogItems {
			if m.LogItems[i].Name == name {
				return &m.LogItems[i]
			}
		}
	}
	return nil
}

// unescape reads \n, \r, \t and \\ in constant text; another backslash stands
// for itself.
func unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			if j := strings.IndexByte(`\rnt`, s[i+1]); j >= 0 {
				b.WriteByte("\\\r\n\t"[j])
				i++
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// append writes the line for the request that a client sent: items look at
// that request or at what internal redirects made of it.
func (p *program) append(b []byte, r *server.Request) []byte {
	orig := r
	for orig.Prev != nil {
		orig = orig.Prev
	}
	final := r
	for final.Next != nil {
		final = final.Next
	}
	for i := range p.steps {
		st := &p.steps[i]
		if st.item == nil {
			b = append(b, st.text...)
			continue
		}
		if st.status != nil && slices.Contains(st.status, final.Status) == st.not {
			b = append(b, '-')
			continue
		}
		of := final
		if st.orig {
			of = orig
		}
		var ok bool
		if b, ok = st.item.Append(b, of, st.arg); !ok {
			b = append(b, '-')
		}
	}
	return b
}
