// Package cgi is mod_cgi: CGI scripts, under the name that prefork servers load.
package cgi

import "github.com/donjon-httpd/donjon/server/cgi"

// Module is cgi_module.
var Module = flavor.Module()

var flavor = cgi.Flavor{Name: "cgi", TimeoutDirective: "CGIScriptTimeout", OnRequest: true,
	NoExecCGI: "AH02809", IncludedNPH: "AH02810", NotFound: "AH02811", IsDirectory: "AH02812", NoPathInfo: "AH02813", BodyUnreadable: "AH01225",
	NotSpawned: "AH01223"}
