// Package dbd keeps connections to SQL databases for other modules (mod_dbd):
// SQLite, MySQL and PostgreSQL, in pools that each child has of its own.
package dbd

import (
	"errors"
	"path/filepath"
	"slices"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is dbd_module.
var Module = server.Module{
	Name: "dbd_module",
	Directives: directives.Table{
		{Name: "DBDriver", In: directives.InServer, Usage: "SQL Driver", Set: slot.Take1((*config).setDriver)},
		{Name: "DBDParams", In: directives.InServer, Usage: "SQL Driver Params", Set: slot.Take1((*config).setParams)},
		{Name: "DBDPersist", In: directives.InServer, Usage: "Use persistent connection/pool",
			Set: slot.Flag(func(c *config, on bool) { c.persist = directives.Given(on) })},
		{Name: "DBDPrepareSQL", In: directives.InServer,
			Usage: "SQL statement to prepare (or nothing, to override statement inherited from main server) and label",
			Set:   slot.Take12((*config).addStatement)},
		{Name: "DBDInitSQL", In: directives.InServer, Usage: "SQL statement to be executed after connection is created",
			Set: slot.Take1((*config).addInit)},
		{Name: "DBDMin", In: directives.InServer, Usage: "Minimum number of connections",
			Set: number(func(c *config, n int) { c.min = directives.Given(n) })},
		{Name: "DBDKeep", In: directives.InServer, Usage: "Maximum number of sustained connections",
			Set: number(func(c *config, n int) { c.keep = directives.Given(n) })},
		{Name: "DBDMax", In: directives.InServer, Usage: "Maximum number of connections",
			Set: number(func(c *config, n int) { c.max = directives.Given(n) })},
		{Name: "DBDExptime", In: directives.InServer, Usage: "Keepalive time for idle connections",
			Set: number(func(c *config, n int) { c.exptime = directives.Given(n) })},
	},
	Hooks: []server.Hook{
		server.BeforeJail.Middle(openOutside),
		server.ChildInit.Middle(open),
		server.ChildExit.Middle(shut),
	},
	DBD: &server.DBD{Prepare: prepare, Acquire: acquire, Open: openFor},
}

var (
	slot = directives.NewServerSlot(merge)
	elog = server.NewLog("dbd")
)

// config is what a server says.
type config struct {
	driver   directives.Opt[string]
	params   string
	real     string // of SQLite: the file as it is named outside of the jail; "" for none
	inside   string // and as it is reached while serving
	persist  directives.Opt[bool]
	min      directives.Opt[int]
	keep     directives.Opt[int]
	max      directives.Opt[int]
	exptime  directives.Opt[int] // seconds
	prepared map[string]string   // statements by label
	init     []string

	pool *pool // while serving; nil where there is no database
}

const (
	defaultMin     = 1
	defaultKeep    = 2
	defaultMax     = 10
	defaultExptime = 300 // seconds
)

func merge(base, add config) config {
	m := config{
		driver: add.driver.Or(base.driver), params: add.params, real: add.real, inside: add.inside, persist: add.persist.Or(base.persist),
		min: add.min.Or(base.min), keep: add.keep.Or(base.keep), max: add.max.Or(base.max), exptime: add.exptime.Or(base.exptime),
		prepared: directives.Overlay(base.prepared, add.prepared), init: directives.Append(add.init, base.init),
	}
	if m.params == "" {
		m.params, m.real, m.inside = base.params, base.real, base.inside
	}
	return m
}

func (c *config) setDriver(_ *directives.Cmd, name string) error {
	if drivers[name] == nil {
		return &directives.Hinted{Err: errors.New("Can't load driver file apr_dbd_" + name + ".so"),
			Hint: "there are drivers for sqlite3, mysql and pgsql"}
	}
	c.driver = directives.Given(name)
	return nil
}

// setParams keeps the path that SQLite would make of the parameters, too.
func (c *config) setParams(cmd *directives.Cmd, params string) error {
	c.params, c.real, c.inside = params, "", params
	if filepath.IsAbs(params) {
		c.real, c.inside = params, cmd.InJail(params)
	}
	return nil
}

func (c *config) addStatement(cmd *directives.Cmd, query, label string) error {
	if label == "" {
		query, label = "", query
	}
	prepare(cmd, query, label)
	return nil
}

func prepare(cmd *directives.Cmd, query, label string) {
	c := slot.Edit(cmd)
	if _, there := c.prepared[label]; there && query != "" {
		cmd.LogWarning("AH02653: conflicting SQL statements with label %s", label)
	}
	if c.prepared == nil {
		c.prepared = map[string]string{}
	}
	c.prepared[label] = query
}

func (c *config) addInit(_ *directives.Cmd, query string) error {
	if query == "" || query[0] == '\n' {
		return errors.New("You should specify SQL statement")
	}
	c.init = append(c.init, query)
	return nil
}

// number makes the setter of a count.
func number(set func(*config, int)) directives.Setter {
	return slot.Take1(func(c *config, _ *directives.Cmd, text string) error {
		n := 0
		for _, d := range []byte(text) {
			if d < '0' || d > '9' {
				return errors.New("Argument must be numeric!")
			}
			n = min(n*10+int(d-'0'), 1<<31-1)
		}
		set(c, n)
		return nil
	})
}

// same tells whether two servers can share a pool: all but their statements
// agree, and no label means two of them.
func (c *config) same(d *config) bool {
	if c.driver.Else("") != d.driver.Else("") || c.params != d.params ||
		c.min.Else(defaultMin) != d.min.Else(defaultMin) || c.keep.Else(defaultKeep) != d.keep.Else(defaultKeep) ||
		c.max.Else(defaultMax) != d.max.Else(defaultMax) || c.exptime.Else(defaultExptime) != d.exptime.Else(defaultExptime) ||
		!slices.Equal(c.init, d.init) {
		return false
	}
	for label, query := range c.prepared {
		if other, ok := d.prepared[label]; ok && other != query {
			return false
		}
	}
	return true
}
