// Package systemd is mod_systemd. The parent speaks to the service manager
// whether it is loaded or not (see server/mpm); what is left for the module is
// that it turns ExtendedStatus on, as Apache's does.
package systemd

import (
	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is systemd_module.
var Module = server.Module{
	Name:     "systemd_module",
	Defaults: func(main *directives.Server) { server.CoreServer.EditServer(main).ExtendedStatus = true },
}
