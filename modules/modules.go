// Package modules is the one list of the modules that are built in. Deleting a
// module's folder and its line here removes the feature.
package modules

import (
	"github.com/donjon-httpd/donjon/modules/access_compat"
	"github.com/donjon-httpd/donjon/modules/alias"
	"github.com/donjon-httpd/donjon/modules/auth_basic"
	"github.com/donjon-httpd/donjon/modules/auth_digest"
	"github.com/donjon-httpd/donjon/modules/authn_anon"
	"github.com/donjon-httpd/donjon/modules/authn_core"
	"github.com/donjon-httpd/donjon/modules/authn_dbm"
	"github.com/donjon-httpd/donjon/modules/authn_file"
	"github.com/donjon-httpd/donjon/modules/authn_socache"
	"github.com/donjon-httpd/donjon/modules/authz_core"
	"github.com/donjon-httpd/donjon/modules/authz_dbm"
	"github.com/donjon-httpd/donjon/modules/authz_groupfile"
	"github.com/donjon-httpd/donjon/modules/authz_host"
	"github.com/donjon-httpd/donjon/modules/authz_owner"
	"github.com/donjon-httpd/donjon/modules/authz_user"
	"github.com/donjon-httpd/donjon/modules/chroot"
	"github.com/donjon-httpd/donjon/modules/core"
	"github.com/donjon-httpd/donjon/modules/dir"
	"github.com/donjon-httpd/donjon/modules/env"
	"github.com/donjon-httpd/donjon/modules/headers"
	"github.com/donjon-httpd/donjon/modules/http_core"
	"github.com/donjon-httpd/donjon/modules/log_config"
	"github.com/donjon-httpd/donjon/modules/logio"
	"github.com/donjon-httpd/donjon/modules/macro"
	"github.com/donjon-httpd/donjon/modules/mime"
	"github.com/donjon-httpd/donjon/modules/mpm_event"
	"github.com/donjon-httpd/donjon/modules/mpm_prefork"
	"github.com/donjon-httpd/donjon/modules/mpm_worker"
	"github.com/donjon-httpd/donjon/modules/setenvif"
	"github.com/donjon-httpd/donjon/modules/so"
	"github.com/donjon-httpd/donjon/modules/socache_shmcb"
	"github.com/donjon-httpd/donjon/modules/unixd"
	"github.com/donjon-httpd/donjon/modules/userdir"
	"github.com/donjon-httpd/donjon/modules/version"
	"github.com/donjon-httpd/donjon/modules/watchdog"
	"github.com/donjon-httpd/donjon/server"
)

// Builtin are the modules, in the order in which hooks of equal rank run.
var Builtin = []*server.Module{
	&so.Module,
	&watchdog.Module,
	&core.Module,
	&http_core.Module,
	&log_config.Module,
	&logio.Module,
	&version.Module,
	&unixd.Module,
	&chroot.Module,
	&macro.Module,
	&mpm_event.Module,
	&mpm_worker.Module,
	&mpm_prefork.Module,
	&access_compat.Module,
	&auth_basic.Module,
	&authn_core.Module,
	&authn_file.Module,
	&authz_user.Module,
	&authn_anon.Module,
	&authz_groupfile.Module,
	&authz_owner.Module,
	&auth_digest.Module,
	&authn_dbm.Module,
	&authz_dbm.Module,
	&authn_socache.Module,
	&socache_shmcb.Module,
	&authz_core.Module,
	&authz_host.Module,
	&alias.Module,
	&dir.Module,
	&env.Module,
	&headers.Module,
	&mime.Module,
	&setenvif.Module,
	&userdir.Module,
}
