// Package substitute replaces text in responses, line by line (mod_substitute).
package substitute

import (
	"errors"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/pattern"
)

// Module is substitute_module.
var Module = server.Module{
	Name: "substitute_module",
	Directives: directives.Table{
		{Name: "Substitute", In: directives.FileInfo, Usage: "Pattern to filter the response content (s/foo/bar/[inf])",
			Set: slot.Take1((*config).add)},
		{Name: "SubstituteMaxLineLength", In: directives.FileInfo, Usage: "Maximum line length",
			Set: slot.Take1((*config).setMax)},
		{Name: "SubstituteInheritBefore", In: directives.FileInfo, Usage: "Apply inherited patterns before those of the current context",
			Set: slot.Flag(func(c *config, on bool) { c.before = directives.Given(on) })},
	},
	OutputFilters: []*server.OutputFilter{{Name: "SUBSTITUTE", Level: server.ResourceLevel, Plain: true, Run: run}},
}

var slot = directives.NewDirSlot(merge)

type config struct {
	rules  []rule
	max    directives.Opt[int64] // bytes of a line
	before directives.Opt[bool]  // the rules of sections around this one come first
}

const defaultMax = 1 << 20

func merge(base, add config) config {
	c := config{max: add.max.Or(base.max), before: add.before.Or(base.before)}
	if c.before.Else(false) {
		c.rules = directives.Append(base.rules, add.rules)
	} else {
		c.rules = directives.Append(add.rules, base.rules)
	}
	return c
}

// rule is one Substitute.
type rule struct {
	from    string
	re      *pattern.Regexp // nil: from is text
	fold    bool            // letters of from are the same in any case
	to      string
	flatten bool // what becomes of a line is one piece for the rules behind
}

func (c *config) add(_ *directives.Cmd, text string) error {
	r, flags, err := split(text)
	if err != nil {
		return err
	}
	isText := false
	for _, f := range strings.ToLower(flags) {
		switch f {
		case 'i':
			r.fold = true
		case 'n':
			isText = true
		case 'f':
			r.flatten = true
		case 'q':
			r.flatten = false
		default:
			return errors.New("Bad Substitute flag, only s///[infq] are supported")
		}
	}
	if !isText {
		how := pattern.DefaultFlags() & pattern.DollarEndOnly
		if r.fold {
			how |= pattern.FoldCase
		}
		if r.re, err = pattern.Compile(r.from, how); err != nil {
			return errors.New("Substitute could not compile regex")
		}
	}
	c.rules = append(c.rules, r)
	return nil
}

// split takes s/from/to/flags apart, whose delimiter is any byte that stands in
// neither part.
func split(text string) (r rule, flags string, err error) {
	if text == "" || text[0]|0x20 != 's' {
		return r, "", errors.New("Bad Substitute format, must be an s/// pattern")
	}
	incomplete := errors.New("Bad Substitute format, must be a complete s/// pattern")
	if len(text) < 2 {
		return r, "", incomplete
	}
	delim := text[1:2]
	from, rest, ok := strings.Cut(text[2:], delim)
	if !ok || from == "" {
		return r, "", incomplete
	}
	to, flags, _ := strings.Cut(rest, delim)
	return rule{from: from, to: to, flatten: true}, flags, nil
}

func (c *config) setMax(_ *directives.Cmd, word string) error {
	n, rest, ok := server.Strtoff(word)
	switch strings.ToLower(rest) {
	case "", "b":
	case "k":
		n <<= 10
	case "m":
		n <<= 20
	case "g":
		n <<= 30
	default:
		ok = false
	}
	if !ok || n < 0 {
		return errors.New("SubstituteMaxLineLength must be a non-negative integer optionally suffixed with 'b', 'k', 'm' or 'g'.")
	}
	c.max = directives.Given(n)
	return nil
}
