// Package dav_fs is the repository "filesystem" of mod_dav (mod_dav_fs): files and
// directories, properties of clients' own in a .DAV directory in each, and locks
// in one database. Its files are those of Apache, in Berkeley DB's hash format.
package dav_fs

import (
	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is dav_fs_module.
var Module = server.Module{
	Name: "dav_fs_module",
	DavProvider: &server.DavProvider{Name: "filesystem", Repository: repository{}, Properties: propertyStore{},
		Locks: lockStore{}},
	Directives: directives.Table{
		{Name: "DAVLockDB", In: directives.InServer, Reads: directives.BeforeJail, Usage: "specify a lock database",
			Set: slot.Take1(setLockDB)},
	},
	Hooks: []server.Hook{server.BeforeJail.Middle(openOutside)},
}

var (
	elog = server.NewLog("dav_fs")
	slot = directives.NewServerSlot(func(base, add config) config {
		if add.locks == nil {
			return base
		}
		return add
	})
)

// config names the lock database of a server.
type config struct{ locks *lockFile }

func setLockDB(c *config, cmd *directives.Cmd, path string) error {
	path = cmd.ServerRootRelative(path)
	main := cmd.Server
	if main.Main != nil {
		main = main.Main
	}
	c.locks = &lockFile{real: path, path: cmd.InJail(path)}
	list := named.EditServer(main)
	*list = append(*list, c.locks)
	return nil
}

// named are the databases of all servers, to be opened before the jail closes
// where they lie outside.
var named = directives.NewServerSlot(func(base, _ []*lockFile) []*lockFile { return base })

func openOutside(g *server.Generation) error {
	jail := server.JailOf(g.Config.Main)
	for _, f := range *named.Of(g.Config.Main) {
		f.openOutside(jail)
	}
	return nil
}
