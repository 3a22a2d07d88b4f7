package server

import (
	"github.com/donjon-httpd/donjon/directives"
)

// DavLockDB is the lock database of mod_dav_fs that a server names, without
// which Apache 2.4.71 refuses most methods of WebDAV.
var DavLockDB = directives.NewServerSlot(func(base, add DavLockDBConfig) DavLockDBConfig {
	if add.Path == "" {
		return base
	}
	return add
})

// DavLockDBConfig holds the path as it is reached while serving; "" for none.
type DavLockDBConfig struct{ Path string }

// FileETag is the entity tag of a file that is not the request's own, under
// the request's FileETag; "" for none.
func (r *Request) FileETag(f Finfo) string {
	other := Request{Dir: r.Dir, Finfo: f, Received: r.Received}
	return other.makeETag(nil)
}
