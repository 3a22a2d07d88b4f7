// Package modules is the one list of the modules that are built in. Deleting a
// module's folder and its line here removes the feature.
package modules

import "github.com/donjon-httpd/donjon/server"

// Builtin are the modules, in the order in which hooks of equal rank run.
var Builtin = []*server.Module{}
