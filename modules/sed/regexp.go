package sed

import (
	"errors"
	"fmt"
	"strings"

	"github.com/donjon-httpd/donjon/server/pattern"
)

// regexp is a basic regular expression, spelt anew for package pattern.
type regexp struct {
	re       *pattern.Regexp
	anchored bool // ^: at the beginning of the pattern space alone
	groups   int
}

const maxGroups = 9

// compileRegexp reads an expression up to its delimiter and tells how many
// bytes it took. Errors are Apache's without the line.
func compileRegexp(s string, delim byte) (*regexp, int, error) {
	t := &translator{s: s, delim: delim}
	if strings.HasPrefix(s, "^") {
		t.re.anchored = true
		t.at++
	}
	if err := t.run(); err != nil {
		return nil, 0, err
	}
	text := t.out.String()
	if t.re.anchored {
		text = "^(?:" + text + ")"
	}
	re, err := pattern.Compile(text, pattern.DotAll|pattern.DollarEndOnly)
	if err != nil {
		return nil, 0, errors.New("Unknown regexp error code")
	}
	t.re.re = re
	return &t.re, t.at, nil
}

type translator struct {
	s      string
	at     int
	delim  byte
	out    strings.Builder
	re     regexp
	open   []int
	closed int
	atom   bool // what was written last may be repeated
	// repeated: a repetition was written; another one changes nothing.
	repeated bool
}

func (t *translator) next() (byte, error) {
	if t.at >= len(t.s) {
		return 0, errors.New("Illegal or missing delimiter") // Apache reads on behind the line, whatever is there
	}
	t.at++
	return t.s[t.at-1], nil
}

func (t *translator) peek() byte {
	if t.at < len(t.s) {
		return t.s[t.at]
	}
	return 0
}

func (t *translator) literal(c byte) {
	fmt.Fprintf(&t.out, `\x%02x`, c)
	t.atom, t.repeated = true, false
}

func (t *translator) run() error {
	for {
		c, err := t.next()
		switch {
		case err != nil:
			return err
		case c == t.delim:
			if len(t.open) > 0 {
				return errImbalance
			}
			return nil
		case c == '\n':
			return errors.New("Illegal or missing delimiter")
		case c == '.':
			t.out.WriteByte('.')
			t.atom, t.repeated = true, false
		case c == '*' && t.atom:
			if !t.repeated {
				t.out.WriteByte('*')
			}
			t.repeated = true
		case c == '$' && t.peek() == t.delim:
			t.out.WriteByte('$')
			t.atom = false
		case c == '[':
			err = t.class()
		case c == '\\':
			err = t.escape()
		default:
			t.literal(c)
		}
		if err != nil {
			return err
		}
	}
}

var errImbalance = errors.New(`\( \) imbalance`)

func (t *translator) escape() error {
	c, err := t.next()
	switch {
	case err != nil:
		return err
	case c == '(':
		if t.re.groups >= maxGroups {
			return errors.New(`Too many \(`)
		}
		t.re.groups++
		t.open = append(t.open, t.re.groups)
		t.out.WriteByte('(')
		t.atom = false
	case c == ')':
		if len(t.open) == 0 {
			return errImbalance
		}
		t.open = t.open[:len(t.open)-1]
		t.closed++
		t.out.WriteByte(')')
		t.atom = false
	case c == '{' && t.out.Len() > 0:
		return t.interval()
	case c == '\n':
		return errors.New("Illegal or missing delimiter")
	case c == 'n':
		t.literal('\n')
	case c >= '1' && c <= '9':
		if int(c-'1') >= t.closed {
			return errors.New("``\\digit'' out of range")
		}
		fmt.Fprintf(&t.out, `(?:\%c)`, c)
		t.atom, t.repeated = true, false
	default:
		t.literal(c)
	}
	return nil
}

// interval is \{m\}, \{m,\} or \{m,n\}, behind the brace.
func (t *translator) interval() error {
	var n [2]int
	for i := range 2 {
		c, err := t.next()
		if err != nil {
			return err
		}
		for {
			if c < '0' || c > '9' {
				return errors.New("Bad number")
			}
			if n[i] = n[i]*10 + int(c-'0'); n[i] >= 255 {
				return errors.New("Range endpoint too large")
			}
			if c, err = t.next(); err != nil {
				return err
			}
			if c == '\\' || c == ',' {
				break
			}
		}
		switch {
		case c == ',' && i == 1:
			return errors.New(`More than 2 numbers given in \{ \}`)
		case c == '\\' && i == 0:
			return t.endInterval(fmt.Sprintf("{%d}", n[0]))
		case c == '\\' && n[1] < n[0]:
			return errors.New(`First number exceeds second in \{ \}`)
		case c == '\\':
			return t.endInterval(fmt.Sprintf("{%d,%d}", n[0], n[1]))
		case t.peek() == '\\':
			t.at++
			return t.endInterval(fmt.Sprintf("{%d,}", n[0]))
		}
	}
	return nil
}

func (t *translator) endInterval(text string) error {
	if c, err := t.next(); err != nil || c != '}' {
		return errors.New(`} expected after \`)
	}
	if !t.repeated {
		t.out.WriteString(text)
	}
	t.repeated = true
	return nil
}

// class is a list in brackets: a bracket that comes first is a member, a
// backslash is itself, and there are no named classes.
func (t *translator) class() error {
	var set [256]bool
	c, err := t.next()
	negated := err == nil && c == '^'
	if negated {
		c, err = t.next()
	}
	for low := byte(0); ; {
		if err != nil || c == 0 || c == '\n' {
			return errors.New("[ ] imbalance")
		}
		if c == '-' && low != 0 {
			if c, err = t.next(); err != nil {
				return errors.New("[ ] imbalance")
			}
			if c == ']' {
				set['-'] = true
				break
			}
			for ; low < c; low++ {
				set[low] = true
			}
		}
		low = c
		set[c] = true
		if c, err = t.next(); err == nil && c == ']' {
			break
		}
	}
	t.out.WriteByte('[')
	for i := range set {
		if i != 0 && set[i] != negated {
			fmt.Fprintf(&t.out, `\x%02x`, i)
		}
	}
	t.out.WriteString(`]`)
	t.atom, t.repeated = true, false
	return nil
}
