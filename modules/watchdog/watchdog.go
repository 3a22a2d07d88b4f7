// Package watchdog is mod_watchdog: a clock that other modules can have
// callbacks on. Its interval is kept for them.
package watchdog

import (
	"errors"
	"fmt"
	"time"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is watchdog_module.
var Module = server.Module{
	Name:    "watchdog_module",
	Mutexes: []string{"watchdog-callback"},
	Static:  true,
	Directives: directives.Table{
		{Name: "WatchdogInterval", In: directives.InServer, NoOp: "modules with periodic work have intervals of their own", Forbid: directives.GlobalOnly,
			Usage: "Watchdog interval in seconds", Set: server.Watchdog.Take1(setInterval)},
	},
}

// least is AP_WD_TM_SLICE.
const least = 100 * time.Millisecond

func setInterval(c *server.WatchdogConfig, _ *directives.Cmd, arg string) error {
	d, err := server.ParseTimeout(arg, time.Second)
	if err != nil {
		return errors.New("Unparse-able WatchdogInterval setting")
	}
	if d < least {
		return fmt.Errorf("Invalid WatchdogInterval: minimal value %dms", least.Milliseconds())
	}
	c.Interval = directives.Given(d)
	return nil
}
