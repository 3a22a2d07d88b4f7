// Package mpm_event declares the directives of Apache's event MPM. The engine
// behind them is server/mpm, whichever of the three MPM modules is loaded.
package mpm_event

import (
	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/mpm"
)

// Module is mpm_event_module.
var Module = server.Module{
	Name:       "mpm_event_module",
	Source:     "event.c",
	Directives: mpm.Rows(mpm.Event),
	Hooks:      []server.Hook{server.CheckConfig.Middle(mpm.Check(mpm.Event))},
}
