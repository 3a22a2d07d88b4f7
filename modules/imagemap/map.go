package imagemap

import (
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// mapFile is a map file being read.
type mapFile struct {
	r        *server.Request
	at       place
	base     string
	fallback string
	menu     menu
}

// read goes through the lines. It gives where the click leads; a menu is
// written meanwhile.
func (m *mapFile) read(text string) (to string, s server.Status) {
	nearest, distance := "", -1.0
	for number, line := range lines(text) {
		switch {
		case line == "":
			m.menu.blank()
			continue
		case line[0] == '#':
			m.menu.comment(line[1:])
			continue
		}
		i := strings.IndexAny(line, space)
		if i < 0 {
			elog.Error(m.r).Msgf("AH00679: map file %s, line %d syntax error: requires at least two fields", m.r.URI, number)
			return "", 500
		}
		what, rest := line[:i], strings.TrimLeft(line[i:], space)
		value := rest
		if i := strings.IndexAny(rest, space); i >= 0 {
			value, rest = rest[:i], rest[i+1:]
		} else {
			rest = ""
		}
		var ok bool
		if len(what) >= 4 && strings.EqualFold(what[:4], "base") {
			if m.base, ok = m.url("", value); !ok {
				return "", 500
			}
			continue
		}
		label, rest, labelled := quoted(rest)
		if strings.EqualFold(what, "default") {
			if m.fallback, ok = m.url("", value); !ok {
				return "", 500
			}
			if !labelled {
				label = m.fallback
			}
			if ok = m.show("(Default) ", m.fallback, label); !ok {
				return "", 500
			}
			continue
		}
		points, rest := vertices(rest)
		if m.menu.r != nil {
			if !labelled {
				if label, _, labelled = quoted(rest); !labelled {
					label = value
				}
			}
			if !m.show("          ", value, label) {
				return "", 500
			}
			continue
		}
		if !m.at.known || len(points) == 0 {
			continue
		}
		hit := false
		switch strings.ToLower(what) {
		case "poly":
			hit = m.at.inPolygon(points)
		case "circle":
			hit = m.at.inCircle(points)
		case "rect":
			hit = m.at.inRect(points)
		case "point":
			if d := m.at.squared(points[0]); m.at.x >= 0 && m.at.y >= 0 && (distance < 0 || d < distance) {
				nearest, distance = value, d
			}
		}
		if hit {
			return m.lead(value)
		}
	}
	if m.menu.r != nil {
		return "", server.OK
	}
	if distance >= 0 {
		return m.lead(nearest)
	}
	return m.lead(m.fallback)
}

func (m *mapFile) lead(value string) (string, server.Status) {
	to, ok := m.url(m.base, value)
	if !ok {
		return "", 500
	}
	return to, server.OK
}

// show adds a line to the menu, if one is shown.
func (m *mapFile) show(indent, value, label string) bool {
	if m.menu.r == nil {
		return true
	}
	to, ok := m.url(m.base, value)
	if ok {
		m.menu.entry(indent, to, label)
	}
	return ok
}

const space = " \t\n\v\f\r"

// lines are the lines of a map with their numbers, without white space around
// them, and with those that a backslash ends joined to the next.
func lines(text string) func(func(int, string) bool) {
	return func(yield func(int, string) bool) {
		number, whole := 0, ""
		for line := range strings.Lines(text) {
			number++
			line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
			if rest, more := strings.CutSuffix(line, `\`); more {
				whole += rest
				continue
			}
			if !yield(number, strings.Trim(whole+line, space)) {
				return
			}
			whole = ""
		}
	}
}

// quoted cuts a text in quotation marks off the front.
func quoted(s string) (text, rest string, ok bool) {
	inner, ok := strings.CutPrefix(strings.TrimLeft(s, space), `"`)
	if !ok {
		return "", s, false
	}
	text, rest, _ = strings.Cut(inner, `"`)
	return text, rest, true
}

// url makes a URL of what a map says, relative to base; "" for no base. It is
// false, and logged, where it leads out of base.
func (m *mapFile) url(base, value string) (string, bool) {
	r := m.r
	switch strings.ToLower(value) {
	case "map", "menu":
		return r.ConstructURL(r.URI), true
	case "nocontent", "error":
		return value, true
	case "referer":
		if from, ok := r.FieldIn("Referer"); ok && from != "" {
			return from, true
		}
		value = ""
	}
	letters := strings.TrimLeft(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	switch {
	case strings.HasPrefix(letters, ":"):
		return value, true
	case base == "" && value != "":
		return value, true
	case base == "":
		return r.ConstructURL("/"), true
	case !strings.Contains(base, "/") && leadsUp(value):
		elog.Error(r).Msgf("AH00677: invalid base directive in map file: %s", r.URI)
		return "", false
	}
	host, dir := splitBase(base)
	if strings.HasPrefix(value, "/") {
		dir = ""
	} else if i := strings.LastIndexByte(dir, '/'); i >= 0 {
		dir = dir[:i+1]
	}
	for hasDir := dir != ""; leadsUp(value); {
		switch {
		case dir != "":
			// "a/b/" loses its slash, then its last directory.
			for left := len(dir); len(dir) == left && dir != ""; left-- {
				dir = dir[:strings.LastIndexByte(dir, '/')]
			}
		case hasDir:
			elog.Error(r).Msgf("AH00678: invalid directory name in map file: %s", r.URI)
			return "", false
		}
		if value = value[2:]; strings.HasPrefix(value, "/../") || value == "/.." {
			value = value[1:]
		}
	}
	return host + dir + value, true
}

func leadsUp(value string) bool { return strings.HasPrefix(value, "../") || value == ".." }

// splitBase cuts a URL at its first slash that stands alone.
func splitBase(base string) (host, dir string) {
	for i := 0; i < len(base); i++ {
		if base[i] != '/' {
			continue
		}
		if i+1 == len(base) || base[i+1] != '/' {
			return base[:i], base[i:]
		}
		i++
	}
	return base, ""
}
