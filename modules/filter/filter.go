// Package filter makes filters depend on the response (mod_filter): a smart
// filter is a name in the chain behind which providers wait, real filters with
// a condition each. The first whose condition holds when the head is about to be
// sent filters the response.
package filter

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is filter_module.
var Module = server.Module{
	Name: "filter_module",
	Directives: directives.Table{
		{Name: "FilterDeclare", In: directives.Options, Usage: "filter-name [filter-type]",
			Set: slot.Take12((*config).declare)},
		{Name: "FilterProvider", In: directives.Options, Usage: "filter-name provider-name match-expression",
			Set: slot.Take3((*config).provide)},
		{Name: "FilterChain", In: directives.Options, Usage: "list of filter names with optional [+-=!@]",
			Set: slot.Iterate((*config).editChain)},
		{Name: "FilterTrace", In: directives.InServer | directives.InDir, Usage: "filter-name debug-level",
			Set: slot.Take2((*config).trace)},
		{Name: "AddOutputFilterByType", In: directives.FileInfo, Usage: "output filter name followed by one or more content-types",
			Set: slot.TakeN((*config).addByType)},
		{Name: "FilterProtocol", In: directives.Options, Usage: "filter-name [provider-name] protocol-args",
			Set: slot.Take23((*config).setProtocol)},
	},
	Hooks: []server.Hook{
		server.InsertFilter.Middle(insert).Plain().When(slot.If(func(c *config) bool { return len(c.chain) > 0 })),
	},
}

var (
	slot = directives.NewDirSlot(merge)
	host = directives.NewServerSlot(func(_, add hostConfig) hostConfig { return add })
)

// hostConfig is filled in the main server alone.
type hostConfig struct {
	flags map[*server.OutputFilter]protocol // of providers
}

type config struct {
	smart map[string]*smart // by name, as spelt
	chain []string          // names in order; reset empties what stands before it
}

// reset in a chain takes away what sections around this one put there.
const reset = "\x00"

// smart is a filter that FilterDeclare or its first provider made. The section
// that made it changes it while it is compiled, nobody afterwards.
type smart struct {
	filter    *server.OutputFilter
	providers []provider // the one given last is asked first
	protocol  protocol
	trace     bool
}

// provider is a real filter and when it is the one: cond, or one of types.
type provider struct {
	filter   *server.OutputFilter
	cond     *server.Expr
	types    []string
	protocol protocol
}

// protocol is what a filter does to the head (FilterProtocol).
type protocol uint8

const (
	changes protocol = 1 << iota
	changesLength
	noByteRange
	noProxy
	transforms
	noCache
)

var levels = map[string]server.FilterLevel{
	"content_set": server.ContentSetLevel, "protocol": server.ProtocolLevel,
	"connection": server.ConnectionLevel, "network": server.NetworkLevel,
}

func (c *config) declare(_ *directives.Cmd, name, place string) error {
	level, ok := levels[strings.ToLower(place)]
	if !ok {
		level = server.ResourceLevel // any other word too, as in Apache
	}
	c.add(name, level)
	return nil
}

func (c *config) add(name string, level server.FilterLevel) *smart {
	s := &smart{}
	s.filter = &server.OutputFilter{Name: name, Level: level, Plain: true, Run: s.run}
	if c.smart == nil {
		c.smart = map[string]*smart{}
	}
	c.smart[name] = s
	return s
}

func (c *config) provide(cmd *directives.Cmd, name, of, condition string) error {
	f := server.OutputFilterNamed(cmd, of)
	if f == nil {
		return fmt.Errorf("Unknown filter provider %s", of)
	}
	s := c.named(name, f)
	cond, err := server.CompileExprFor(cmd, condition, 0)
	if err != nil {
		return fmt.Errorf("Error parsing FilterProvider expression:%w", err)
	}
	s.providers = slices.Insert(s.providers, 0, provider{filter: f, cond: cond})
	return nil
}

// named is a smart filter of this section, made at the place of its provider
// when it was not declared here.
func (c *config) named(name string, provider *server.OutputFilter) *smart {
	if s := c.smart[name]; s != nil {
		return s
	}
	return c.add(name, provider.Level)
}

func (c *config) addByType(cmd *directives.Cmd, words []string) error {
	if len(words) < 2 {
		return errors.New("AddOutputFilterByType requires at least two arguments")
	}
	for of := range strings.SplitSeq(words[0], ";") {
		if of == "" {
			continue
		}
		f := server.OutputFilterNamed(cmd, of)
		if f == nil {
			return fmt.Errorf("Unknown filter provider %s", of)
		}
		name := "BYTYPE:" + of
		if c.smart[name] == nil {
			c.chain = append(c.chain, name)
		}
		s := c.named(name, f)
		s.providers = slices.Insert(s.providers, 0, provider{filter: f, types: words[1:]})
	}
	return nil
}

func (c *config) editChain(_ *directives.Cmd, word string) error {
	name := strings.TrimLeft(word[:min(1, len(word))], "+-@!=") + word[min(1, len(word)):]
	switch word[:len(word)-len(name)] {
	case "@":
		c.chain = slices.Insert(c.chain, 0, name)
	case "-":
		c.remove(name)
	case "!":
		c.chain = []string{reset}
	case "=":
		c.chain = []string{reset, name}
	default:
		c.chain = append(c.chain, name)
	}
	return nil
}

// remove takes the first of the chain out if it has the name, else all that have it.
func (c *config) remove(name string) {
	if len(c.chain) > 0 && c.chain[0] != reset && strings.EqualFold(c.chain[0], name) {
		c.chain = c.chain[1:]
		return
	}
	c.chain = slices.DeleteFunc(c.chain, func(n string) bool { return n != reset && strings.EqualFold(n, name) })
}

func (c *config) trace(_ *directives.Cmd, name, level string) error {
	s := c.smart[name]
	if s == nil {
		return fmt.Errorf("Undeclared smart filter %s", name)
	}
	n, err := strconv.Atoi(strings.TrimSpace(level))
	s.trace = err == nil && n == 1 // other levels print nothing
	return nil
}

// setProtocol says what a smart filter does to the head, or what one of its
// providers does when it is chosen. The latter holds wherever that provider is
// used on the server (observed on 2.4.71), but when a .htaccess file says it.
func (c *config) setProtocol(cmd *directives.Cmd, name, of, words string) error {
	s := c.smart[name]
	if s == nil {
		return errors.New("FilterProtocol: No such filter")
	}
	if words == "" {
		s.protocol = parseProtocol(of)
		return nil
	}
	i := slices.IndexFunc(s.providers, func(p provider) bool { return strings.EqualFold(p.filter.Name, of) })
	if i < 0 {
		return errors.New("FilterProtocol: No such provider for this filter")
	}
	if cmd.Htaccess {
		s.providers[i].protocol = parseProtocol(words)
		return nil
	}
	main := cmd.Server
	if main.Virtual {
		main = main.Main
	}
	shared := host.EditServer(main)
	if shared.flags == nil {
		shared.flags = map[*server.OutputFilter]protocol{}
	}
	shared.flags[s.providers[i].filter] = parseProtocol(words)
	return nil
}

// parseProtocol reads flags between commas, semicolons and white space; others
// than these say nothing, as in Apache.
func parseProtocol(words string) protocol {
	var p protocol
	for _, w := range strings.FieldsFunc(words, func(c rune) bool { return strings.ContainsRune(";, \t", c) }) {
		switch strings.ToLower(w) {
		case "change=yes":
			p |= changes | changesLength
		case "change=no":
			p &^= changes | changesLength
		case "change=1:1":
			p |= changes
		case "byteranges=no":
			p |= noByteRange
		case "proxy=no":
			p |= noProxy
		case "proxy=transform":
			p |= transforms
		case "cache=no":
			p |= noCache
		}
	}
	return p
}

// merge appends the inner chain to the outer one, from the last reset on. A
// smart filter that is declared again is another one.
func merge(base, add config) config {
	m := config{smart: directives.Overlay(base.smart, add.smart), chain: slices.Concat(base.chain, add.chain)}
	if i := lastReset(m.chain); i > 0 {
		m.chain = m.chain[i:]
	}
	return m
}

func lastReset(chain []string) int {
	for i, name := range slices.Backward(chain) {
		if name == reset {
			return i
		}
	}
	return -1
}
