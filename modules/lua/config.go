package lua

import (
	"errors"
	"fmt"
	"path"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/pattern"
)

var (
	slot  = directives.NewDirSlot(merge)
	roots = directives.NewServerSlot(mergeRoot)
)

// root is LuaRoot. A virtual host that has any directive of this module does not
// inherit it, as in Apache, where nobody merges it.
type root struct {
	own  bool
	path string
}

func mergeRoot(base, add root) root {
	if add.own {
		return add
	}
	return base
}

// scope is how long an interpreter lives.
type scope int8

const (
	scopeUnset scope = iota
	scopeOnce
	scopeRequest
	scopeConn
	scopeThread
	scopeServer
)

var scopeNames = [...]string{"once", "once", "request", "conn", "thread", "server"}

func (s scope) String() string { return scopeNames[s] }

// cacheStyle is LuaCodeCache.
type cacheStyle int8

const (
	cacheUnset cacheStyle = iota // as stat
	cacheNever
	cacheStat
	cacheForever
)

// inherit is LuaInherit.
type inherit int8

const (
	inheritUnset inherit = iota // as parent-first
	inheritNone
	inheritParentFirst
	inheritParentLast
)

// hook is a script that takes part in a phase.
type hook struct {
	file     string // as a script's log lines have it; relative to LuaRoot
	function string
	block    bool               // of a section: its text is code
	proto    *lua.FunctionProto // the code of a section
}

// mapped is a LuaMapHandler.
type mapped struct {
	pattern        *pattern.Regexp
	file, function string // $0 to $9 stand for captures
}

// filterSpec is a LuaOutputFilter or LuaInputFilter.
type filterSpec struct {
	name, file, function string
}

// config is ap_lua_dir_cfg.
type config struct {
	scope    scope
	min, max int // of interpreters per script with scope server; 0: not given
	inherit  inherit
	cache    cacheStyle
	root     string // of a .htaccess file
	paths    []string
	cpaths   []string
	mapped   []*mapped
	filters  []*filterSpec
	hooks    map[point][]*hook
}

func (c *config) hasMapped() bool { return len(c.mapped) > 0 }

// merge is merge_dir_config. With parent-last the hooks of the parent come last,
// like all the rest.
func merge(base, add config) config {
	m := config{scope: base.scope, inherit: base.inherit, cache: base.cache, root: base.root, min: base.min, max: base.max}
	if add.scope != scopeUnset {
		m.scope = add.scope
	}
	if add.inherit != inheritUnset {
		m.inherit = add.inherit
	}
	if add.cache != cacheUnset {
		m.cache = add.cache
	}
	if add.root != "" {
		m.root = add.root
	}
	if add.min != 0 {
		m.min = add.min
	}
	if add.max != 0 {
		m.max = add.max
	}
	a, b := &base, &add
	switch m.inherit {
	case inheritNone:
		a = &config{}
	case inheritParentLast:
		a, b = b, a
	}
	m.paths = directives.Append(a.paths, b.paths)
	m.cpaths = directives.Append(a.cpaths, b.cpaths)
	m.mapped = directives.Append(a.mapped, b.mapped)
	m.filters = directives.Append(a.filters, b.filters)
	m.hooks = map[point][]*hook{}
	for p := range a.hooks {
		m.hooks[p] = directives.Append(a.hooks[p], b.hooks[p])
	}
	for p := range b.hooks {
		if a.hooks[p] == nil {
			m.hooks[p] = b.hooks[p]
		}
	}
	return m
}

// touch notes that the server that cmd stands in has a configuration of its own.
func touch(cmd *directives.Cmd) {
	if !cmd.Htaccess {
		roots.Edit(cmd).own = true
	}
}

func setRoot(c *config, cmd *directives.Cmd, dir string) error {
	if cmd.Htaccess {
		c.root = dir
		return nil
	}
	touch(cmd)
	roots.Edit(cmd).path = inJail(cmd, dir)
	return nil
}

// inJail spells a path as it is reached while requests are served; a relative one
// stays as it is.
func inJail(cmd *directives.Cmd, file string) string {
	if strings.HasPrefix(file, "/") {
		return cmd.InJail(file)
	}
	return file
}

// below makes a path absolute below LuaRoot, and below / where there is none: the
// directory that a server in the background runs in (apr_filepath_merge).
func below(root, file string) string {
	if !strings.HasPrefix(file, "/") {
		file = root + "/" + file
	}
	clean := path.Clean("/" + file)
	if strings.HasSuffix(file, "/") && clean != "/" {
		clean += "/"
	}
	return clean
}

func addPath(list *[]string, cmd *directives.Cmd, file string) error {
	touch(cmd)
	if !strings.HasPrefix(file, "/") {
		file = below((*roots.Edit(cmd)).path, file)
	} else {
		file = below("", cmd.InJail(file))
	}
	*list = directives.Append(*list, []string{file})
	return nil
}

func (c *config) addHook(p point, h *hook) {
	all := map[point][]*hook{}
	for q, list := range c.hooks {
		all[q] = list
	}
	all[p] = directives.Append(all[p], []*hook{h})
	c.hooks = all
}

// parseWhen reads early and late; "" is neither.
func parseWhen(word string) (when, bool) {
	switch strings.ToLower(word) {
	case "":
		return middle, true
	case "early":
		return early, true
	case "late":
		return late, true
	}
	return middle, false
}

// fileHook is the setter of a hook that may be early or late.
func fileHook(p phase, forbid directives.Forbid) func(*config, *directives.Cmd, string, string, string) error {
	return func(c *config, cmd *directives.Cmd, file, function, word string) error {
		if err := cmd.Check(forbid); err != nil {
			return err
		}
		w, ok := parseWhen(word)
		if !ok {
			return errors.New("Third argument must be 'early' or 'late'")
		}
		touch(cmd)
		c.addHook(point{p, w}, &hook{file: inJail(cmd, file), function: function})
		return nil
	}
}

// fileHookAnyTime takes a third word and goes by none.
func fileHookAnyTime(p phase) func(*config, *directives.Cmd, string, string, string) error {
	return func(c *config, cmd *directives.Cmd, file, function, _ string) error {
		touch(cmd)
		c.addHook(point{p, middle}, &hook{file: inJail(cmd, file), function: function})
		return nil
	}
}

// fileHook2 is the setter of a hook that runs at one time of its phase only.
func fileHook2(p phase, w when, forbid directives.Forbid) func(*config, *directives.Cmd, string, string) error {
	return func(c *config, cmd *directives.Cmd, file, function string) error {
		if err := cmd.Check(forbid); err != nil {
			return err
		}
		touch(cmd)
		c.addHook(point{p, w}, &hook{file: inJail(cmd, file), function: function})
		return nil
	}
}

func refuseInsertFilter(*config, *directives.Cmd, string, string) error {
	return errors.New("LuaHookInsertFilter not yet implemented")
}

func (c *config) setScope(cmd *directives.Cmd, word, least, most string) error {
	touch(cmd)
	for s := scopeOnce; s <= scopeServer; s++ {
		if s.String() == word {
			c.scope = s
			if s == scopeServer {
				c.min, c.max = 1, 1
				if least != "" {
					c.min = max(server.Atoi(least), 1)
				}
				if most != "" {
					c.max = server.Atoi(most)
				}
				c.max = max(c.max, c.min)
			}
			return nil
		}
	}
	return fmt.Errorf("Invalid value for LuaScope, '%s', acceptable values are: 'once', 'request', 'conn', 'thread', 'server'", word)
}

func (c *config) setInherit(cmd *directives.Cmd, word string) error {
	touch(cmd)
	switch strings.ToLower(word) {
	case "none":
		c.inherit = inheritNone
	case "parent-first":
		c.inherit = inheritParentFirst
	case "parent-last":
		c.inherit = inheritParentLast
	default:
		return fmt.Errorf("LuaInherit type of '%s' not recognized, valid options are 'none', 'parent-first', and 'parent-last'", word)
	}
	return nil
}

func (c *config) setCache(cmd *directives.Cmd, word string) error {
	touch(cmd)
	switch strings.ToLower(word) {
	case "never":
		c.cache = cacheNever
	case "stat":
		c.cache = cacheStat
	case "forever":
		c.cache = cacheForever
	default:
		return fmt.Errorf("LuaCodeCache type of '%s' not recognized, valid options are 'never', 'stat', and 'forever'", word)
	}
	return nil
}

func addMapped(c *config, cmd *directives.Cmd, match, file, function string) error {
	if err := cmd.Check(notInDir); err != nil {
		return err
	}
	if function == "" {
		function = "handle"
	}
	re, err := pattern.Compile(match, pattern.DefaultFlags())
	if err != nil {
		return errors.New("Invalid regex pattern!")
	}
	touch(cmd)
	c.mapped = directives.Append(c.mapped, []*mapped{{re, inJail(cmd, file), function}})
	return nil
}
