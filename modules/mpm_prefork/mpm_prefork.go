// Package mpm_prefork declares the directives of Apache's prefork MPM. The engine
// behind them is server/mpm, whichever of the three MPM modules is loaded.
package mpm_prefork

import (
	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/mpm"
)

// Module is mpm_prefork_module.
var Module = server.Module{
	Name:       "mpm_prefork_module",
	Mutexes:    []string{"mpm-accept"},
	Source:     "prefork.c",
	OnRequest:  true,
	Directives: mpm.Rows(mpm.Prefork),
	Hooks:      []server.Hook{server.CheckConfig.Middle(mpm.Check(mpm.Prefork))},
}
