package mpm

import (
	"fmt"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/scoreboard"
)

// takeSeat maps the scoreboard and waits to be told which slot is this child's.
func takeSeat(control *os.File, limit int) (*scoreboard.Board, *scoreboard.Crew, error) {
	board, err := scoreboard.Open(boardFD)
	if err != nil {
		return nil, nil, err
	}
	unix.Close(boardFD)
	verb, rest, err := receive(control)
	if err != nil {
		return nil, nil, fmt.Errorf("control channel: %w", err)
	}
	slot, err := strconv.Atoi(rest)
	switch {
	case verb != "slot" || err != nil || slot >= board.Children():
		return nil, nil, fmt.Errorf("control channel: %q %q where a slot was expected", verb, rest)
	case slot < 0:
		return board, scoreboard.NewPrivate(limit), nil
	}
	return board, board.NewCrew(slot, limit), nil
}

// tend keeps a serving child in order, once a second: it publishes its CPU time,
// gives memory back (MaxMemFree), and asks for a successor when it has accepted
// MaxConnectionsPerChild connections. SIGTERM asks for one too, so that an
// administrator who ends a child loses no response.
func tend(control *os.File, g *server.Generation, terms <-chan os.Signal) {
	conf := server.MPM.Of(g.Config.Main)
	most := uint64(max(conf.MaxConnections.Else(0), 0))
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for seconds, retired := 0, false; ; seconds++ {
		term := false
		select {
		case <-terms:
			term = true
		case <-tick.C:
		}
		PublishUsage(g.Crew)
		if !retired && (term || most > 0 && g.Crew.Accepted.Load() >= most) {
			retired = send(control, "retire") == nil
		}
		if seconds%10 == 9 {
			giveBack(conf.MaxMemFree.Else(0))
		}
	}
}

// PublishUsage writes this process's CPU time to the scoreboard.
func PublishUsage(c *scoreboard.Crew) {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) == nil {
		c.User.Store(uint64(duration(u.Utime).Microseconds()))
		c.System.Store(uint64(duration(u.Stime).Microseconds()))
	}
}

// giveBack returns free memory to the system when there is more than most
// bytes of it; 0 leaves that to the runtime, which does it over minutes.
func giveBack(most int64) {
	if most <= 0 {
		return
	}
	free := []metrics.Sample{{Name: "/memory/classes/heap/free:bytes"}}
	metrics.Read(free)
	if v := free[0].Value; v.Kind() == metrics.KindUint64 && v.Uint64() > uint64(most) {
		debug.FreeOSMemory()
	}
}
