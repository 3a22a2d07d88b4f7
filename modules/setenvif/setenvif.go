// Package setenvif sets environment variables by what a request says
// (mod_setenvif): before its URL is looked at for the server's directives, and
// once its file is known for those of sections.
package setenvif

import (
	"fmt"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/pattern"
)

// Module is setenvif_module.
var Module = server.Module{
	Name: "setenvif_module",
	Directives: directives.Table{
		{Name: "SetEnvIf", In: directives.FileInfo, Usage: "A header-name, regex and a list of variables.",
			Set: slot.Raw(setEnvIf(false))},
		{Name: "SetEnvIfNoCase", In: directives.FileInfo, Usage: "a header-name, regex and a list of variables.",
			Set: slot.Raw(setEnvIf(true))},
		{Name: "SetEnvIfExpr", In: directives.FileInfo, Usage: "an expression and a list of variables.", Set: slot.Raw(setEnvIfExpr)},
		{Name: "BrowserMatch", In: directives.FileInfo, Usage: "A browser regex and a list of variables.",
			Set: slot.Raw(browserMatch(false))},
		{Name: "BrowserMatchNoCase", In: directives.FileInfo, Usage: "A browser regex and a list of variables.",
			Set: slot.Raw(browserMatch(true))},
	},
	Hooks: []server.Hook{
		server.HeaderParser.Middle(func(r *server.Request) server.Status { return slot.Of(r.Dir).apply(r) }).Plain().When(slot.If(
			func(c *config) bool { return len(c.rules) > 0 })),
		server.PostReadRequest.Middle(func(r *server.Request) server.Status { return serverSlot.Of(r.Server).apply(r) }).Plain(),
	},
}

var (
	slot       = directives.NewDirSlot(merge)
	serverSlot = directives.NewServerSlot(merge)
)

// config is the rules of a server or of a section: the two are kept apart,
// because they run at different times.
type config struct {
	rules   []rule
	classes *classes
}

func merge(base, add config) config {
	return config{rules: directives.Append(base.rules, add.rules), classes: &classes{}}
}

// rule is a condition and what it sets.
type rule struct {
	// attr and nameRegex are where the text comes from: nil regex for one name.
	attr      string
	nameRegex *pattern.Regexp
	source    source

	// Exactly one of these is what the text is compared with: expr if not nil,
	// else regex if not nil, else literal.
	expr    *server.Expr
	regex   *pattern.Regexp
	literal string
	needs   string // a text that every match of regex contains; "" for none known

	text string // of the regex, as written
	fold bool
	pos  httpdconf.Pos
	vars server.Fields // a value that starts with "!" unsets
}

func rules(c *config, cmd *directives.Cmd) *config {
	if cmd.InSection() {
		return c
	}
	return serverSlot.Edit(cmd)
}

func setEnvIf(fold bool) func(*config, *directives.Cmd, string) error {
	return func(c *config, cmd *directives.Cmd, args string) error {
		attr, rest := httpdconf.Getword(args)
		if attr == "" {
			return fmt.Errorf("Missing header-field name for %s", cmd.Name)
		}
		return rules(c, cmd).add(cmd, attr, rest, fold)
	}
}

func browserMatch(fold bool) func(*config, *directives.Cmd, string) error {
	return func(c *config, cmd *directives.Cmd, args string) error {
		return rules(c, cmd).add(cmd, "User-Agent", args, fold)
	}
}

func setEnvIfExpr(c *config, cmd *directives.Cmd, args string) error {
	c = rules(c, cmd)
	text, rest := httpdconf.Getword(args)
	if text == "" {
		return fmt.Errorf("Missing expression for %s", cmd.Name)
	}
	e, err := server.CompileExprFor(cmd, text, 0)
	if err != nil {
		return fmt.Errorf("Could not parse expression \"%s\": %w", text, err)
	}
	r := rule{expr: e, pos: cmd.Node.Pos}
	if err := r.addVars(cmd, rest); err != nil {
		return err
	}
	c.append(r)
	return nil
}

// add appends a rule, or adds to the last one when that has the same condition.
func (c *config) add(cmd *directives.Cmd, attr, args string, fold bool) error {
	text, rest := httpdconf.Getword(args)
	if text == "" {
		return fmt.Errorf("Missing regular expression for %s", cmd.Name)
	}
	fold = fold || pattern.DefaultFlags()&pattern.FoldCase != 0
	if n := len(c.rules); n > 0 {
		last := &c.rules[n-1]
		if last.expr == nil && strings.EqualFold(last.attr, attr) && last.fold == fold && last.text == text {
			return last.addVars(cmd, rest)
		}
	}
	r := rule{attr: attr, text: text, fold: fold, source: sourceOf(attr), pos: cmd.Node.Pos}
	for i := range c.rules {
		if strings.EqualFold(c.rules[i].attr, attr) {
			r.attr = c.rules[i].attr
			break
		}
	}
	if err := r.compile(cmd.Name); err != nil {
		return err
	}
	if err := r.addVars(cmd, rest); err != nil {
		return err
	}
	c.append(r)
	return nil
}

func (c *config) append(r rule) {
	c.rules = append(c.rules, r)
	if c.classes == nil {
		c.classes = &classes{}
	}
}

func (r *rule) compile(directive string) error {
	flags := pattern.DefaultFlags()
	if r.fold {
		flags |= pattern.FoldCase
	}
	literal, ok := literal(r.text)
	if ok {
		r.literal = literal
	} else {
		var err error
		if r.regex, err = pattern.Compile(r.text, flags); err != nil {
			return &directives.Hinted{Err: fmt.Errorf("%s regex could not be compiled.", directive), Hint: err.Error()}
		}
		if !r.fold {
			r.needs = needed(r.text)
		}
	}
	if r.source == field && !plainName(r.attr) {
		var err error
		if r.nameRegex, err = pattern.Compile(r.attr, flags); err != nil {
			return &directives.Hinted{Err: fmt.Errorf("%sHeader name regex could not be compiled.", directive), Hint: err.Error()}
		}
	}
	return nil
}

// addVars reads "name", "name=value" and "!name".
func (r *rule) addVars(cmd *directives.Cmd, args string) error {
	words := httpdconf.Words(args)
	if len(words) == 0 {
		return fmt.Errorf("Missing envariable expression for %s", cmd.Name)
	}
	for _, w := range words {
		name, value, _ := strings.Cut(w, "=")
		value = strings.TrimLeft(value, "=")
		switch {
		case value != "":
			r.vars.Set(name, value)
		case strings.HasPrefix(name, "!"):
			r.vars.Set(name[1:], "!")
		default:
			r.vars.Set(name, "1")
		}
	}
	return nil
}
