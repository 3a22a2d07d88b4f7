// Package cgid is mod_cgid: CGI scripts, under the name that threaded servers load.
package cgid

import "github.com/donjon-httpd/donjon/server/cgi"

// Module is cgid_module.
var Module = flavor.Module()

var flavor = cgi.Flavor{Name: "cgid", TimeoutDirective: "CGIDScriptTimeout", Socket: true,
	NoExecCGI: "AH01262", IncludedNPH: "AH01263", NotFound: "AH01264", IsDirectory: "AH01265", NoPathInfo: "AH01266", BodyUnreadable: "AH01270",
	NotSpawned: "AH01252", ExecFailed: "AH01241"}
