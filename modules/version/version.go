// Package version is mod_version: <IfVersion> reads its body when the version
// of Apache that we are compatible with compares as asked.
package version

import (
	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
)

// Module is version_module.
var Module = server.Module{
	Name:   "version_module",
	Static: true,
	Directives: directives.Table{
		{Name: "<IfVersion", In: directives.All | directives.InServer | directives.InDir,
			Usage: "a comparison operator, a version (and a delimiter)",
			Set:   directives.OnRead(directives.OneTwoThree, httpdconf.IfVersion)},
	},
}
