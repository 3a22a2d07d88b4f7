// Package dav_lock is mod_dav_lock: locks for repositories of WebDAV that keep
// none themselves, such as mod_dav_svn's. There is no such repository here;
// mod_dav_fs has its own locks, in Apache too.
package dav_lock

import (
	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is dav_lock_module.
var Module = server.Module{
	Name: "dav_lock_module",
	Directives: directives.Table{
		{Name: "DAVGenericLockDB", In: directives.InDir, Usage: "specify a lock database",
			NoOp: "files have the locks of DavLockDB; generic ones are for repositories that are not files",
			Set:  slot.Take1(func(*config, *directives.Cmd, string) error { return nil })},
	},
}

type config struct{}

var slot = directives.NewDirSlot(func(base, _ config) config { return base })
