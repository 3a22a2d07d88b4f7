// Package mime finds the type, encoding, language, charset, handler and filters
// of a file by the extensions in its name (mod_mime).
package mime

import (
	"fmt"
	"maps"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

const usageExtensions = "one or more file extensions"

// Module is mime_module.
var Module = server.Module{
	Name: "mime_module",
	Directives: directives.Table{
		{Name: "AddCharset", In: directives.FileInfo, Usage: "a charset (e.g., iso-2022-jp), followed by one or more file extensions",
			Set: add(func(e *extension, v string) { e.charset = v })},
		{Name: "AddEncoding", In: directives.FileInfo, Usage: "an encoding (e.g., gzip), followed by one or more file extensions",
			Set: add(func(e *extension, v string) { e.encoding = v })},
		{Name: "AddHandler", In: directives.FileInfo, Usage: "a handler name followed by one or more file extensions",
			Set: add(func(e *extension, v string) { e.handler = v })},
		{Name: "AddInputFilter", In: directives.FileInfo,
			Usage: "input filter name (or ; delimited names) followed by one or more file extensions",
			Set:   add(func(e *extension, v string) { e.inputFilters = v })},
		{Name: "AddLanguage", In: directives.FileInfo, Usage: "a language (e.g., fr), followed by one or more file extensions",
			Set: add(func(e *extension, v string) { e.language = v })},
		{Name: "AddOutputFilter", In: directives.FileInfo,
			Usage: "output filter name (or ; delimited names) followed by one or more file extensions",
			Set:   add(func(e *extension, v string) { e.outputFilters = v })},
		{Name: "AddType", In: directives.FileInfo, Usage: "a mime type followed by one or more file extensions",
			Set: add(func(e *extension, v string) { e.mediaType = directives.Given(v) })},
		{Name: "DefaultLanguage", In: directives.FileInfo,
			Usage: "language to use for documents with no other language file extension",
			Set: slot.Take1(func(c *config, _ *directives.Cmd, v string) error {
				c.language = directives.Given(v)
				return nil
			})},
		{Name: "MultiviewsMatch", In: directives.FileInfo, Usage: "NegotiatedOnly (default), Handlers and/or Filters, or Any",
			Set: slot.Iterate((*config).setMatch)},
		{Name: "RemoveCharset", In: directives.FileInfo, Usage: usageExtensions, Set: remove(func(e *extension) { e.charset = "" })},
		{Name: "RemoveEncoding", In: directives.FileInfo, Usage: usageExtensions, Set: remove(func(e *extension) { e.encoding = "" })},
		{Name: "RemoveHandler", In: directives.FileInfo, Usage: usageExtensions, Set: remove(func(e *extension) { e.handler = "" })},
		{Name: "RemoveInputFilter", In: directives.FileInfo, Usage: usageExtensions,
			Set: remove(func(e *extension) { e.inputFilters = "" })},
		{Name: "RemoveLanguage", In: directives.FileInfo, Usage: usageExtensions, Set: remove(func(e *extension) { e.language = "" })},
		{Name: "RemoveOutputFilter", In: directives.FileInfo, Usage: usageExtensions,
			Set: remove(func(e *extension) { e.outputFilters = "" })},
		{Name: "RemoveType", In: directives.FileInfo, Usage: usageExtensions,
			Set: slot.Iterate(func(c *config, _ *directives.Cmd, ext string) error {
				// The empty type hides what TypesConfig says too.
				c.edit(ext, func(e *extension) { e.mediaType = directives.Given("") })
				return nil
			})},
		{Name: "TypesConfig", In: directives.InServer, Reads: directives.BeforeJail, Usage: "the MIME types config file",
			Set: typesSlot.Take1(func(t *typesConfig, cmd *directives.Cmd, path string) error {
				t.path = cmd.ServerRootRelative(path)
				return nil
			})},
		{Name: "ModMimeUsePathInfo", In: directives.InDir, Usage: "Set to 'yes' to allow mod_mime to use path info for type checking",
			Set: slot.Flag(func(c *config, on bool) { c.usePathInfo = directives.Given(on) })},
	},
	Hooks: []server.Hook{
		server.PostConfig.Middle(readTypes),
		server.TypeChecker.Middle(findType).Plain(),
	},
}

var slot = directives.NewDirSlot(merge)

type config struct {
	extensions  map[string]extension // by extension, lower case, without dot
	removals    []removal            // applied to what is inherited; not inherited themselves
	language    directives.Opt[string]
	match       match
	usePathInfo directives.Opt[bool]
}

// extension is what one extension says. Empty is nothing; for the media type
// an empty one that was given hides the one of TypesConfig.
type extension struct {
	mediaType                            directives.Opt[string]
	encoding, language, handler          string
	charset, inputFilters, outputFilters string
}

type removal struct {
	ext   string
	clear func(*extension)
}

// match says which extensions take part in MultiViews.
type match uint8

const (
	matchAny match = 1 << iota
	matchNegotiated
	matchHandlers
	matchFilters
)

func merge(base, add config) config {
	m := config{language: add.language.Or(base.language), match: base.match, usePathInfo: add.usePathInfo.Or(base.usePathInfo)}
	if add.match != 0 {
		m.match = add.match
	}
	switch {
	case base.extensions == nil:
		m.extensions = add.extensions
	case add.extensions == nil:
		m.extensions = base.extensions
	default:
		m.extensions = maps.Clone(base.extensions)
		for ext, over := range add.extensions {
			m.extensions[ext] = over.over(base.extensions[ext])
		}
	}
	if m.extensions != nil && len(add.removals) > 0 {
		m.extensions = maps.Clone(m.extensions)
		for _, r := range add.removals {
			if e, ok := m.extensions[r.ext]; ok {
				r.clear(&e)
				m.extensions[r.ext] = e
			}
		}
	}
	return m
}

func (e extension) over(base extension) extension {
	or := func(a, b string) string {
		if a != "" {
			return a
		}
		return b
	}
	return extension{
		mediaType: e.mediaType.Or(base.mediaType), encoding: or(e.encoding, base.encoding), language: or(e.language, base.language),
		handler: or(e.handler, base.handler), charset: or(e.charset, base.charset),
		inputFilters: or(e.inputFilters, base.inputFilters), outputFilters: or(e.outputFilters, base.outputFilters),
	}
}

// bare is an extension as the tables know it.
func bare(ext string) string { return strings.ToLower(strings.TrimPrefix(ext, ".")) }

// add makes the setter of an Add directive. Values are written in lower case,
// as Apache keeps them.
func add(set func(*extension, string)) directives.Setter {
	return slot.Iterate2(func(c *config, _ *directives.Cmd, value, ext string) error {
		c.edit(ext, func(e *extension) { set(e, strings.ToLower(value)) })
		return nil
	})
}

// remove makes the setter of a Remove directive. It takes effect where the
// section is merged with those around it, so that the section itself may add
// the extension again in any order.
func remove(clear func(*extension)) directives.Setter {
	return slot.Iterate(func(c *config, _ *directives.Cmd, ext string) error {
		c.removals = append(c.removals, removal{bare(ext), clear})
		return nil
	})
}

func (c *config) edit(ext string, change func(*extension)) {
	if c.extensions == nil {
		c.extensions = map[string]extension{}
	}
	e := c.extensions[bare(ext)]
	change(&e)
	c.extensions[bare(ext)] = e
}

var matchWords = []struct {
	word         string
	bit          match
	incompatible match
	others       string
}{
	{"Any", matchAny, ^matchAny, "NegotiatedOnly, Filters and Handlers"},
	{"NegotiatedOnly", matchNegotiated, ^matchNegotiated, "Any, Filters and Handlers"},
	{"Filters", matchFilters, matchAny | matchNegotiated, "Any and NegotiatedOnly"},
	{"Handlers", matchHandlers, matchAny | matchNegotiated, "Any and NegotiatedOnly"},
}

func (c *config) setMatch(cmd *directives.Cmd, word string) error {
	if err := cmd.Check(directives.NotInLocation); err != nil {
		return err
	}
	for _, w := range matchWords {
		if !strings.EqualFold(word, w.word) {
			continue
		}
		if c.match&w.incompatible != 0 {
			return fmt.Errorf("%s is incompatible with %s", w.word, w.others)
		}
		c.match |= w.bit
		return nil
	}
	return fmt.Errorf("Unrecognized option '%s'", word)
}
