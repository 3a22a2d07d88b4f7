package httpdconf

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// Reader reads one configuration. ReadFuncs are given it; it is valid until
// Load returns.
type Reader struct {
	opt      Options
	root     string
	vars     map[string]string // Define with a value
	defined  map[string]bool
	macros   map[string]*macro
	tree     *Tree
	diags    Diagnostics
	htaccess bool

	into   *block   // where the directive being executed stands
	stack  []*input // texts being read, innermost last: a macro stands above the text that uses it
	depth  int      // of Include
	nodes  []Node   // slab that nodes are cut from
	halted bool     // an error made it pointless to go on
	missed map[string]bool

	ignoreEmptyArgs, ignoreBadNesting bool // of macros
}

// input is a text being read, and how far.
type input struct {
	name  string
	lines lineList
	text  string // what the lines were cut from; "" of a macro and of -c
	next  int
	via   *Via
	macro bool
	last  int // number of the last line taken
}

// block collects what is read into one list with its open sections.
type block struct {
	top  []*Node // nodes outside open sections
	open *Node   // innermost open section
	base *Node   // section that encloses the block; closing it is not the block's business
}

func (b *block) add(n *Node) {
	if b.open != nil {
		n.Parent = b.open
		b.open.Children = append(b.open.Children, n)
		return
	}
	n.Parent = b.base
	b.top = append(b.top, n)
}

// Load reads file and all that it includes. The tree is what could be read;
// when the diagnostics hold an error it must not be used.
func Load(file string, o Options) (*Tree, Diagnostics) {
	r := newReader(o)
	all := &block{}
	r.commandLine(o.Before, all)
	if !r.halted {
		name := r.Abs(file)
		if err := r.file(name, 0, all); err != nil {
			r.diags = append(r.diags, Diagnostic{Summary: err.Error(), NoPos: true})
			r.halted = true
		}
	}
	if !r.halted {
		r.commandLine(o.After, all)
	}
	r.tree.Nodes = all.top
	r.tree.ServerRoot = r.root
	r.tree.Vars, r.tree.Defined = r.vars, r.defined
	return r.tree, r.diags
}

// maxHtaccessLines bounds what a .htaccess file can make the reader do.
const maxHtaccessLines = 100_000

// ParseHtaccess reads the text of a .htaccess file. Nothing in it can reach
// other files. The first error is the one that Apache would have logged.
func ParseHtaccess(file, text string, o Options) (*Tree, Diagnostics) {
	r := newReader(o)
	r.htaccess = true
	all := &block{}
	lines, err := split(htaccessLines, file, text)
	switch {
	case err != nil:
		r.diags = append(r.diags, Diagnostic{Summary: err.Error(), NoPos: true})
	case len(lines) > maxHtaccessLines:
		r.diags = append(r.diags, Diagnostic{Summary: fmt.Sprintf("%s has more than %d lines", file, maxHtaccessLines), NoPos: true})
	default:
		r.text(&input{name: file, lines: lines, text: text}, all)
	}
	r.tree.Nodes = all.top
	return r.tree, r.diags
}

func newReader(o Options) *Reader {
	if o.Source == nil {
		o.Source = OS
	}
	r := &Reader{opt: o, root: o.ServerRoot, tree: &Tree{}, vars: map[string]string{},
		defined: map[string]bool{}, macros: map[string]*macro{}, missed: map[string]bool{}}
	for name, value := range o.Vars {
		r.vars[strings.ToLower(name)] = value
	}
	for _, d := range o.Defines {
		r.defined[d] = true
	}
	return r
}

// commandLine reads the texts of -C or -c, each a line.
func (r *Reader) commandLine(texts []string, into *block) {
	if len(texts) == 0 {
		return
	}
	in := &input{name: "-c/-C directives"}
	for i, t := range texts {
		if t = trimSpace(t); t != "" && t[0] != '#' {
			in.lines = append(in.lines, line{t, i + 1, 1})
		}
	}
	r.text(in, into)
}

// file reads a file as a text of its own: its sections must be closed in it.
func (r *Reader) file(name string, includedAt int, into *block) error {
	text, err := r.opt.Source.ReadFile(name)
	if err != nil {
		return fmt.Errorf("Could not open configuration file %s: %s", name, strerror(err))
	}
	r.tree.Includes = append(r.tree.Includes, Included{name, includedAt, r.depth})
	lines, err := split(serverLines, name, text)
	if err != nil {
		return err
	}
	in := &input{name: name, lines: lines, text: text}
	if n := len(r.stack); n > 0 {
		in.via = &Via{Pos: r.pos(r.current())}
	}
	r.text(in, into)
	return nil
}

// text reads all lines of an input into a block of its own, and reports
// sections left open.
func (r *Reader) text(in *input, into *block) {
	outer := r.stack
	r.stack = []*input{in}
	inner := &block{base: into.innermost()}
	for !r.halted {
		l, ok := r.line()
		if !ok {
			break
		}
		if err := r.execute(l, inner); err != nil {
			r.fail(r.posOf(l), err)
		}
	}
	if inner.open != nil && !r.halted {
		r.unclosed(inner.open, inner.base)
	}
	for _, n := range inner.top {
		into.add(n)
	}
	r.stack = outer
}

func (b *block) innermost() *Node {
	if b.open != nil {
		return b.open
	}
	return b.base
}

// unclosed reports the open sections, the innermost first, at the outermost.
func (r *Reader) unclosed(n, stop *Node) {
	var text []string
	outer := n
	for ; n != nil && n != stop; n = n.Parent {
		text = append(text, fmt.Sprintf("%s:%d: <%s> was not closed.", n.Pos.File, n.Pos.Line, n.Name))
		outer = n
	}
	r.diags = append(r.diags, Diagnostic{Pos: outer.Pos, Summary: strings.Join(text, "\n"),
		Hint: fmt.Sprintf("add </%s>", outer.Name)})
	r.halted = true
}

func split(p interface {
	ParseString(string, string, ...parseOption) (*document, error)
}, name, text string) (lineList, error) {
	doc, err := p.ParseString(name, text)
	if err == nil {
		return doc.Lines.list, nil
	}
	var long *tooLong
	if errors.As(err, &long) {
		return nil, fmt.Errorf("Error reading %s at line %d: Line too long", name, long.line)
	}
	return nil, err
}

// current is the text that lines are being taken from.
func (r *Reader) current() *input { return r.stack[len(r.stack)-1] }

// line takes the next line; a macro's text ends into the one that uses it.
func (r *Reader) line() (line, bool) {
	for {
		in := r.current()
		if in.next < len(in.lines) {
			l := in.lines[in.next]
			in.next++
			in.last = l.number
			return l, true
		}
		if !in.macro || len(r.stack) == 1 {
			return line{}, false
		}
		r.stack = r.stack[:len(r.stack)-1]
	}
}

func (r *Reader) pos(in *input) Pos {
	return Pos{File: in.name, Line: in.last, Column: 1, Via: in.via}
}

func (r *Reader) posOf(l line) Pos {
	in := r.current()
	return Pos{File: in.name, Line: l.number, Column: l.column, Via: in.via}
}

// fail reports an error of reading. Nesting is lost after most of them, so
// reading ends: what follows would be guesswork.
func (r *Reader) fail(pos Pos, err error) {
	if err == errReported {
		return
	}
	code := ""
	var at *errorAt
	if errors.As(err, &at) {
		pos = at.pos
	}
	r.diags = append(r.diags, Diagnostic{Pos: pos, Code: code, Summary: err.Error()})
	r.halted = true
}

// errorAt is an error whose place is not the directive being executed.
type errorAt struct {
	pos Pos
	err error
}

func (e *errorAt) Error() string { return e.err.Error() }
func (e *errorAt) Unwrap() error { return e.err }

// errReported says that the diagnostic stands already.
var errReported = errors.New("reported")

const slab = 256

func (r *Reader) newNode() *Node {
	if len(r.nodes) == 0 {
		r.nodes = make([]Node, slab)
	}
	n := &r.nodes[0]
	r.nodes = r.nodes[1:]
	return n
}

// execute does with one line what ap_build_config_sub does.
func (r *Reader) execute(l line, b *block) error {
	text := l.text
	if strings.IndexByte(text, '$') >= 0 {
		if text = r.resolve(text); text == "" {
			return nil
		}
	}
	name, args := Getword(text)
	if name == "" {
		return nil
	}
	if strings.HasPrefix(name, "</") {
		return r.close(name, b)
	}
	n := r.newNode()
	n.Pos = r.posOf(l)
	if name[0] == '<' {
		n.Section = true
		if strings.HasSuffix(name, ">") && len(name) > 1 {
			name = name[:len(name)-1]
		}
		if args == "" {
			args = ">" // also where it was forgotten, as in Apache
		}
		name = name[1:]
		if i := strings.LastIndexByte(args, '>'); i >= 0 {
			args, n.Closed = args[:i], true
		}
	} else if strings.HasSuffix(name, ">") {
		name = name[:len(name)-1]
	}
	n.Name, n.Args = name, args
	if f, _ := r.opt.Host.OnRead(name, n.Section); f != nil {
		return r.run(f, n, b)
	}
	b.add(n)
	if n.Section {
		b.open = n
	}
	return nil
}

// run executes a directive, which may read a text or the body of its section
// into the block.
func (r *Reader) run(f ReadFunc, n *Node, b *block) error {
	n.Parent = b.innermost()
	saved := r.into
	r.into = b
	err := f(r, n)
	r.into = saved
	return err
}

// close ends the innermost section.
func (r *Reader) close(name string, b *block) error {
	if b.open == nil {
		return fmt.Errorf("%s without matching <%s section", name, name[2:])
	}
	end, ok := strings.CutSuffix(name, ">")
	if !ok {
		return fmt.Errorf("%s> directive missing closing '>'", name)
	}
	if !strings.EqualFold(end[2:], b.open.Name) {
		return fmt.Errorf("Expected </%s> but saw %s>", b.open.Name, end)
	}
	if b.open.Parent == b.base {
		b.open = nil
	} else {
		b.open = b.open.Parent
	}
	return nil
}

// resolve replaces ${NAME} by the value that Define gave it, or by the
// environment's. What is defined nowhere is left as it stands, with Apache's
// warning, unless its name has a colon: that is a rewrite map.
func (r *Reader) resolve(s string) string {
	at := strings.Index(s, "${")
	if at < 0 {
		return s
	}
	var b strings.Builder
	for at >= 0 {
		end := strings.IndexByte(s[at+2:], '}')
		if end < 0 {
			break
		}
		end += at + 2
		name := s[at+2 : end]
		b.WriteString(s[:at])
		value, ok := r.vars[strings.ToLower(name)]
		if !ok {
			value, ok = r.opt.Source.Getenv(name)
		}
		if !ok {
			value = s[at : end+1]
			if !strings.Contains(name, ":") {
				r.Warn("core", "AH00111: Config variable ${%s} is not defined", name)
			}
		}
		b.WriteString(value)
		s = s[end+1:]
		at = strings.Index(s, "${")
	}
	b.WriteString(s)
	return b.String()
}

// Abs makes a path absolute below the ServerRoot that holds now.
func (r *Reader) Abs(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(r.root, path)
}

// ServerRoot is the one that holds now.
func (r *Reader) ServerRoot() string { return r.root }

// SetServerRoot changes it for what follows.
func (r *Reader) SetServerRoot(dir string) { r.root = dir }

// SetRuntimeDir notes the directory for what is made at run time.
func (r *Reader) SetRuntimeDir(dir string) { r.tree.RuntimeDir = dir }

// Source is where the text comes from.
func (r *Reader) Source() Source { return r.opt.Source }

// Host is the one of the Options.
func (r *Reader) Host() Host { return r.opt.Host }

// Htaccess tells whether a .htaccess file is being read.
func (r *Reader) Htaccess() bool { return r.htaccess }

// Defined tells whether a name was given by -D or Define.
func (r *Reader) Defined(name string) bool { return r.defined[name] }

// Warn records a warning at the line being read, in the name of a module.
func (r *Reader) Warn(module, format string, args ...any) {
	pos := Pos{}
	if len(r.stack) > 0 {
		pos = r.pos(r.current())
	}
	r.diags = append(r.diags, Diagnostic{Severity: Warning, Pos: pos, Summary: fmt.Sprintf(format, args...), NoPos: true, Module: module})
}

// Body reads the section's body into the tree in the section's place, as a
// condition does that holds.
func (r *Reader) Body(n *Node) error {
	into := r.into
	inner := &block{base: into.innermost()}
	for !r.halted {
		l, ok := r.line()
		if !ok {
			break // Apache says nothing: the end of the text ends the section
		}
		if inner.open == nil && len(l.text) == len(n.Name)+3 && strings.HasPrefix(l.text, "</") &&
			strings.HasSuffix(l.text, ">") && strings.EqualFold(l.text[2:len(l.text)-1], n.Name) {
			break
		}
		pos := r.posOf(l)
		if err := r.execute(l, inner); err != nil {
			var at *errorAt
			if err == errReported || errors.As(err, &at) {
				return err
			}
			return &errorAt{pos, err}
		}
	}
	for _, c := range inner.top {
		into.add(c)
	}
	return nil
}

// Skip reads over the section's body: only the nesting of sections counts in it.
func (r *Reader) Skip(n *Node) error {
	open := []string{n.Name}
	for {
		l, ok := r.line()
		if !ok {
			return fmt.Errorf("Expected </%s> before end of configuration", open[len(open)-1])
		}
		if l.text[0] != '<' {
			continue
		}
		word, rest := Getword(l.text)
		if !strings.HasPrefix(word, "</") {
			if rest == "" {
				word = strings.TrimSuffix(word, ">")
			}
			open = append(open, word[1:])
			continue
		}
		end := word[:len(word)-1]
		want := open[len(open)-1]
		if len(end) < 2 || !strings.EqualFold(end[2:], want) {
			return fmt.Errorf("Expected </%s> but saw %s>", want, end) // at the section's first line, as Apache has it
		}
		if open = open[:len(open)-1]; len(open) == 0 {
			return nil
		}
	}
}
