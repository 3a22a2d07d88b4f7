// Package headers changes the fields of requests and responses (mod_headers).
package headers

import (
	"errors"
	"fmt"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/pattern"
)

// Module is headers_module.
var Module = server.Module{
	Name: "headers_module",
	Directives: directives.Table{
		{Name: "Header", In: directives.FileInfo,
			Usage: "an optional condition, an action, header and value followed by optional env clause",
			Set:   slot.Raw(func(c *config, cmd *directives.Cmd, args string) error { return c.read(cmd, args, false) })},
		{Name: "RequestHeader", In: directives.FileInfo, Usage: "an action, header and value followed by optional env clause",
			Set: slot.Raw(func(c *config, cmd *directives.Cmd, args string) error { return c.read(cmd, args, true) })},
	},
	Hooks: []server.Hook{
		server.InsertFilter.Last(insertFilter).Plain().When(slot.If(func(c *config) bool { return len(c.out)+len(c.always) > 0 })),
		server.InsertErrorFilter.Last(insertErrorFilter).Plain().When(slot.If(func(c *config) bool { return len(c.always) > 0 })),
		server.Fixups.Last(fixup).When(slot.If(func(c *config) bool { return len(c.in) > 0 })),
		server.PostReadRequest.First(early).Plain().When(slot.If(func(c *config) bool { return c.early })),
	},
}

var slot = directives.NewDirSlot(func(base, add config) config {
	return config{in: directives.Append(base.in, add.in), out: directives.Append(base.out, add.out),
		always: directives.Append(base.always, add.always), early: base.early || add.early}
})

// config is the edits of request fields, of the fields of successful responses
// (onsuccess) and of those of all responses (always).
type config struct {
	in, out, always []edit
	early           bool // one of them is early
}

type action uint8

const (
	set action = iota
	setIfEmpty
	add
	appendTo
	mergeInto
	unset
	echo
	editOnce
	editAll
	note
)

var actions = map[string]action{"set": set, "setifempty": setIfEmpty, "add": add, "append": appendTo, "merge": mergeInto,
	"unset": unset, "echo": echo, "edit": editOnce, "edit*": editAll, "note": note}

// edit is one Header or RequestHeader.
type edit struct {
	action action
	name   string
	regex  *pattern.Regexp // of names for echo, of values for edit
	value  format
	early  bool
	env    string // needed for the edit, "!name" its absence; "" none
	expr   *server.Expr
	pos    httpdconf.Pos
}

// words cuts a line as the directives do: an argument that is not there is told
// from an empty one.
type words struct{ rest string }

func (w *words) next() (word string, ok bool) {
	if w.rest == "" {
		return "", false
	}
	word, w.rest = httpdconf.Getword(w.rest)
	return word, true
}

// read is header_cmd and header_inout_cmd of mod_headers.c.
func (c *config) read(cmd *directives.Cmd, args string, request bool) error {
	w := words{args}
	list := &c.out
	verb, _ := w.next()
	if request {
		list = &c.in
	} else if strings.EqualFold(verb, "always") {
		list = &c.always
		verb, _ = w.next()
	} else if strings.EqualFold(verb, "onsuccess") {
		verb, _ = w.next()
	}
	e := edit{pos: cmd.Node.Pos}
	e.name, _ = w.next()
	value, hasValue := w.next()
	subs, hasSubs := w.next()
	clause, hasClause := w.next()
	if w.rest != "" {
		return fmt.Errorf("%s has too many arguments", cmd.Name)
	}
	var ok bool
	if e.action, ok = actions[strings.ToLower(verb)]; !ok {
		return errors.New("first argument must be 'add', 'set', 'setifempty', 'append', 'merge', " +
			"'unset', 'echo', 'note', 'edit', or 'edit*'.")
	}
	if e.action == note && request {
		return errors.New("RequestHeader does not support the 'note' action")
	}
	if e.action == editOnce || e.action == editAll {
		if !hasSubs {
			return errors.New("Header edit requires a match and a substitution")
		}
		var err error
		if e.regex, err = pattern.Compile(value, pattern.DefaultFlags()); err != nil {
			return &directives.Hinted{Err: errors.New("Header edit regex could not be compiled"), Hint: err.Error()}
		}
		value = subs
	} else {
		if hasClause {
			return errors.New("Too many arguments to directive")
		}
		clause, hasClause = subs, hasSubs
	}
	switch {
	case e.action == unset || e.action == echo:
		if hasValue {
			if hasClause && e.action == unset {
				return errors.New("header unset takes two arguments")
			}
			if hasClause {
				return errors.New("Header echo takes two arguments")
			}
			clause, hasClause = value, true
		}
	case !hasValue:
		return errors.New("Header requires three arguments")
	}
	if e.action == echo {
		if request {
			return errors.New("Header echo only valid on Header directives")
		}
		var err error
		if e.regex, err = pattern.Compile(e.name, pattern.DefaultFlags()); err != nil {
			return &directives.Hinted{Err: errors.New("Header echo regex could not be compiled"), Hint: err.Error()}
		}
	}
	if hasClause {
		if err := e.condition(cmd, clause); err != nil {
			return err
		}
	}
	e.name, _, _ = strings.Cut(e.name, ":")
	if e.action != unset && e.action != echo {
		if err := e.value.parse(cmd, value); err != nil {
			return err
		}
	}
	*list = append(*list, e)
	c.early = c.early || e.early
	return nil
}

func (e *edit) condition(cmd *directives.Cmd, clause string) error {
	prefix := func(p string) bool { return len(clause) >= len(p) && strings.EqualFold(clause[:len(p)], p) }
	switch {
	case strings.EqualFold(clause, "early"):
		e.early = true
	case prefix("env="):
		e.env = clause[len("env="):]
		if e.env == "" || e.env == "!" {
			return errors.New("error: missing environment variable name. envclause should be in the form env=envar ")
		}
	case prefix("expr="):
		var err error
		if e.expr, err = server.CompileExprFor(cmd, clause[len("expr="):], 0); err != nil {
			return fmt.Errorf("Can't parse envclause/expression: %w", err)
		}
	default:
		return fmt.Errorf("Unknown parameter: %s", clause)
	}
	return nil
}
