package httpdconf

import (
	"errors"
	"fmt"
	"strings"

	"github.com/alecthomas/participle/v2"
)

type parseOption = participle.ParseOption

// maxIncludeDepth is AP_MAX_INCLUDE_DEPTH.
const maxIncludeDepth = 256

// Include reads files in the directive's place: a file, a directory with all
// below it, or a pattern. It is an error when there is nothing.
func Include(r *Reader, n *Node) error { return r.include(n, false) }

// IncludeOptional is Include that is content with nothing.
func IncludeOptional(r *Reader, n *Node) error { return r.include(n, true) }

func (r *Reader) include(n *Node, optional bool) error {
	if r.depth++; r.depth > maxIncludeDepth {
		r.depth = 0
		return fmt.Errorf("Exceeded maximum include depth of %d, There appears to be a recursion.", maxIncludeDepth)
	}
	defer func() { r.depth-- }()
	path, _ := Getword(n.Args)
	w := includer{r: r, into: r.into, optional: optional}
	path = r.Abs(path)
	if !hasGlob(path) {
		return w.whole(path, 0)
	}
	return w.match("/", strings.TrimPrefix(path, "/"))
}

// includer walks what an Include names.
type includer struct {
	r        *Reader
	into     *block
	optional bool
}

// maxIncludeDirDepth is AP_MAX_INCLUDE_DIR_DEPTH.
const maxIncludeDirDepth = 20

// whole includes a file, or everything below a directory.
func (w includer) whole(path string, depth int) error {
	dir, ok := w.r.opt.Source.Stat(path)
	if !dir {
		if !ok && w.optional {
			return nil
		}
		at := w.r.current().last
		if err := w.r.file(path, at, w.into); err != nil {
			return err
		}
		if w.r.halted {
			return errReported
		}
		return nil
	}
	if depth++; depth > maxIncludeDirDepth {
		return fmt.Errorf("Include/IncludeOptional: Directory '%s' exceeds the maximum include directory nesting level of %d. You have probably a recursion somewhere.", path, maxIncludeDirDepth)
	}
	entries, err := w.r.opt.Source.List(path)
	if err != nil {
		return fmt.Errorf("Include/IncludeOptional: Could not open directory %s: %s", path, strerror(err))
	}
	for _, e := range entries {
		if err := w.whole(fullPath(path, e.Name), depth); err != nil {
			return err
		}
	}
	return nil
}

// match walks the components of a pattern below dir.
func (w includer) match(dir, pattern string) error {
	part, rest, more := strings.Cut(pattern, "/")
	if !hasGlob(part) {
		path := fullPath(dir, part)
		if !more {
			return w.whole(path, 0)
		}
		return w.match(path, rest)
	}
	entries, err := w.r.opt.Source.List(dir)
	if err != nil {
		if w.optional && errors.Is(err, errNotExist) {
			return nil
		}
		return fmt.Errorf("Include/IncludeOptional: Could not open directory %s: %s", dir, strerror(err))
	}
	found := false
	for _, e := range entries {
		if !matchName(part, e.Name) || more && !e.Dir {
			continue
		}
		found = true
		path := fullPath(dir, e.Name)
		var err error
		if more {
			err = w.match(path, rest)
		} else {
			err = w.whole(path, 0)
		}
		if err != nil {
			return err
		}
	}
	if !found && !w.optional {
		return fmt.Errorf("Include/IncludeOptional: No matches for the wildcard '%s' in '%s', failing", part, dir)
	}
	return nil
}

// Define declares a name, with or without a value.
func Define(r *Reader, n *Node) error {
	name, rest := Getword(n.Args)
	value, _ := Getword(rest)
	if strings.Contains(name, ":") {
		return errors.New("Variable name must not contain ':'")
	}
	r.defined[name] = true
	if rest != "" {
		r.vars[strings.ToLower(name)] = value // an apr_table: names are the same in any case
	}
	return nil
}

// UnDefine forgets a name.
func UnDefine(r *Reader, n *Node) error {
	name, _ := Getword(n.Args)
	if strings.Contains(name, ":") {
		return errors.New("Variable name must not contain ':'")
	}
	delete(r.defined, name)
	delete(r.vars, strings.ToLower(name))
	return nil
}

// condition makes the ReadFunc of <IfX [!]argument>.
func condition(test func(r *Reader, arg string) bool) ReadFunc {
	return func(r *Reader, n *Node) error {
		if !n.Closed {
			return fmt.Errorf("<%s> directive missing closing '>'", n.Name)
		}
		args, not := strings.CutPrefix(n.Args, "!")
		arg, _ := Getword(args)
		if arg == "" {
			return fmt.Errorf("<%s> directive requires additional arguments", n.Name)
		}
		if test(r, arg) != not {
			return r.Body(n)
		}
		return r.Skip(n)
	}
}

// IfDefine is true when the name is defined.
var IfDefine = condition((*Reader).Defined)

// IfModule is true when the module is active.
var IfModule = condition(func(r *Reader, name string) bool { return r.opt.Host.ModuleActive(name) })

// IfFile is true when the file is there.
var IfFile = condition(func(r *Reader, path string) bool {
	_, ok := r.opt.Source.Stat(r.Abs(path))
	return ok
})

// IfDirective is true when an active module has the directive.
var IfDirective = condition(func(r *Reader, name string) bool {
	name, section := strings.CutPrefix(name, "<")
	_, known := r.opt.Host.OnRead(name, section)
	return known
})

// IfSection is true when an active module has the section.
var IfSection = condition(func(r *Reader, name string) bool {
	_, known := r.opt.Host.OnRead(name, true)
	return known
})
