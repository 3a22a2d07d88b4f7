// Package modules is the one list of the modules that are built in. Deleting a
// module's folder and its line here removes the feature.
package modules

import (
	"github.com/donjon-httpd/donjon/modules/access_compat"
	"github.com/donjon-httpd/donjon/modules/authz_core"
	"github.com/donjon-httpd/donjon/modules/authz_host"
	"github.com/donjon-httpd/donjon/modules/log_config"
	"github.com/donjon-httpd/donjon/modules/logio"
	"github.com/donjon-httpd/donjon/server"
)

// Builtin are the modules, in the order in which hooks of equal rank run.
var Builtin = []*server.Module{
	&log_config.Module,
	&logio.Module,
	&access_compat.Module,
	&authz_core.Module,
	&authz_host.Module,
}
