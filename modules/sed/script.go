package sed

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// script is a list of commands that several directives may have made: braces,
// labels and the last expression go on from one to the next.
type script struct {
	commands []*command
	quiet    bool // the first line began with #n
	open     []int
	labels   map[string]int
	last     *regexp
	files    []string // of w commands
	inJail   func(string) string
}

// command is a command with its addresses.
type command struct {
	op           byte
	first, until *address
	negated      bool
	re           *regexp    // of s
	with         string     // of s, as written
	nth          int        // of s: which match is replaced; all: every one; 0: the first
	print        byte       // of s: p or P
	file         int        // of s and w: in script.files; -1 for none
	text         string     // of a, c and i; the file of r
	table        *[256]byte // of y
	label        string     // of b and t; "" for the end of the script
	jump         int        // of b, t, { and D
}

const (
	all       = 999
	endOf     = 1 << 30 // a jump behind the last command
	maxFiles  = 11
	maxLabels = 49
	maxLabel  = 7 // bytes
	maxLine   = 1000
)

// address is a line's number, its last line, or an expression.
type address struct {
	line int
	last bool
	re   *regexp
}

// finished tells whether all braces and labels are there, and sets the jumps.
func (s *script) finished() error {
	if len(s.open) > 0 {
		return errors.New("too many {'s")
	}
	for _, c := range s.commands {
		if c.op != 'b' && c.op != 't' {
			continue
		}
		at, ok := s.labels[c.label]
		switch {
		case c.label == "":
			c.jump = endOf
		case !ok:
			return fmt.Errorf("undefined label: %s", c.label)
		default:
			c.jump = at
		}
	}
	return nil
}

// compile adds the commands of a directive. Errors are Apache's.
func (s *script) compile(text string) error {
	for i, line := range scriptLines(text) {
		if len(line) > maxLine {
			return errors.New("command line too long")
		}
		if i == 0 && strings.HasPrefix(line, "#n") {
			s.quiet = true
		}
		p := &parser{s: s, line: line}
		if err := p.commands(); err != nil {
			return err
		}
	}
	s.finished() // what is still open may be closed by the next directive
	return nil
}

// scriptLines cuts a script at its newlines but for those behind a backslash.
func scriptLines(text string) []string {
	var list []string
	start := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			if i++; i == len(text) {
				return list // a script that ends in a backslash loses its last line
			}
		case '\n':
			list = append(list, text[start:i])
			start = i + 1
		}
	}
	return append(list, text[start:])
}

// parser reads the commands of a line.
type parser struct {
	s    *script
	line string
	at   int
}

func (p *parser) fail(format string) error {
	if strings.Contains(format, "%s") {
		return fmt.Errorf(format, p.line)
	}
	return errors.New(format)
}

// peek is the next byte, 0 at the end.
func (p *parser) peek() byte {
	if p.at < len(p.line) {
		return p.line[p.at]
	}
	return 0
}

func (p *parser) next() byte {
	c := p.peek()
	p.at++
	return c
}

func (p *parser) skip(set string) {
	for p.peek() != 0 && strings.IndexByte(set, p.peek()) >= 0 {
		p.at++
	}
}

const garbled = "command garbled: %s"

func (p *parser) commands() error {
	for {
		p.skip(" \t;")
		if c := p.peek(); c == 0 || c == '#' {
			return nil
		}
		more, err := p.command()
		if err != nil || !more {
			return err
		}
		switch p.next() {
		case 0:
			return nil
		case ';':
		default:
			return p.fail(garbled)
		}
	}
}

// command reads one; more is false when the rest of the line is not looked at,
// as behind a brace that closes.
func (p *parser) command() (more bool, err error) {
	c := &command{file: -1}
	if c.first, err = p.address(); err != nil {
		return false, err
	}
	if c.first != nil && (p.peek() == ',' || p.peek() == ';') {
		p.at++
		c.until, err = p.address()
		if err != nil || c.until == nil {
			return false, p.fail(garbled)
		}
	}
	p.skip(" \t")
	for p.peek() == '!' {
		p.at++
		c.negated = true
	}
	c.op = p.next()
	switch c.op {
	case '{':
		c.negated = !c.negated
		p.s.open = append(p.s.open, len(p.s.commands))
		p.s.commands = append(p.s.commands, c)
		if p.peek() != 0 {
			return false, p.commands()
		}
		return false, nil
	case '}':
		if c.first != nil {
			return false, p.fail("no addresses allowed: %s")
		}
		n := len(p.s.open)
		if n == 0 {
			return false, p.fail("too many }'s")
		}
		p.s.commands[p.s.open[n-1]].jump = len(p.s.commands)
		p.s.open = p.s.open[:n-1]
		return false, nil
	case ':':
		return false, p.label(c)
	}
	if err := p.arguments(c); err != nil {
		return false, err
	}
	p.s.commands = append(p.s.commands, c)
	return true, nil
}

func (p *parser) label(c *command) error {
	if c.first != nil {
		return p.fail("no addresses allowed: %s")
	}
	name, err := p.labelName()
	if err != nil {
		return err
	}
	if _, twice := p.s.labels[name]; twice {
		return p.fail("duplicate labels: %s")
	}
	if len(p.s.labels) >= maxLabels {
		return p.fail("too many labels: %s")
	}
	p.s.labels[name] = len(p.s.commands)
	return nil
}

// labelName is the rest of the line.
func (p *parser) labelName() (string, error) {
	p.skip(" ")
	name := p.line[min(p.at, len(p.line)):]
	if p.at = len(p.line); len(name) > maxLabel {
		return "", p.fail("label too long: %s")
	}
	return name, nil
}

func (p *parser) arguments(c *command) (err error) {
	if strings.IndexByte("=airq", c.op) >= 0 && c.until != nil {
		return p.fail("only one address allowed: %s")
	}
	switch c.op {
	case '=', 'g', 'G', 'h', 'H', 'n', 'N', 'p', 'P', 'd', 'q', 'l', 'x':
	case 'D':
		c.jump = 0
	case 'a', 'c', 'i':
		if p.peek() == '\\' {
			p.at++
		}
		if p.next() != '\n' {
			return p.fail(garbled)
		}
		c.text = p.text()
	case 'r':
		if p.next() != ' ' {
			return p.fail(garbled)
		}
		c.text = p.s.inJail(p.text())
	case 'w':
		return p.file(c)
	case 'b', 't':
		c.label, err = p.labelName()
		return err
	case 's':
		return p.substitute(c)
	case 'y':
		return p.transform(c)
	default:
		return p.fail("unrecognized command: %s")
	}
	return nil
}

// text is the rest of the line without the white space that its lines begin with.
func (p *parser) text() string {
	var b bytes.Buffer
	p.skip(" \t")
	for p.at < len(p.line) {
		c := p.next()
		if c == '\\' {
			c = p.next()
		}
		b.WriteByte(c)
		if c == '\n' {
			p.skip(" \t")
		}
	}
	p.at = len(p.line)
	return b.String()
}

func (p *parser) file(c *command) error {
	if p.next() != ' ' {
		return p.fail("Space missing before filename: %s")
	}
	name := p.s.inJail(p.text())
	if c.file = slices.Index(p.s.files, name); c.file >= 0 {
		return nil
	}
	if len(p.s.files) >= maxFiles {
		return p.fail("too many files in w commands")
	}
	c.file = len(p.s.files)
	p.s.files = append(p.s.files, name)
	return nil
}

// address gives nil for none. An expression that does not compile counts as
// none, and what follows its delimiter is read as a command: that fails with a
// message of its own, unless it happens to be one (observed on 2.4.71).
func (p *parser) address() (*address, error) {
	c := p.peek()
	switch {
	case c == '$':
		p.at++
		return &address{last: true}, nil
	case c == '/' || c == '\\':
		if c == '\\' {
			p.at++
		}
		delim := p.next()
		start := p.at
		re, err := p.regexp(delim)
		if err == errNoExpression {
			return nil, err
		}
		if err != nil {
			p.at = start
			return nil, nil
		}
		return &address{re: re}, nil
	case c < '0' || c > '9':
		return nil, nil
	}
	n := 0
	for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
		n = n*10 + int(c-'0')
		p.at++
	}
	return &address{line: n}, nil
}

var errNoExpression = errors.New("first RE may not be null")

// regexp reads an expression up to its delimiter. An empty one is the last one.
func (p *parser) regexp(delim byte) (*regexp, error) {
	if p.peek() == delim {
		p.at++
		if p.s.last == nil {
			return nil, errNoExpression
		}
		return p.s.last, nil
	}
	re, n, err := compileRegexp(p.line[min(p.at, len(p.line)):], delim)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, p.line)
	}
	p.at += n
	p.s.last = re
	return re, nil
}

func (p *parser) substitute(c *command) (err error) {
	delim := p.next()
	if c.re, err = p.regexp(delim); err != nil {
		return err
	}
	start := p.at
	for p.peek() != delim {
		switch p.next() {
		case 0:
			return p.fail("ending delimiter missing on substitution: %s")
		case '\\':
			if d := p.next(); d > byte(c.re.groups)+'0' && d <= '9' {
				return p.fail("``\\digit'' out of range: %s")
			}
		}
	}
	c.with = p.line[start:p.at]
	p.at++
	if p.peek() == 'g' {
		p.at++
		c.nth = all
	}
	if d := p.peek(); d >= '1' && d <= '9' {
		c.nth = 0
		for d := p.peek(); d >= '0' && d <= '9'; d = p.peek() {
			if c.nth = c.nth*10 + int(d-'0'); c.nth > 512 {
				return p.fail("suffix too large: %s")
			}
			p.at++
		}
	}
	for _, flag := range []byte("pP") {
		if p.peek() == flag {
			p.at++
			c.print = flag
		}
	}
	if p.peek() == 'w' {
		p.at++
		return p.file(c)
	}
	return nil
}

// transform reads the two strings of y, whose \n is a newline. The second is
// as long as the first, whatever it holds; then the delimiter must follow.
func (p *parser) transform(c *command) error {
	delim := p.next()
	var from []byte
	for p.peek() != delim {
		if b := p.peek(); b == 0 || b == '\n' {
			return p.fail("ending delimiter missing on string: %s")
		}
		from = append(from, p.transformByte())
	}
	p.at++
	c.table = new([256]byte)
	for i := range c.table {
		c.table[i] = byte(i)
	}
	for _, b := range from {
		c.table[b] = p.transformByte()
	}
	switch p.next() {
	case delim:
		return nil
	case 0:
		return p.fail("ending delimiter missing on string: %s")
	}
	return p.fail("transform strings not the same size: %s")
}

func (p *parser) transformByte() byte {
	c := p.next()
	if c == '\\' && p.peek() == 'n' {
		p.at++
		return '\n'
	}
	return c
}
