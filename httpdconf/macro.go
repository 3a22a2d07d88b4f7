package httpdconf

import (
	"errors"
	"fmt"
	"strings"
)

// macro is a <Macro> that was defined.
type macro struct {
	name     string // lower case
	params   []string
	lines    lineList
	location string // defined on line 1 of "f"

	ignoreEmpty, ignoreNesting bool
}

func (m *macro) where() string { return fmt.Sprintf("macro '%s' (%s)", m.name, m.location) }

const macroPrefixes = "$%@"

// Macro defines a macro: <Macro name $param …>. Its body is kept as text.
func Macro(r *Reader, n *Node) error {
	if !n.Closed {
		return errors.New("<Macro> directive missing closing '>'")
	}
	if n.Args == "" {
		return errors.New("<Macro macro definition: empty name")
	}
	name, args := Getword(n.Args)
	if name == "" {
		return errors.New("<Macro macro definition: name not found")
	}
	name = strings.ToLower(name)
	m := &macro{name: name, location: fmt.Sprintf("defined on line %d of %q", n.Pos.Line, n.Pos.File)}
	if old := r.macros[name]; old != nil {
		r.Warn("macro", "AH02802: macro '%s' multiply defined: %s, redefined on line %d of \"%s\"", name, old.location, n.Pos.Line, n.Pos.File)
	}
	if strings.IndexByte(macroPrefixes, name[0]) >= 0 {
		r.Warn("macro", "AH02803: %s better prefix a macro name with any of '%s'", m.where(), macroPrefixes)
	}
	args = r.macroFlags(m, args)
	m.params = macroArgs(args)
	if err := r.checkParams(m); err != nil {
		return err
	}
	if err := r.macroBody(m); err != nil {
		return fmt.Errorf("%s\n\tcontents error: %w", m.where(), err)
	}
	if err := r.checkBody(m); err != nil {
		return fmt.Errorf("%s\n\tcontents checking error: %w", m.where(), err)
	}
	r.macros[name] = m
	return nil
}

// macroFlags reads /IgnoreEmptyArgs and /IgnoreBadNesting before the parameters.
func (r *Reader) macroFlags(m *macro, args string) string {
	for strings.HasPrefix(args, "/") {
		flag, rest, _ := strings.Cut(args, " ")
		switch {
		case strings.EqualFold(flag, "/IgnoreEmptyArgs"):
			m.ignoreEmpty = true
		case strings.EqualFold(flag, "/IgnoreBadNesting"):
			m.ignoreNesting = true
		default:
			r.Warn("macro", "AH02804: %s: unknown flag '%s'", m.where(), flag)
		}
		args = rest
	}
	return args
}

// macroArgs cuts words; an empty pair of quotes is an argument too.
func macroArgs(s string) []string {
	var list []string
	for s = strings.TrimLeft(s, " \t"); s != ""; {
		var w string
		w, s = Getword(s)
		list = append(list, w)
	}
	return list
}

func (r *Reader) checkParams(m *macro) error {
	for i, p := range m.params {
		switch {
		case p == "":
			return fmt.Errorf("macro '%s' (%s): empty argument #%d name", m.name, m.location, i+1)
		case strings.IndexByte(macroPrefixes, p[0]) < 0:
			r.Warn("macro", "AH02796: %s argument name '%s' (#%d) without expected prefix, better prefix argument names with one of '%s'.",
				m.where(), p, i+1, macroPrefixes)
		}
		if strings.HasPrefix(p, "${") {
			r.Warn("macro", "AH02805: %s argument name '%s' (#%d) clashes with 'Define' syntax '${...}', better use '$(...)'.", m.where(), p, i+1)
		}
		for j := i + 1; j < len(m.params); j++ {
			q := m.params[j]
			if p == q {
				return fmt.Errorf("argument name conflict in macro '%s' (%s): argument '%s': #%d and #%d, change argument names!",
					m.name, m.location, p, i+1, j+1)
			}
			if q != "" && (strings.HasPrefix(p, q) || strings.HasPrefix(q, p)) {
				r.Warn("macro", "AH02797: %s: argument name prefix conflict (%s #%d and %s #%d), be careful about your macro definition!",
					m.where(), p, i+1, q, j+1)
			}
		}
	}
	return nil
}

// macroBody takes the lines up to the matching </Macro>.
func (r *Reader) macroBody(m *macro) error {
	nesting, sections := 1, 1
	start := r.current().last
	for {
		l, ok := r.line()
		if !ok {
			return errors.New("expected token not found: </Macro>")
		}
		first, _ := Getword(l.text)
		if strings.HasPrefix(first, "</") {
			sections--
			if !m.ignoreNesting && !r.ignoreBadNesting && sections < 0 {
				r.Warn("macro", "AH02793: bad (negative) nesting on line %d of %s", l.number-start, m.where())
			}
		} else if strings.HasPrefix(first, "<") {
			sections++
		}
		if strings.EqualFold(first, "</Macro>") {
			if after := l.text[strings.LastIndexByte(l.text, '>')+1:]; nonBlank(after) {
				r.Warn("macro", "AH02989: AH02794: non blank chars found after directive closing on line %d of %s: %s", l.number, r.current().name, after)
			}
			if nesting--; nesting == 0 {
				if !m.ignoreNesting && !r.ignoreBadNesting && sections != 0 {
					r.Warn("macro", "AH02795: bad cumulated nesting (%+d) in %s", sections, m.where())
				}
				return nil
			}
		} else if strings.EqualFold(first, "<Macro") {
			nesting++
		}
		m.lines = append(m.lines, line{l.text, l.number - start, l.column})
	}
}

func nonBlank(s string) bool {
	s = strings.TrimLeft(s, " \t")
	return s != "" && s[0] != '#'
}

// checkBody warns about an empty body and about parameters that it never uses.
func (r *Reader) checkBody(m *macro) error {
	if len(m.lines) == 0 {
		r.Warn("macro", "AH02799: %s: empty contents!", m.where())
		return nil
	}
	used := make([]bool, len(m.params))
	for _, l := range m.lines {
		substitute(l.text, m.params, m.params, used)
	}
	for i, p := range m.params {
		if !used[i] {
			r.Warn("macro", "AH02800: %s: argument '%s' (#%d) never used", m.where(), p, i+1)
		}
	}
	return nil
}

// substitute replaces parameters by values, the first and there the longest
// first. A parameter with the prefix @ becomes a quoted word.
func substitute(s string, params, values []string, used []bool) string {
	var b strings.Builder
	for {
		at, which := -1, -1
		for i, p := range params {
			j := strings.Index(s, p)
			if j >= 0 && (at < 0 || j < at || j == at && len(p) > len(params[which])) {
				at, which = j, i
			}
		}
		if at < 0 {
			b.WriteString(s)
			return b.String()
		}
		if used != nil {
			used[which] = true
		}
		b.WriteString(s[:at])
		if params[which][0] == '@' && params[which] != values[which] {
			b.WriteString(quote(values[which]))
		} else {
			b.WriteString(values[which])
		}
		s = s[at+len(params[which]):]
	}
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// maxMacroLine bounds a line after substitution (MAX_STRING_LEN).
const maxMacroLine = 8192

// UseMacro puts a macro's lines in the place of the directive.
func UseMacro(r *Reader, n *Node) error {
	if len(r.macros) == 0 {
		return errors.New("no macro defined before Use")
	}
	name, args := Getword(n.Args)
	if name == "" {
		return errors.New("no macro name specified with Use")
	}
	name = strings.ToLower(name)
	m := r.macros[name]
	if m == nil {
		return fmt.Errorf("macro '%s' undefined", name)
	}
	if strings.Contains(r.current().name, "macro '"+name+"'") {
		return fmt.Errorf("recursive use of macro '%s' is invalid", name)
	}
	values := macroArgs(args)
	if len(values) != len(m.params) {
		return fmt.Errorf("macro '%s' (%s) used with %d arguments instead of %d", m.name, m.location, len(values), len(m.params))
	}
	where := fmt.Sprintf("%s used on line %d of \"%s\"", m.where(), n.Pos.Line, n.Pos.File)
	if !m.ignoreEmpty && !r.ignoreEmptyArgs {
		for i, v := range values {
			if v == "" {
				r.Warn("macro", "AH02798: %s: empty argument #%d", where, i+1)
			}
		}
	}
	in := &input{name: where, macro: true, via: &Via{Pos: n.Pos, Macro: true}}
	for i, l := range m.lines {
		text := l.text
		if len(m.params) > 0 {
			text = substitute(text, m.params, values, nil)
		}
		if len(text) > maxMacroLine {
			return fmt.Errorf("%s error while substituting: while processing line %d of macro '%s' (%s) cannot substitute, buffer size too small",
				where, i+1, m.name, m.location)
		}
		if text = trimSpace(text); text != "" && text[0] != '#' {
			in.lines = append(in.lines, line{text, l.number, l.column})
		}
	}
	r.stack = append(r.stack, in)
	return nil
}

// UndefMacro forgets a macro.
func UndefMacro(r *Reader, n *Node) error {
	if len(r.macros) == 0 {
		return errors.New("no macro defined before UndefMacro")
	}
	name, _ := Getword(n.Args)
	if name == "" {
		return errors.New("no macro name specified with UndefMacro")
	}
	name = strings.ToLower(name)
	if r.macros[name] == nil {
		return fmt.Errorf("cannot remove undefined macro '%s'", name)
	}
	delete(r.macros, name)
	return nil
}

// MacroIgnoreEmptyArgs turns the warning about empty arguments off.
func MacroIgnoreEmptyArgs(r *Reader, _ *Node) error { r.ignoreEmptyArgs = true; return nil }

// MacroIgnoreBadNesting turns the warnings about nesting off.
func MacroIgnoreBadNesting(r *Reader, _ *Node) error { r.ignoreBadNesting = true; return nil }
