// Package socache_dbm keeps small objects in a file (mod_socache_dbm), for all
// children together and beyond restarts. The file is opened before the jail
// closes and may lie outside.
package socache_dbm

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is socache_dbm_module.
var Module = server.Module{
	Name:    "socache_dbm_module",
	Socache: &server.SocacheProvider{Name: "dbm", Open: open},
	Hooks:   []server.Hook{server.BeforeJail.Middle(openFiles)},
}

// files are the main server's caches, to be opened.
var files = directives.NewServerSlot(func(base, _ []*cache) []*cache { return base })

// cache is a journal that is opened when the child begins.
type cache struct {
	path    string
	journal *journal
}

// open takes the name of a file; without one, the runtime directory has one for
// each directive.
func open(cmd *directives.Cmd, args string) (server.Socache, error) {
	if cmd == nil {
		return nil, errors.New("a file must be named")
	}
	c := &cache{path: cmd.ServerRootRelative(args)}
	if args == "" {
		c.path = cmd.RuntimeDir() + "/socache-dbm-" + strings.ToLower(cmd.Name)
	}
	main := cmd.Server
	if main.Main != nil {
		main = main.Main
	}
	list := files.EditServer(main)
	*list = append(*list, c)
	return c, nil
}

func openFiles(g *server.Generation) error {
	for _, c := range *files.Of(g.Config.Main) {
		f, err := os.OpenFile(c.path+".cache", os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return fmt.Errorf("AH00804: Cannot create socache DBM file `%s': %w", c.path, err)
		}
		c.journal = &journal{file: f}
	}
	return nil
}

var errClosed = errors.New("the file is not open")

func (c *cache) Store(key, value string, expires time.Time) error {
	if c.journal == nil {
		return errClosed
	}
	return c.journal.store(key, value, expires)
}

func (c *cache) Retrieve(key string) (string, bool, error) {
	if c.journal == nil {
		return "", false, errClosed
	}
	return c.journal.retrieve(key)
}

func (c *cache) Remove(key string) {
	if c.journal != nil {
		c.journal.store(key, "", time.Time{}) //nolint:errcheck // it is only a cache
	}
}
