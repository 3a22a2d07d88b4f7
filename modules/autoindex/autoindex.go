// Package autoindex lists directories (mod_autoindex).
package autoindex

import (
	"errors"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

const usageNoFancy = "The FancyIndexing directive is no longer supported. Use IndexOptions FancyIndexing."

// Module is autoindex_module.
var Module = server.Module{
	Name: "autoindex_module",
	Directives: directives.Table{
		{Name: "AddIcon", In: directives.Indexes, Usage: "an icon URL followed by one or more filenames", Set: addIcon(byPath)},
		{Name: "AddIconByType", In: directives.Indexes, Usage: "an icon URL followed by one or more MIME types", Set: addIcon(byType)},
		{Name: "AddIconByEncoding", In: directives.Indexes, Usage: "an icon URL followed by one or more content encodings",
			Set: addIcon(byEncoding)},
		{Name: "AddAlt", In: directives.Indexes, Usage: "alternate descriptive text followed by one or more filenames",
			Set: addAlt(byPath)},
		{Name: "AddAltByType", In: directives.Indexes, Usage: "alternate descriptive text followed by one or more MIME types",
			Set: addAlt(byType)},
		{Name: "AddAltByEncoding", In: directives.Indexes,
			Usage: "alternate descriptive text followed by one or more content encodings", Set: addAlt(byEncoding)},
		{Name: "IndexOptions", In: directives.Indexes, Usage: "one or more index options [+|-][]", Set: slot.TakeN((*config).setOptions)},
		{Name: "IndexOrderDefault", In: directives.Indexes, Usage: "{Ascending,Descending} {Name,Size,Description,Date}",
			Set: slot.Take2((*config).setOrder)},
		{Name: "IndexIgnore", In: directives.Indexes, Usage: "one or more file extensions",
			Set: slot.Iterate(func(c *config, cmd *directives.Cmd, name string) error {
				c.ignored = append(c.ignored, newItem(byName, name, cmd.Path, ""))
				return nil
			})},
		{Name: "IndexIgnoreReset", In: directives.Indexes, Usage: "Reset the inherited list of IndexIgnore filenames",
			Set: slot.Flag(func(c *config, on bool) { c.ignoreReset = on })},
		{Name: "AddDescription", In: directives.Indexes, Usage: "Descriptive text followed by one or more filenames",
			Set: slot.Iterate2(func(c *config, _ *directives.Cmd, text, name string) error {
				c.descriptions = append(c.descriptions, newDescription(text, name))
				return nil
			})},
		{Name: "HeaderName", In: directives.Indexes, Usage: "a filename", Set: text(func(c *config) *string { return &c.header })},
		{Name: "ReadmeName", In: directives.Indexes, Usage: "a filename", Set: text(func(c *config) *string { return &c.readme })},
		{Name: "FancyIndexing", In: directives.All, Usage: usageNoFancy,
			Set: slot.Raw(func(*config, *directives.Cmd, string) error { return errors.New(usageNoFancy) })},
		{Name: "DefaultIcon", In: directives.Indexes, Usage: "an icon URL", Set: text(func(c *config) *string { return &c.defaultIcon })},
		{Name: "IndexStyleSheet", In: directives.Indexes, Usage: "URL to style sheet",
			Set: text(func(c *config) *string { return &c.styleSheet })},
		{Name: "IndexHeadInsert", In: directives.Indexes, Usage: "String to insert in HTML HEAD section",
			Set: text(func(c *config) *string { return &c.headInsert })},
	},
	Hooks: []server.Hook{
		server.Handler.Named(directoryType, handle).Harmless(),
		server.Handler.Named("default-handler", handle).Plain().Harmless(),
	},
	// What stands in a section is merged even where the server itself says
	// nothing: merge gives +options and -options their effect.
	Defaults: func(main *directives.Server) { slot.EditConf(main.Defaults) },
}

var (
	slot = directives.NewDirSlot(merge)
	elog = server.NewLog("autoindex")
)

type config struct {
	defaultIcon, styleSheet, headInsert, header, readme string

	options     options
	said        bool    // options were given without + or -, or were inherited so
	add, remove options // given with + and -

	name, desc            width
	iconWidth, iconHeight int
	sortKey, direction    byte // 0: not given
	contentType, charset  string
	oldDate               bool // UseOldDateFormat

	icons, alts, ignored []item
	ignoreReset          bool
	descriptions         []description
}

// width is that of a column.
type width struct {
	kind widthKind
	n    int // 0 with unset is defaultWidth
}

type widthKind uint8

const (
	unset    widthKind = iota
	fixed              // n
	adjusted           // n, or that of the longest
)

const defaultWidth = 23

func (w width) chars() int {
	if w.kind == unset {
		return defaultWidth
	}
	return w.n
}

// text makes the setter of a directive whose argument is kept as it is.
func text(field func(*config) *string) directives.Setter {
	return slot.Take1(func(c *config, _ *directives.Cmd, v string) error {
		*field(c) = v
		return nil
	})
}

func (c *config) setOrder(_ *directives.Cmd, direction, key string) error {
	switch strings.ToLower(direction) {
	case "ascending":
		c.direction = ascending
	case "descending":
		c.direction = descending
	default:
		return errors.New("First keyword must be 'Ascending' or 'Descending'")
	}
	switch strings.ToLower(key) {
	case "name":
		c.sortKey = keyName
	case "date":
		c.sortKey = keyModified
	case "size":
		c.sortKey = keySize
	case "description":
		c.sortKey = keyDescription
	default:
		return errors.New("Second keyword must be 'Name', 'Date', 'Size', or 'Description'")
	}
	return nil
}

// merge is merge_autoindex_configs. Options without + or - in a section hide
// all around it, and also those with + or - beside them.
func merge(base, add config) config {
	m := config{
		defaultIcon: or(add.defaultIcon, base.defaultIcon), styleSheet: or(add.styleSheet, base.styleSheet),
		headInsert: or(add.headInsert, base.headInsert), header: or(add.header, base.header), readme: or(add.readme, base.readme),
		contentType: or(add.contentType, base.contentType), charset: or(add.charset, base.charset),
		oldDate:   add.oldDate || base.oldDate,
		iconWidth: or(add.iconWidth, base.iconWidth), iconHeight: or(add.iconHeight, base.iconHeight),
		name: add.name, desc: add.desc,
		sortKey: or(add.sortKey, base.sortKey), direction: or(add.direction, base.direction),
		icons: directives.Append(add.icons, base.icons), alts: directives.Append(add.alts, base.alts),
		ignored: add.ignored, descriptions: directives.Append(add.descriptions, base.descriptions),
	}
	if add.name.kind == unset {
		m.name = base.name
	}
	if add.desc.kind == unset {
		m.desc = base.desc
	}
	if !add.ignoreReset {
		m.ignored = directives.Append(add.ignored, base.ignored)
	}
	switch {
	case add.options == none && add.said:
		m.options, m.said = none, true
	case add.options == 0 && !add.said:
		m.add = (base.add | add.add) &^ add.remove
		m.remove = base.remove | add.remove
		m.options, m.said = (base.options&^none|m.add)&^m.remove, base.said
	default:
		m.options, m.said = add.options, add.said
	}
	return m
}

// or is a, or b where a is not given.
func or[T comparable](a, b T) T {
	var zero T
	if a != zero {
		return a
	}
	return b
}
