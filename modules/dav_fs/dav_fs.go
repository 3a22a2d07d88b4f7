// Package dav_fs says that WebDAV works on files (mod_dav_fs): it is the
// provider "filesystem" of mod_dav, and names the lock database.
package dav_fs

import (
	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is dav_fs_module.
var Module = server.Module{
	Name:        "dav_fs_module",
	DavProvider: "filesystem",
	Directives: directives.Table{
		{Name: "DAVLockDB", In: directives.InServer, Reads: directives.InJail,
			Usage: "specify a lock database",
			Set:   server.DavLockDB.Take1(setLockDB)},
	},
}

// setLockDB says at once that locks are not kept: the database only allows the
// methods that Apache refuses without one.
func setLockDB(c *server.DavLockDBConfig, cmd *directives.Cmd, path string) error {
	c.Path = cmd.InJail(cmd.ServerRootRelative(path))
	cmd.Note("DAVLockDB: locks are not kept, LOCK and UNLOCK are not offered")
	return nil
}
