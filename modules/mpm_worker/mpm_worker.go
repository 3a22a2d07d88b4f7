// Package mpm_worker declares the directives of Apache's worker MPM. The engine
// behind them is server/mpm, whichever of the three MPM modules is loaded.
package mpm_worker

import (
	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/mpm"
)

// Module is mpm_worker_module.
var Module = server.Module{
	Name:       "mpm_worker_module",
	Mutexes:    []string{"mpm-accept"},
	Source:     "worker.c",
	OnRequest:  true,
	Directives: mpm.Rows(mpm.Worker),
	Hooks:      []server.Hook{server.CheckConfig.Middle(mpm.Check(mpm.Worker))},
}
