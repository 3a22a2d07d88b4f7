package autoindex

import (
	"errors"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/pattern"
)

// Names that stand for no file: AddIcon takes them beside patterns.
const (
	directoryItem = "^^DIRECTORY^^"
	blankItem     = "^^BLANKICON^^"
)

type itemKind uint8

const (
	byName itemKind = iota // IndexIgnore
	byPath
	byType
	byEncoding
)

// item is an icon, a text or an ignored name, and the files that it is for.
type item struct {
	kind  itemKind
	below glob // of files' paths: below the section that it stands in
	to    glob // of the path, the type or the encoding
	data  string
}

// glob is a pattern for [pattern.Wild], with the two most frequent kinds apart.
type glob struct {
	text string
	kind globKind
}

type globKind uint8

const (
	anyGlob    globKind = iota // to be matched
	suffixGlob                 // "*.gif": text is what stands at the end
	prefixGlob                 // "/dir/*": text is what stands at the beginning
)

func newGlob(s string) glob {
	wild := func(s string) bool { return strings.ContainsAny(s, "*?") }
	switch {
	case strings.HasPrefix(s, "*") && !wild(s[1:]):
		return glob{s[1:], suffixGlob}
	case strings.HasSuffix(s, "*") && !wild(s[:len(s)-1]):
		return glob{s[:len(s)-1], prefixGlob}
	}
	return glob{s, anyGlob}
}

func (g glob) match(s string) bool {
	switch g.kind {
	case suffixGlob:
		return strings.HasSuffix(s, g.text)
	case prefixGlob:
		return strings.HasPrefix(s, g.text)
	}
	return pattern.Wild(g.text, s, false)
}

// fold is match with letters the same in any case.
func (g glob) fold(s string) bool {
	switch g.kind {
	case suffixGlob:
		return len(s) >= len(g.text) && strings.EqualFold(s[len(s)-len(g.text):], g.text)
	case prefixGlob:
		return len(s) >= len(g.text) && strings.EqualFold(s[:len(g.text)], g.text)
	}
	return pattern.Wild(g.text, s, true)
}

// newItem is push_item: a path without wildcards is the end of one. Of an
// IndexIgnore only the last component counts.
func newItem(kind itemKind, to, section, data string) item {
	switch {
	case kind == byPath && !strings.ContainsAny(to, "*?"):
		to = "*" + to
	case kind == byName:
		to = to[strings.LastIndexByte(to, '/')+1:]
	}
	return item{kind, newGlob(section + "*"), newGlob(to), data}
}

func addAlt(kind itemKind) directives.Setter {
	return slot.Iterate2(func(c *config, cmd *directives.Cmd, alt, to string) error {
		c.alts = append(c.alts, newItem(kind, itemName(kind, to), cmd.Path, alt))
		return nil
	})
}

func addIcon(kind itemKind) directives.Setter {
	return slot.Iterate2(func(c *config, cmd *directives.Cmd, icon, to string) error {
		alt, url, both, err := splitIcon(icon)
		if err != nil {
			return err
		}
		if both {
			c.alts = append(c.alts, newItem(kind, itemName(kind, to), cmd.Path, alt))
		}
		c.icons = append(c.icons, newItem(kind, itemName(kind, to), cmd.Path, url))
		return nil
	})
}

// splitIcon takes "(alt,icon)" apart; both is false for an icon alone.
func splitIcon(s string) (alt, icon string, both bool, err error) {
	if !strings.HasPrefix(s, "(") {
		return "", s, false, nil
	}
	closing := strings.IndexByte(s, ')')
	if closing < 0 {
		return "", "", false, errors.New("missing closing paren")
	}
	alt, icon, _ = strings.Cut(s, ",")
	if comma := len(alt); closing < comma {
		return alt[1:], strings.TrimLeft(icon, ","), true, nil
	}
	icon = s[len(alt)+1 : closing]
	return alt[1:], strings.TrimLeft(icon, ","), true, nil
}

func itemName(kind itemKind, to string) string {
	switch {
	case kind == byPath && to == "**DIRECTORY**":
		return directoryItem
	case kind == byEncoding:
		return server.LowerASCII(to)
	}
	return to
}

// special finds what is said for a name that no file has.
func special(list []item, name string) (string, bool) {
	for i := range list {
		if it := &list[i]; it.to == (glob{}) || it.to.match(name) {
			return it.data, true
		}
	}
	return "", false
}

// find is find_item: mediaType and encoding are those of a file, "" for none;
// pathOnly leaves them out.
func find(list []item, path, mediaType, encoding string, pathOnly bool) (string, bool) {
	for i := range list {
		it := &list[i]
		var hit bool
		switch {
		case it.to == (glob{}):
			hit = true
		case it.kind == byPath:
			hit = it.to.match(path)
		case pathOnly:
		case encoding != "":
			hit = it.kind == byEncoding && it.to.fold(encoding)
		default:
			hit = it.kind == byType && mediaType != "" && it.to.fold(mediaType)
		}
		if hit && it.below.match(path) {
			return it.data, true
		}
	}
	return "", false
}

// ignores tells whether IndexIgnore hides a file.
func (c *config) ignores(path, name string) bool {
	for i := range c.ignored {
		if it := &c.ignored[i]; it.to.match(name) && it.below.match(path) {
			return true
		}
	}
	return false
}

// description is an AddDescription.
type description struct {
	pattern  string
	fullPath bool // pattern has a slash: it is matched with the whole path
	wild     bool // else it is looked for anywhere in the name
	text     string
}

func newDescription(text, name string) description {
	d := description{pattern: name, text: text, fullPath: strings.Contains(name, "/")}
	d.wild = d.fullPath || pattern.HasGlob(name)
	switch {
	case d.fullPath:
		d.pattern = "*/" + name + "*"
	case d.wild:
		d.pattern = "*" + name + "*"
	}
	return d
}

func (c *config) describe(path string) (string, bool) {
	name := path[strings.LastIndexByte(path, '/')+1:]
	for i := range c.descriptions {
		d := &c.descriptions[i]
		subject := name
		if d.fullPath {
			subject = path
		}
		if d.wild && pattern.Fnmatch(d.pattern, subject, 0) || !d.wild && strings.Contains(subject, d.pattern) {
			return d.text, true
		}
	}
	return "", false
}
