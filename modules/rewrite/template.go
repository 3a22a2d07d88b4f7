package rewrite

import (
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// template is a text with variables, back references and look-ups of maps,
// taken apart when the configuration is read.
type template struct {
	parts   []part
	literal string // the whole text, when nothing in it is to be replaced
}

type partKind uint8

const (
	literalPart partKind = iota
	escapedPart          // a literal behind a backslash
	varPart              // %{NAME}
	rulePart             // $1
	condPart             // %1
	mapPart              // ${map:key|default}
)

type part struct {
	kind     partKind
	text     string // of literals
	group    int
	variable *variable
	name     string // of a map
	key      *template
	fallback *template // nil: none
}

const specials = `\$%`

// compileTemplate reads a text (do_expand). Nothing is an error: what is not
// understood stands for itself.
func compileTemplate(s string) *template {
	t := &template{}
	literal := func(kind partKind, text string) {
		if n := len(t.parts); n > 0 && kind == literalPart && t.parts[n-1].kind == literalPart {
			t.parts[n-1].text += text
			return
		}
		if text != "" {
			t.parts = append(t.parts, part{kind: kind, text: text})
		}
	}
	for s != "" {
		i := strings.IndexAny(s, specials)
		if i < 0 {
			literal(literalPart, s)
			break
		}
		literal(literalPart, s[:i])
		s = s[i:]
		switch {
		case s[0] == '\\':
			if len(s) == 1 {
				literal(escapedPart, s)
				s = ""
				break
			}
			literal(escapedPart, s[1:2])
			s = s[2:]
		case len(s) > 1 && s[1] == '{':
			n := closingCurly(s[2:])
			p, ok := part{}, false
			if n >= 0 {
				p, ok = compileCurly(s[0], s[2:2+n])
			}
			if !ok {
				literal(literalPart, s[:2])
				s = s[2:]
				break
			}
			t.parts = append(t.parts, p)
			s = s[2+n+1:]
		case len(s) > 1 && s[1] >= '0' && s[1] <= '9':
			kind := condPart
			if s[0] == '$' {
				kind = rulePart
			}
			t.parts = append(t.parts, part{kind: kind, group: int(s[1] - '0')})
			s = s[2:]
		default:
			literal(literalPart, s[:1])
			s = s[1:]
		}
	}
	if len(t.parts) == 1 && t.constant() {
		t.literal = t.parts[0].text
	}
	return t
}

// compileCurly reads what stands in the brackets behind % or $.
func compileCurly(sign byte, inner string) (part, bool) {
	if sign == '%' {
		return part{kind: varPart, variable: compileVariable(inner)}, true
	}
	colon := charInCurlies(inner, ':')
	if colon < 0 {
		return part{}, false
	}
	p := part{kind: mapPart, name: inner[:colon]}
	key := inner[colon+1:]
	if bar := charInCurlies(key, '|'); bar >= 0 {
		if key[bar+1:] != "" {
			p.fallback = compileTemplate(key[bar+1:])
		}
		key = key[:bar]
	}
	p.key = compileTemplate(key)
	return p, true
}

// closingCurly is where the bracket closes that was opened before s, or -1.
func closingCurly(s string) int {
	depth := 1
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// charInCurlies is where c stands outside of inner brackets, or -1.
func charInCurlies(s string, c byte) int {
	depth := 1
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == c && depth == 1:
			return i
		case s[i] == '{':
			depth++
		case s[i] == '}':
			if depth--; depth == 0 {
				return -1
			}
		}
	}
	return -1
}

// constant tells whether nothing in the text is to be replaced.
func (t *template) constant() bool {
	return len(t.parts) == 0 || len(t.parts) == 1 && t.parts[0].kind <= escapedPart
}

// questionMark is where the question mark came from that parts a path from
// its query: the first one, or with QSL the last.
type questionMark uint8

const (
	noMark questionMark = iota
	writtenMark
	broughtMark // by what a variable, a reference or a map gave: an attacker may have sent it as %3f
)

// expand gives the text. r, when not nil, is the rule whose flags shape back
// references.
func (t *template) expand(c *context, r *rule) string {
	s, _ := t.expandMarked(c, r)
	return s
}

func (t *template) expandMarked(c *context, r *rule) (string, questionMark) {
	last := r != nil && r.is(qsLast)
	mark := noMark
	see := func(m questionMark, s string) {
		if (mark == noMark || last) && strings.IndexByte(s, '?') >= 0 {
			mark = m
		}
	}
	if t.constant() {
		if len(t.parts) == 1 && t.parts[0].kind == literalPart {
			see(writtenMark, t.literal)
		}
		return t.literal, mark
	}
	if len(t.parts) == 1 {
		s, brought := t.parts[0].value(c, r)
		if brought {
			see(broughtMark, s)
		}
		return s, mark
	}
	var b strings.Builder
	for i := range t.parts {
		p := &t.parts[i]
		if p.kind == literalPart {
			see(writtenMark, p.text)
			b.WriteString(p.text)
			continue
		}
		s, brought := p.value(c, r)
		if brought {
			see(broughtMark, s)
		}
		b.WriteString(s)
	}
	return b.String(), mark
}

// value is the text of a part, and whether it was looked up rather than written.
func (p *part) value(c *context, r *rule) (s string, brought bool) {
	switch p.kind {
	case varPart:
		return p.variable.value(c), true
	case rulePart:
		return c.backref(&c.ruleMatch, p.group, r), true
	case condPart:
		return c.backref(&c.condMatch, p.group, r), true
	case mapPart:
		s, ok := c.lookupMap(p.name, p.key.expand(c, r))
		if !ok && p.fallback != nil {
			s = p.fallback.expand(c, r)
		}
		return s, true
	}
	return p.text, false
}

// backref is a group of a match, escaped where the rule's flags say so.
func (c *context) backref(m *match, n int, r *rule) string {
	s := m.group(n)
	if s == "" || r == nil || !r.is(escapeBackref) {
		return s
	}
	escaped := escapeReference(s, r)
	c.trace(5, c.perdir, "escaping backreference '%s' to '%s'", s, escaped)
	return escaped
}

// match is the groups of the last match of a rule or of a condition.
type match struct {
	groups []string
	buf    [10]string
}

func (m *match) group(n int) string {
	if n < len(m.groups) {
		return m.groups[n]
	}
	return ""
}

func (m *match) clear() { m.groups = nil }

// keep copies groups, of which there may be more than ten.
func (m *match) keep(groups []string) {
	n := copy(m.buf[:], groups)
	m.groups = m.buf[:n]
}

const hexDigits = "0123456789abcdef"

// escapeReference escapes what a back reference brings, as [B], [BNE], [BNP]
// and [BCTLS] say (escape_backref).
func escapeReference(s string, r *rule) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		wanted := r.escapes == ""
		if r.is(escapeControls) {
			wanted = c <= ' ' || c == 0x7f
		}
		wanted = wanted || strings.IndexByte(r.escapes, c) >= 0
		switch {
		case !wanted, r.noEscapes != "" && strings.IndexByte(r.noEscapes, c) >= 0, c == '_', isAlnum(c):
			b.WriteByte(c)
		case c == ' ' && !r.is(escapeNoPlus):
			b.WriteByte('+')
		default:
			b.Write([]byte{'%', hexDigits[c>>4], hexDigits[c&15]})
		}
	}
	return b.String()
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// context is what a list of rules knows while it is applied to a request.
type context struct {
	r         *server.Request // the request, or the subrequest of a look-ahead
	uri       string          // what the rule at hand is matched with
	perdir    string          // the directory; "" for a server's rules
	varyThis  string          // fields that the conditions since the last that held looked at
	vary      string
	ruleMatch match
	condMatch match
	traced    bool // a LogLevel of trace1 or more: the lines are worth making
	budget    budget
	ruleBuf   [10]string
	joined    struct{ file, info, both string }
}
