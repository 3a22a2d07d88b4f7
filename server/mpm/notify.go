package mpm

import (
	"fmt"
	"os"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"
)

// notifier tells a service manager how the server is (sd_notify(3)): that it
// is ready, reads its configuration anew, is stopping, and once in ten seconds
// what it has done. Where no manager listens it does nothing. A manager that
// has asked for a watchdog hears from the parent's event loop, so that a loop
// that hangs is noticed.
type notifier struct {
	interval time.Duration // of the watchdog's pings; 0: none is wanted
	tick     *time.Ticker  // nil: nobody listens
	told     time.Time     // when the figures were told last
}

const figuresEvery = 10 * time.Second

func newNotifier() *notifier {
	n := &notifier{}
	if os.Getenv("NOTIFY_SOCKET") == "" {
		return n
	}
	if d, err := daemon.SdWatchdogEnabled(false); err == nil && d > 0 {
		n.interval = d / 2
	}
	every := figuresEvery
	if n.interval > 0 {
		every = min(every, n.interval)
	}
	n.tick = time.NewTicker(every)
	return n
}

// ticks says when beat is due; never where nobody listens.
func (n *notifier) ticks() <-chan time.Time {
	if n.tick == nil {
		return nil
	}
	return n.tick.C
}

func (n *notifier) send(state string) {
	if n.tick == nil {
		return
	}
	if _, err := daemon.SdNotify(false, state); err != nil {
		corelog.Warn(nil).Err(err).Msg("the service manager cannot be told the state")
	}
}

func (n *notifier) ready() {
	n.send(fmt.Sprintf("READY=1\nMAINPID=%d\nSTATUS=Processing requests...", os.Getpid()))
}

// reloading is followed by ready, whether the new configuration serves or the
// old one goes on.
func (n *notifier) reloading() {
	var now unix.Timespec
	unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) //nolint:errcheck // it is always there
	n.send(fmt.Sprintf("RELOADING=1\nMONOTONIC_USEC=%d\nSTATUS=Reading configuration...", now.Nano()/1000))
}

func (n *notifier) failed(reason string) {
	n.send(fmt.Sprintf("READY=1\nSTATUS=%s", reason))
}

func (n *notifier) stopping() { n.send("STOPPING=1\nSTATUS=Shutting down...") }

// beat is called by the event loop on every tick.
func (n *notifier) beat(m *parent) {
	if n.interval > 0 {
		n.send("WATCHDOG=1")
	}
	if m.stopping || m.restarting() || time.Since(n.told) < figuresEvery-time.Second {
		return
	}
	n.told = time.Now()
	t, up := m.board.Totals(), max(time.Since(time.UnixMicro(m.board.Restarted.Load())).Seconds(), 1)
	n.send(fmt.Sprintf("STATUS=Total requests: %d; Idle/Busy workers %d/%d;Requests/sec: %.3g; Bytes served/sec: %s/sec",
		t.Accesses, t.Idle, t.Busy, float64(t.Accesses)/up, size(uint64(float64(t.Bytes)/up))))
}
