// Package ext_filter has programs filter responses and request bodies
// (mod_ext_filter). They are started by the serving process, inside its jail.
package ext_filter

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is ext_filter_module.
var Module = server.Module{
	Name: "ext_filter_module",
	Directives: directives.Table{
		{Name: "ExtFilterOptions", In: directives.InDir, Usage: "valid options: LogStderr, NoLogStderr", Set: slot.Iterate((*config).addOption)},
		{Name: "ExtFilterDefine", In: directives.InServer, Usage: "Define an external filter", Set: definitions.Raw(define)},
	},
	DefinedOutput: func(v *directives.Server, name string) *server.OutputFilter {
		if d := find(v, name); d != nil && !d.input {
			return d.output
		}
		return nil
	},
	DefinedInput: func(v *directives.Server, name string) *server.InputFilter {
		if d := find(v, name); d != nil && d.input {
			return d.in
		}
		return nil
	},
}

var (
	slot = directives.NewDirSlot(func(base, add config) config {
		return config{logStderr: add.logStderr.Or(base.logStderr), remove: add.remove.Or(base.remove)}
	})
	definitions = directives.NewServerSlot(func(base, add map[string]*definition) map[string]*definition {
		return directives.Overlay(base, add)
	})
	elog = server.NewLog("ext_filter")
)

type config struct {
	logStderr directives.Opt[bool]
	remove    directives.Opt[bool] // Onfail=remove: a filter that cannot be started is left out
}

func (c *config) addOption(_ *directives.Cmd, a string) error {
	switch strings.ToLower(a) {
	case "logstderr":
		c.logStderr = directives.Given(true)
	case "nologstderr":
		c.logStderr = directives.Given(false)
	case "onfail=remove":
		c.remove = directives.Given(true)
	case "onfail=abort":
		c.remove = directives.Given(false)
	default:
		return errors.New("Invalid ExtFilterOptions option: " + a)
	}
	return nil
}

// definition is an ExtFilterDefine.
type definition struct {
	name, command         string
	args                  []string
	input                 bool
	level                 server.FilterLevel
	enableEnv, disableEnv string
	intype, outtype       string // "" for any, for unchanged
	preservesLength       bool
	output                *server.OutputFilter
	in                    *server.InputFilter
}

// find gives the definition that holds in a server: its own, or the main server's.
func find(v *directives.Server, name string) *definition {
	name = server.LowerASCII(name)
	if d := (*definitions.Of(v))[name]; d != nil || v.Main == nil {
		return d
	}
	return (*definitions.Of(v.Main))[name]
}

// word is ap_getword_white: up to white space.
func word(s string) (w, rest string) {
	end := strings.IndexAny(s, " \t")
	if end < 0 {
		return s, ""
	}
	return s[:end], strings.TrimLeft(s[end:], " \t")
}

func define(all *map[string]*definition, cmd *directives.Cmd, args string) error {
	name, args := word(strings.TrimLeft(args, " \t"))
	key := server.LowerASCII(name)
	if (*all)[key] != nil {
		return fmt.Errorf("ExtFilter %s is already defined", name)
	}
	d := &definition{name: name, level: server.ResourceLevel}
	for args != "" {
		var err error
		if args, err = d.parameter(strings.TrimLeft(args, " \t")); err != nil {
			return err
		}
	}
	if d.command != "" {
		d.command = cmd.InJail(d.command)
	}
	d.output = &server.OutputFilter{Name: name, Level: d.level, Run: d.filterOutput}
	d.in = &server.InputFilter{Name: name, Level: d.level, Read: d.filterInput}
	*all = directives.Overlay(*all, map[string]*definition{key: d})
	return nil
}

// parameter takes one off the front of args.
func (d *definition) parameter(args string) (rest string, err error) {
	name, value, hasValue := strings.Cut(args, "=")
	name = strings.ToLower(name)
	if lower := strings.ToLower(args); strings.HasPrefix(lower, "preservescontentlength") {
		w, rest := word(args)
		if !strings.EqualFold(w, "preservescontentlength") {
			return "", fmt.Errorf("mangled argument `%s'", w)
		}
		d.preservesLength = true
		return rest, nil
	}
	if !hasValue {
		return "", fmt.Errorf("Unexpected parameter: `%s'", args)
	}
	if name == "cmd" {
		return d.parseCommand(value)
	}
	w, rest := word(value)
	switch name {
	case "mode":
		switch strings.ToLower(w) {
		case "output":
			d.input = false
		case "input":
			d.input = true
		default:
			return "", fmt.Errorf("Invalid mode: `%s'", w)
		}
	case "ftype":
		n, _ := strconv.Atoi(w)
		d.level = server.FilterLevel(n)
	case "enableenv":
		d.enableEnv = w
	case "disableenv":
		d.disableEnv = w
	case "intype":
		d.intype = w
	case "outtype":
		d.outtype = w
	default:
		return "", fmt.Errorf("Unexpected parameter: `%s'", args)
	}
	return rest, nil
}

// parseCommand takes the program and its arguments: one word, or in quotes a
// line as a shell would split it.
func (d *definition) parseCommand(s string) (rest string, err error) {
	if !strings.HasPrefix(s, `"`) {
		d.command, rest = word(s)
		d.args = []string{d.command}
	} else {
		end := 1
		for end < len(s) && s[end] != '"' {
			if s[end] == '\\' {
				end++
			}
			end++
		}
		if end >= len(s) {
			return "", errors.New("Expected cmd= delimiter")
		}
		d.args = tokenize(s[1:end])
		rest = s[end+1:]
		if len(d.args) > 0 {
			d.command = d.args[0]
		}
	}
	if len(d.args) == 0 || d.command == "" {
		return "", errors.New("Invalid cmd= parameter")
	}
	return rest, nil
}

// tokenize splits a command line at spaces; quotes hold words together and
// backslashes take away the meaning of what follows (apr_tokenize_to_argv).
func tokenize(s string) []string {
	var list []string
	for {
		s = strings.TrimLeft(s, " \t")
		if s == "" {
			return list
		}
		var w strings.Builder
		quote := byte(0)
		i := 0
		for ; i < len(s); i++ {
			c := s[i]
			switch {
			case c == '\\' && i+1 < len(s) && (s[i+1] == quote || quote == 0 && strings.IndexByte(" \t\"'\\", s[i+1]) >= 0):
				i++
				w.WriteByte(s[i])
				continue
			case quote != 0 && c == quote:
				quote = 0
				continue
			case quote == 0 && (c == '"' || c == '\''):
				quote = c
				continue
			}
			if quote == 0 && (c == ' ' || c == '\t') {
				break
			}
			w.WriteByte(c)
		}
		list = append(list, w.String())
		s = s[min(i, len(s)):]
	}
}
