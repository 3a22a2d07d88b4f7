package rewrite

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/dbm"
)

// rewriteMap is a RewriteMap.
type rewriteMap struct {
	name   string
	kind   mapKind
	real   string      // file or program, outside
	inside string      // the file as it is reached while serving
	dbm    dbm.Type    // of dbm maps
	int    *intMapping // of int maps

	argv        []string // of prg maps
	user, group string
	program     *program // nil until it is started, or where the engine is off

	mu    sync.Mutex
	table *table // of txt, rnd and dbm maps: what was read last
}

type mapKind uint8

const (
	txtMap mapKind = iota
	rndMap
	dbmMap
	prgMap
	intMap
	dbdMap
	fastDBDMap
)

// table is the content of a file.
type table struct {
	mtime   time.Time
	outside bool // read before the jail closed, from a file that it does not have
	words   map[string]string
	asked   map[string]bool // keys that were looked up; kept for the lines of trace5 alone
}

// maxAsked bounds how many keys are remembered for the log.
const maxAsked = 10000

// intMapping is what an int map does.
type intMapping struct {
	f       func(string) string
	inPlace bool // Apache's changes the key itself
}

var intMaps = map[string]*intMapping{
	"toupper": {mapASCII('a', 'z', 'A'), true}, "tolower": {mapASCII('A', 'Z', 'a'), true},
	"escape": {server.EscapePath, false}, "unescape": {unescape, true},
}

func mapASCII(from, to, base byte) func(string) string {
	return func(s string) string {
		b := []byte(s)
		for i, c := range b {
			if c >= from && c <= to {
				b[i] = c - from + base
			}
		}
		return string(b)
	}
}

// unescape decodes what is a %xx and leaves the rest (ap_unescape_url). A NUL
// ends the text, as it does in C.
func unescape(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			hi, lo := strings.IndexByte(hexDigits, lower(s[i+1])), strings.IndexByte(hexDigits, lower(s[i+2]))
			if hi >= 0 && lo >= 0 {
				if hi|lo == 0 {
					break
				}
				b = append(b, byte(hi<<4|lo))
				i += 2
				continue
			}
		}
		b = append(b, s[i])
	}
	return string(b)
}

// addMap is RewriteMap (cmd_rewritemap).
func addMap(_ *serverConfig, cmd *directives.Cmd, name, spec, owner string) error {
	c := editServer(cmd)
	m := &rewriteMap{name: name}
	prefix := func(p string) (string, bool) {
		return spec[min(len(p), len(spec)):], hasPrefixFold(spec, p)
	}
	file := ""
	if rest, ok := prefix("txt:"); ok {
		file = rest
	} else if rest, ok := prefix("rnd:"); ok {
		m.kind, file = rndMap, rest
	} else if rest, ok := prefix("dbm"); ok {
		m.kind = dbmMap
		kind := "default"
		switch {
		case strings.HasPrefix(rest, ":"):
			file = rest[1:]
		case strings.HasPrefix(rest, "=") && strings.Contains(rest, ":"):
			kind, file, _ = strings.Cut(rest[1:], ":")
		default:
			return fmt.Errorf("RewriteMap: bad map:%s", spec)
		}
		t, ok := dbm.ParseType(kind)
		if !ok {
			return fmt.Errorf("RewriteMap: dbm type %s is invalid", kind)
		}
		m.dbm = t
	} else if rest, ok := prefix("dbd:"); ok {
		return c.addDBD(cmd, m, dbdMap, rest)
	} else if rest, ok := prefix("fastdbd:"); ok {
		return c.addDBD(cmd, m, fastDBDMap, rest)
	} else if rest, ok := prefix("prg:"); ok {
		m.kind = prgMap
		m.argv = splitCommand(rest)
		if len(m.argv) == 0 {
			m.argv = []string{""}
		}
		m.argv[0] = cmd.ServerRootRelative(m.argv[0])
		m.user, m.group, _ = strings.Cut(owner, ":")
		file = m.argv[0]
	} else if rest, ok := prefix("int:"); ok {
		if m.int = intMaps[rest]; m.int == nil {
			return fmt.Errorf("RewriteMap: internal map not found:%s", rest)
		}
		m.kind = intMap
	} else {
		file = spec
	}
	if m.kind != intMap {
		loader, ok := cmd.Owner().(*server.Loader)
		replayed := ok && loader.Replayed() // the parent has looked
		m.real = cmd.ServerRootRelative(file)
		m.inside = cmd.InJail(m.real)
		check := m.real
		if m.kind == dbmMap {
			check = m.dbm.Files(m.real)[0]
		}
		if _, err := os.Stat(check); err != nil && !replayed {
			if _, err := os.Stat(m.inside); err != nil {
				return fmt.Errorf("RewriteMap: file for map %s not found:%s", name, check)
			}
		}
	}
	c.maps = directives.Overlay(c.maps, map[string]*rewriteMap{name: m})
	return nil
}

// lookupMap asks a map (lookup_map).
func (c *context) lookupMap(name, key string) (string, bool) {
	m := serverSlot.Of(c.r.Server).maps[name]
	if m == nil {
		return "", false
	}
	switch m.kind {
	case intMap:
		v := m.int.f(key)
		if m.int.inPlace {
			key = v // as Apache's line has it
		}
		c.trace(5, "", "map lookup OK: map=%s key=%s -> val=%s", name, key, v)
		return v, true
	case prgMap:
		c.r.Unrepeatable()
		v, ok := m.program.ask(c.r, key)
		if !ok {
			c.trace(5, "", "map lookup FAILED: map=%s key=%s", name, key)
			return "", false
		}
		c.trace(5, "", "map lookup OK: map=%s key=%s -> val=%s", name, key, v)
		return v, true
	}
	if m.kind == dbdMap || m.kind == fastDBDMap {
		return c.lookupDBD(m, key)
	}
	v, ok := m.lookup(c, key)
	if ok && m.kind == rndMap {
		c.r.Unrepeatable()
		parts := strings.Split(v, "|")
		if len(parts) > 1 {
			v = parts[rand.IntN(len(parts))]
		}
		c.trace(5, "", "randomly chosen the subvalue `%s'", v)
	}
	return v, ok && v != ""
}

// lookup finds a key in the map's file.
func (m *rewriteMap) lookup(c *context, key string) (string, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.current(c.r)
	if t == nil {
		return "", false
	}
	v, ok := t.words[key]
	if c.traced {
		kind := "txt"
		if m.kind == dbmMap {
			kind = "dbm"
		}
		if t.asked[key] {
			c.trace(5, "", "cache lookup OK: map=%s[%s] key=%s -> val=%s", m.name, kind, key, v)
			return v, ok
		}
		if t.asked == nil || len(t.asked) >= maxAsked {
			t.asked = map[string]bool{}
		}
		t.asked[key] = true
		c.trace(6, "", "cache lookup FAILED, forcing new map lookup")
		if ok {
			c.trace(5, "", "map lookup OK: map=%s[%s] key=%s -> val=%s", m.name, kind, key, v)
		} else {
			c.trace(5, "", "map lookup FAILED: map=%s[%s] key=%s", m.name, kind, key)
		}
	}
	return v, ok
}

// current is the content of the map's file, read again when the file is
// another than last time. nil: it cannot be read.
func (m *rewriteMap) current(r *server.Request) *table {
	var newest time.Time
	for _, f := range m.files(m.inside) {
		st, err := os.Stat(f)
		if err != nil {
			if m.table != nil && m.table.outside {
				return m.table // the jail has no such file: what was read before holds
			}
			switch {
			case m.kind != dbmMap:
				elog.Error(r).Err(err).Msgf("AH00661: mod_rewrite: can't access text RewriteMap file %s", f)
			case f == m.files(m.inside)[0]:
				elog.Error(r).Err(err).Msgf("AH00662: mod_rewrite: can't access DBM RewriteMap file %s", f)
			default:
				elog.Error(r).Err(err).Msgf("AH00663: mod_rewrite: can't access DBM RewriteMap file %s", f)
			}
			return nil
		}
		if st.ModTime().After(newest) {
			newest = st.ModTime()
		}
	}
	if m.table != nil && m.table.mtime.Equal(newest) && !m.table.outside {
		return m.table
	}
	words, err := m.read(m.inside)
	if err != nil {
		what := "AH00655: mod_rewrite: can't open text RewriteMap file %s"
		if m.kind == dbmMap {
			what = "AH00656: mod_rewrite: can't open DBM RewriteMap %s"
		}
		elog.Error(r).Err(err).Msgf(what, m.inside)
		return nil
	}
	m.table = &table{mtime: newest, words: words}
	return m.table
}

// files are those that a map's file consists of.
func (m *rewriteMap) files(base string) []string {
	if m.kind == dbmMap {
		return m.dbm.Files(base)
	}
	return []string{base}
}

func (m *rewriteMap) read(file string) (map[string]string, error) {
	if m.kind == dbmMap {
		return m.dbm.Read(file)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return parseText(string(b)), nil
}

// maxLine is how many bytes of a line of a text map belong together.
const maxLine = 1024

// parseText reads a text map: a key, spaces, a value up to the next space. The
// first line of a key counts; a line that begins with a space or # does not.
func parseText(text string) map[string]string {
	words := map[string]string{}
	for text != "" {
		n := strings.IndexByte(text, '\n') + 1
		if n == 0 {
			n = len(text)
		}
		n = min(n, maxLine)
		l := text[:n]
		text = text[n:]
		if l[0] == '#' || isSpace(l[0]) {
			continue
		}
		i := 0
		for i < len(l) && !isSpace(l[i]) {
			i++
		}
		key, rest := l[:i], skipSpace(l[i:])
		if rest == "" {
			continue
		}
		i = 0
		for i < len(rest) && !isSpace(rest[i]) {
			i++
		}
		if _, ok := words[key]; !ok {
			words[key] = rest[:i]
		}
	}
	return words
}

// preloadMaps reads the files that lie outside of the jail, while they can be
// reached.
func preloadMaps(g *server.Generation) error {
	if !g.Jail.Jailed() {
		return nil
	}
	for _, v := range g.Servers() {
		for _, m := range serverSlot.Of(v).maps {
			if m.real == "" || m.kind == prgMap { // of dbd and int maps it is ""
				continue
			}
			if _, in := g.Jail.Inside(m.real); in {
				continue
			}
			words, err := m.read(m.real)
			if err != nil {
				continue // a look-up will tell
			}
			m.table = &table{outside: true, words: words}
		}
	}
	return nil
}
