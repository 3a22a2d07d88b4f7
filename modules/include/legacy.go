package include

import (
	"strings"

	"github.com/donjon-httpd/donjon/server/pattern"
)

// Conditions in the language of 2.2 (SSILegacyExprParser): strings, which hold
// when they are not empty, = != < <= > >= between strings, = and != with
// /patterns/, ! && || and parentheses, and -A "uri". && and || have one rank:
// what stands right of one belongs together.

type token uint8

const (
	tString token = iota
	tPattern
	tAnd
	tOr
	tNot
	tEqual
	tDiffers
	tAtLeast
	tAtMost
	tMore
	tLess
	tAccess // -A
	tOpen
	tClose
	tGroup // an Open that was closed
)

// node is a token in the tree of a condition.
type node struct {
	parent, left, right *node
	kind                token
	text                string
	value               bool
}

// scanner takes a condition apart.
type scanner struct{ rest string }

var operators = []struct {
	text string
	kind token
}{{"(", tOpen}, {")", tClose}, {"==", tEqual}, {"=", tEqual}, {"!=", tDiffers}, {"!", tNot}, {"||", tOr}, {"&&", tAnd},
	{">=", tAtLeast}, {">", tMore}, {"<=", tAtMost}, {"<", tLess}, {"-A", tAccess}}

// next gives the next token; false at the end. after is the kind of node that it follows.
func (s *scanner) next(after *node) (n node, ok bool) {
	s.rest = strings.TrimLeft(s.rest, " \t\n\v\f\r")
	if s.rest == "" {
		return n, false
	}
	for _, op := range operators {
		if strings.HasPrefix(s.rest, op.text) {
			s.rest = s.rest[len(op.text):]
			return node{kind: op.kind}, true
		}
	}
	switch c := s.rest[0]; {
	case c == '\'':
		s.rest = s.rest[1:]
		n.text = s.quoted(c)
	case c == '/' && (after == nil || after.kind != tAccess):
		s.rest = s.rest[1:]
		return node{kind: tPattern, text: s.quoted(c)}, true
	default:
		n.text = s.bare()
	}
	return n, true
}

// quoted reads up to the end mark; without one the string is empty. A backslash
// stands before a character that means itself.
func (s *scanner) quoted(end byte) string {
	var b strings.Builder
	for i := 0; i < len(s.rest); i++ {
		switch c := s.rest[i]; {
		case c == '\\' && i+1 < len(s.rest):
			i++
			b.WriteByte(s.rest[i])
		case c == '\\':
		case c == end:
			s.rest = s.rest[i+1:]
			return b.String()
		default:
			b.WriteByte(c)
		}
	}
	s.rest = ""
	return ""
}

// bare reads a string without quotes, up to white space or an operator. Its first
// character is of it whatever it is.
func (s *scanner) bare() string {
	var b strings.Builder
	i := 0
	for ; i < len(s.rest); i++ {
		c := s.rest[i]
		if c == '\\' {
			if i+1 == len(s.rest) {
				i++
				break
			}
			i++
			b.WriteByte(s.rest[i])
			continue
		}
		if isSpace(c) || strings.IndexByte("()=!<>", c) >= 0 || (c == '|' || c == '&') && strings.HasPrefix(s.rest[i+1:], string(c)) {
			break
		}
		b.WriteByte(c)
	}
	s.rest = s.rest[i:]
	return b.String()
}

const (
	invalidExpr = "AH03188: Invalid expression \"%s\" in file %s"
	noOpen      = "AH03189: Unmatched ')' in \"%s\" in file %s"
)

// maxTokens bounds a condition.
const maxTokens = 10000

// parseLegacy makes the tree of a condition. problem is a message about its text
// and file, "" when it can be read.
func parseLegacy(text string) (root *node, problem string) {
	s := scanner{text}
	var cur *node
	for count := 0; ; count++ {
		n, ok := s.next(cur)
		if !ok {
			return root, ""
		}
		if count == maxTokens {
			return nil, invalidExpr
		}
		if cur == nil {
			switch n.kind {
			case tString, tNot, tAccess, tOpen:
				root = &n
				cur = root
				continue
			}
			return nil, invalidExpr
		}
		if cur, problem = cur.attach(&n, &root); problem != "" {
			return nil, problem
		}
	}
}

// attach puts the token that follows cur into the tree, and gives the node that
// the next one follows.
func (cur *node) attach(n *node, root **node) (next *node, problem string) {
	below := func() (*node, string) {
		cur.right, n.parent = n, cur
		return n, ""
	}
	over := func(at *node) (*node, string) { // takes the place of what stands right of at
		if at == nil {
			n.left, (*root).parent, *root = *root, n, n
			return n, ""
		}
		n.left, n.parent = at.right, at
		n.left.parent, at.right = n, n
		return n, ""
	}
	operand := cur.kind == tString || cur.kind == tPattern || cur.kind == tGroup
	switch n.kind {
	case tString:
		switch {
		case cur.kind == tString:
			if cur.text != "" {
				cur.text += " "
			}
			cur.text += n.text
			return cur, ""
		case !operand && cur.kind != tClose:
			return below()
		}
	case tPattern:
		if cur.kind == tEqual || cur.kind == tDiffers {
			return below()
		}
	case tAnd, tOr:
		if operand {
			at := cur.parent
			for at != nil && at.kind != tAnd && at.kind != tOr && at.kind != tOpen {
				at = at.parent
			}
			return over(at)
		}
	case tEqual, tDiffers, tAtLeast, tMore, tAtMost, tLess:
		if cur.kind == tString {
			if at := cur.parent; at == nil || at.kind == tOpen || at.kind == tAnd || at.kind == tOr {
				return over(at)
			}
		}
	case tClose:
		at := cur
		for at != nil && at.kind != tOpen {
			at = at.parent
		}
		if at == nil {
			return nil, noOpen
		}
		at.kind = tGroup
		return at, ""
	case tNot, tAccess, tOpen:
		if !operand && cur.kind != tClose {
			return below()
		}
	}
	return nil, invalidExpr
}

// countPatterns is how many patterns are left to match: while there are any,
// nothing is left out that might set $0 to $9.
func (n *node) countPatterns() int {
	if n == nil {
		return 0
	}
	c := n.left.countPatterns() + n.right.countPatterns()
	if n.kind == tPattern {
		c++
	}
	return c
}

// evaluateLegacy decides a condition in the language of 2.2.
func (d *document) evaluateLegacy(text string) (holds, ok bool) {
	root, problem := parseLegacy(text)
	if problem != "" {
		elog.Error(d.r).Msgf(problem, text, d.r.Filename)
		return false, false
	}
	if root == nil {
		return false, true
	}
	patterns := root.countPatterns()
	if problem := d.eval(root, &patterns); problem != "" {
		elog.Error(d.r).Msgf(problem, text, d.r.Filename)
		return false, false
	}
	return root.value, true
}

// eval gives a node its value.
func (d *document) eval(n *node, patterns *int) (problem string) {
	switch n.kind {
	case tString:
		n.text = d.expand(n.text, false, 0)
		n.value = n.text != ""
	case tAnd, tOr:
		if n.left == nil || n.right == nil {
			return "AH01332: Invalid expression \"%s\" in file %s"
		}
		if problem = d.eval(n.left, patterns); problem != "" {
			return problem
		}
		if n.value = n.left.value; n.value == (n.kind == tOr) && *patterns == 0 {
			return ""
		}
		if problem = d.eval(n.right, patterns); problem != "" {
			return problem
		}
		if n.kind == tAnd {
			n.value = n.left.value && n.right.value
		} else {
			n.value = n.left.value || n.right.value
		}
	case tEqual, tDiffers:
		if n.left == nil || n.right == nil || n.left.kind != tString || n.right.kind != tString && n.right.kind != tPattern {
			return "AH01333: Invalid expression \"%s\" in file %s"
		}
		left, right := d.expand(n.left.text, false, 0), d.expand(n.right.text, false, 0)
		if n.right.kind == tPattern {
			n.value = d.match(left, right)
			*patterns--
		} else {
			n.value = left == right
		}
		n.value = n.value == (n.kind == tEqual)
	case tAtLeast, tMore, tAtMost, tLess:
		if n.left == nil || n.right == nil || n.left.kind != tString || n.right.kind != tString {
			return "AH01334: Invalid expression \"%s\" in file %s"
		}
		order := strings.Compare(d.expand(n.left.text, false, 0), d.expand(n.right.text, false, 0))
		n.value = order > 0 && (n.kind == tMore || n.kind == tAtLeast) || order < 0 && (n.kind == tLess || n.kind == tAtMost) ||
			order == 0 && (n.kind == tAtLeast || n.kind == tAtMost)
	case tNot, tGroup:
		n.value = true
		if n.right != nil {
			if problem = d.eval(n.right, patterns); problem != "" {
				return problem
			}
			n.value = n.right.value
		}
		n.value = n.value == (n.kind == tGroup)
	case tAccess:
		if n.right == nil || n.right.kind != tString {
			return "AH01335: Invalid expression \"%s\" in file %s: Token '-A' must be followed by a URI string."
		}
		uri := d.expand(n.right.text, false, 0)
		sub := d.r.SubRequestURI(uri)
		if n.value = sub.Status < 400; !n.value {
			elog.Debug(d.r).Msgf("AH01336: mod_include: The tested subrequest -A \"%s\" returned an error code.", uri)
		}
	case tPattern:
		return "AH03190: No operator before regex in expr \"%s\" in file %s"
	case tOpen:
		return "AH03191: Unmatched '(' in \"%s\" in file %s"
	default:
		return "AH03192: internal parser error in \"%s\" in file %s"
	}
	return ""
}

// match looks for a pattern, and keeps what it found for $0 to $9. One that is no
// pattern counts as found, as in Apache.
func (d *document) match(s, text string) bool {
	re, err := pattern.Compile(text, pattern.DefaultFlags())
	if err != nil {
		elog.Error(d.r).Msgf("AH02667: unable to compile pattern \"%s\"", text)
		return true
	}
	loc := re.MatchIndex(nil, s)
	d.re = &capture{matched: loc != nil, source: s, pattern: text, groups: re.NumSubexp(), loc: loc}
	return loc != nil
}
