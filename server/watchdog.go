package server

import (
	"time"

	"github.com/donjon-httpd/donjon/directives"
)

// WatchdogConfig is how often periodic work of the modules runs. It belongs to
// the main server.
type WatchdogConfig struct {
	Interval directives.Opt[time.Duration] // WatchdogInterval; a second unless given
}

// Watchdog is the slot of the watchdog's configuration.
var Watchdog = directives.NewServerSlot(func(base, _ WatchdogConfig) WatchdogConfig { return base })

// ProgramName is what messages call the program.
const ProgramName = "httpd"
