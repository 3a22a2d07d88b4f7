package sed

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"github.com/donjon-httpd/donjon/server"
)

// editor runs a script over lines as they come. What it writes is gathered in out.
type editor struct {
	s       *script
	out     bytes.Buffer
	line    string // pattern space
	hold    string
	number  int
	part    []byte // of a line whose end has not come
	ready   bool   // part is a whole line, and perhaps the last
	last    bool
	quit    bool
	pending int // command behind n or N that waits for a line; -1 for none
	changed bool
	ranges  []bool // the command's range has begun
	appends []*command
	files   []*os.File
	log     func(string) // of what is wrong with the script
}

const (
	maxBuffer  = 8 << 20
	maxAppends = 20
)

// newEditor opens the files of w commands; they stay open until close.
func newEditor(s *script, log func(string)) (*editor, error) {
	e := &editor{s: s, log: log, pending: -1, ranges: make([]bool, len(s.commands))}
	for _, name := range s.files {
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o666)
		if err != nil {
			e.close()
			e.log("cannot open " + name)
			return nil, server.ErrGeneral
		}
		e.files = append(e.files, f)
	}
	return e, nil
}

func (e *editor) close() {
	for _, f := range e.files {
		f.Close()
	}
	e.files = nil
}

// write takes what has come of the text. The last line of it waits: what
// follows tells whether it is the last of all.
func (e *editor) write(p []byte) error {
	if e.quit {
		return nil
	}
	if err := e.s.finished(); err != nil {
		e.log(err.Error())
		return server.ErrGeneral
	}
	if len(p) > 0 && e.ready {
		if err := e.take(); err != nil {
			return err
		}
	}
	for !e.quit {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			break
		}
		e.part = append(e.part, p[:i]...)
		if i == len(p)-1 {
			e.ready = true
			return nil
		}
		p = p[i+1:]
		if err := e.take(); err != nil {
			return err
		}
	}
	if e.part = append(e.part, p...); len(e.part) > maxBuffer {
		return syscall.ENOMEM
	}
	return nil
}

// end is the end of the text; a last line without a newline gets one.
func (e *editor) end() error {
	if e.quit {
		return nil
	}
	e.last = true
	var err error
	if e.ready || len(e.part) > 0 {
		err = e.take()
	}
	e.quit = true
	return err
}

// take runs the script over the line that is there.
func (e *editor) take() error {
	if e.pending >= 0 {
		e.line += string(e.part)
	} else {
		e.line = string(e.part)
	}
	e.part, e.ready = e.part[:0], false
	if len(e.line) > maxBuffer {
		return syscall.ENOMEM
	}
	return e.run()
}

// next is what follows a command.
type next uint8

const (
	onward  next = iota
	jump         // to the command's target
	deleted      // the line is not printed
	stop         // wait for a line, or quit
)

func (e *editor) run() error {
	e.number++
	e.changed = false
	at := max(e.pending, 0)
	e.pending = -1
	drop := false
	for !drop && at < len(e.s.commands) {
		c := e.s.commands[at]
		if !e.selected(at, c) {
			at++
			continue
		}
		what, err := e.execute(at, c)
		if err != nil {
			return err
		}
		switch what {
		case stop:
			return nil
		case deleted:
			drop = true
		case jump:
			at = c.jump
		default:
			at++
		}
	}
	if !e.s.quiet && !drop {
		e.print(e.line)
	}
	e.flushAppends()
	return nil
}

// selected tells whether a command is for this line.
func (e *editor) selected(at int, c *command) bool {
	return e.addressed(at, c) != c.negated
}

func (e *editor) addressed(at int, c *command) bool {
	switch {
	case c.first == nil:
		return true
	case e.ranges[at]:
		switch u := c.until; {
		case u.last:
		case u.re != nil:
			e.ranges[at] = !e.matches(u)
		case e.number > u.line:
			e.ranges[at] = false
			return false
		default:
			e.ranges[at] = e.number < u.line
		}
		return true
	case !e.matches(c.first):
		return false
	}
	// A range does not begin at the last line.
	e.ranges[at] = c.until != nil && !c.first.last
	return true
}

func (e *editor) matches(a *address) bool {
	switch {
	case a.last:
		return e.last
	case a.re != nil:
		return a.re.re.MatchString(e.line)
	}
	return e.number == a.line
}

func (e *editor) print(s string) {
	e.out.WriteString(s)
	e.out.WriteByte('\n')
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return s
}

func (e *editor) execute(at int, c *command) (next, error) {
	switch c.op {
	case '{':
		return jump, nil
	case 'b':
		return jump, nil
	case 't':
		if e.changed {
			e.changed = false
			return jump, nil
		}
	case 'a', 'r':
		if len(e.appends) >= maxAppends {
			what := "appends"
			if c.op == 'r' {
				what = "reads"
			}
			e.log(fmt.Sprintf("too many %s after line %d", what, e.number))
			break
		}
		e.appends = append(e.appends, c)
	case 'c':
		if !e.ranges[at] || e.last {
			e.print(c.text)
		}
		return deleted, nil
	case 'd':
		return deleted, nil
	case 'D':
		_, rest, more := strings.Cut(e.line, "\n")
		if !more {
			return deleted, nil
		}
		e.line = rest
		return jump, nil
	case '=':
		e.print(fmt.Sprint(e.number))
	case 'g':
		e.line = e.hold
	case 'G':
		e.line += "\n" + e.hold
	case 'h':
		e.hold = e.line
	case 'H':
		e.hold += "\n" + e.line
	case 'x':
		e.line, e.hold = e.hold, e.line
	case 'i':
		e.print(c.text)
	case 'l':
		e.list()
	case 'n':
		if !e.s.quiet {
			e.print(e.line)
		}
		e.flushAppends()
		e.line, e.pending = "", at+1
		return stop, nil
	case 'N':
		e.flushAppends()
		e.line += "\n"
		e.pending = at + 1
		return stop, nil
	case 'p':
		e.print(e.line)
	case 'P':
		e.print(firstLine(e.line))
	case 'q':
		if !e.s.quiet {
			e.print(e.line)
		}
		e.flushAppends()
		e.quit = true
		return stop, nil
	case 's':
		if !e.substitute(c) {
			break
		}
		if e.s.quiet && c.print == 'p' {
			e.print(e.line)
		} else if e.s.quiet && c.print == 'P' {
			e.print(firstLine(e.line))
		}
		e.save(c)
	case 'w':
		e.save(c)
	case 'y':
		line := []byte(e.line)
		for i, b := range line {
			line[i] = c.table[b]
		}
		e.line = string(line)
	}
	if len(e.line) > maxBuffer || len(e.hold) > maxBuffer {
		return onward, syscall.ENOMEM
	}
	return onward, nil
}

func (e *editor) save(c *command) {
	if c.file >= 0 {
		fmt.Fprintf(e.files[c.file], "%s\n", e.line)
	}
}

// flushAppends writes what a and r commands had for the end of the cycle. A
// file that cannot be read is none.
func (e *editor) flushAppends() {
	for _, c := range e.appends {
		if c.op == 'a' {
			e.print(c.text)
			continue
		}
		if f, err := os.Open(c.text); err == nil {
			io.Copy(&e.out, f)
			f.Close()
		}
	}
	e.appends = e.appends[:0]
}

// substitute is the command s. The search goes on behind what was put in; there,
// nothing is no match.
func (e *editor) substitute(c *command) bool {
	loc := c.re.re.MatchIndex(nil, e.line)
	if loc == nil {
		return false
	}
	e.changed = false
	behind := e.replace(c, loc, 0, 1)
	for pass := 2; c.nth != 0 && behind < len(e.line) && !c.re.anchored; pass++ {
		at := behind
		if loc = c.re.re.MatchIndex(loc[:0], e.line[at:]); loc != nil && loc[1] == 0 {
			at++
			loc = c.re.re.MatchIndex(loc[:0], e.line[at:])
		}
		if loc == nil || len(e.line) > maxBuffer {
			break
		}
		behind = e.replace(c, loc, at, pass)
	}
	return e.changed
}

// replace puts the replacement in the place of a match that begins in the line
// behind offset, if the pass is the one that is asked for, and tells what is
// behind it.
func (e *editor) replace(c *command, loc []int, offset, pass int) int {
	from, to := offset+loc[0], offset+loc[1]
	if c.nth > 0 && c.nth < all && c.nth != pass {
		return to
	}
	e.changed = true
	var b strings.Builder
	b.WriteString(e.line[:from])
	for i := 0; i < len(c.with); i++ {
		switch d := c.with[i]; {
		case d == '&':
			b.WriteString(e.line[from:to])
		case d == '\\' && i+1 < len(c.with):
			i++
			if d = c.with[i]; d < '1' || d > '9' {
				b.WriteByte(d)
			} else if n := 2 * int(d-'0'); n < len(loc) && loc[n] >= 0 {
				b.WriteString(e.line[offset+loc[n] : offset+loc[n+1]])
			}
		default:
			b.WriteByte(d)
		}
	}
	end := b.Len()
	b.WriteString(e.line[to:])
	e.line = b.String()
	return end
}

// listWidth is how long the lines of l are, but for the backslash that says
// that they go on.
const listWidth = 71

// list is the command l: the line with what cannot be seen in octal.
func (e *editor) list() {
	var text []byte
	put := func(s string) {
		for i := range len(s) {
			if text = append(text, s[i]); len(text) >= listWidth {
				e.print(string(text) + `\`)
				text = text[:0]
			}
		}
	}
	for i := range len(e.line) {
		switch c := e.line[i]; {
		case c == '\n':
			put("\n")
		case c == 0x7f:
			put(`\177`)
		case c < ' ':
			put(fmt.Sprintf(`\%02o`, c))
		case c < 0x7f:
			put(string(c))
		default:
			put(`\` + string('0'+rune(int8(c)>>6)) + fmt.Sprintf("%02o", c&0o77)) // of a signed char
		}
	}
	e.print(string(text))
}
