package status

import (
	"fmt"
	"html/template"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/server/scoreboard"
)

// report is what both forms of the page tell.
type report struct {
	Server, LocalIP   string
	MPM               string
	Now, Restarted    time.Time
	Configs           int // configurations read
	Generation        int
	Loads             [3]float64
	Totals            scoreboard.Totals
	Children          []child
	Extended, Details bool
	More              template.HTML // what other modules add
	Footer            string
}

// child is a process and its workers.
type child struct {
	Slot                                int
	PID, Generation                     int
	Stopping, Accepting                 bool
	Open                                int
	Busy, Graceful, Idle                int // workers
	WaitIO, Writing, KeepAlive, Closing int
	CPU                                 time.Duration
	Accesses, Bytes                     uint64
	Rows                                []scoreboard.Row
	Letters                             []byte
}

// read takes a copy of the scoreboard.
func (rep *report) read(b *scoreboard.Board) {
	rep.Restarted = time.UnixMicro(b.Restarted.Load())
	rep.Configs, rep.Generation = int(b.Configs.Load()), int(b.Generation.Load())
	for i := range b.Children() {
		c := b.Child(i)
		pid := int(c.PID.Load())
		if pid == 0 {
			continue
		}
		x := child{Slot: i, PID: pid, Generation: int(c.Generation.Load()), Stopping: c.Quiescing.Load(), Open: int(c.Open.Load()),
			WaitIO: int(c.WaitIO.Load()), Writing: int(c.Sending.Load()), KeepAlive: int(c.KeepAlive.Load()), Closing: int(c.Closing.Load()),
			CPU:      time.Duration(c.User.Load()+c.System.Load()) * time.Microsecond,
			Accesses: c.Accesses.Load(), Bytes: c.Bytes.Load()}
		x.Accepting = c.Serving.Load() && !x.Stopping
		busy, limit := int(c.Busy.Load()), int(c.Limit.Load())
		if x.Stopping {
			x.Graceful = busy
		} else {
			x.Busy, x.Idle = busy, max(limit-busy, 0)
		}
		for j := range min(limit, b.Workers()) {
			row := b.Worker(i, j).Read()
			letter := row.Status.Letter()
			switch {
			case !c.Serving.Load():
				letter = scoreboard.Starting.Letter()
			case row.Status == scoreboard.Starting || row.Status == scoreboard.Ready:
				letter = scoreboard.Ready.Letter()
				if x.Stopping {
					letter = scoreboard.Dead.Letter()
				}
			case x.Stopping:
				letter = scoreboard.Graceful.Letter()
			}
			x.Letters = append(x.Letters, letter)
			x.Rows = append(x.Rows, row)
		}
		rep.Children = append(rep.Children, x)
	}
}

// kB is a number of bytes in whole units of 1024.
func kB(n uint64) uint64 { return n >> 10 }

// bytesText is format_byte_out: bytes in a unit that suits.
func bytesText(n uint64) string {
	switch {
	case n < 5<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<19:
		return fmt.Sprintf("%.1f kB", float64(n)/(1<<10))
	case n < 1<<29:
		return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f GB", float64(n)/(1<<30))
}

// kBText is format_kbyte_out.
func kBText(n uint64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d kB", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f MB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f GB", float64(n)/(1<<20))
}

// spanText is show_time: days, hours, minutes and seconds, each behind a space.
func spanText(d time.Duration) string {
	s := int64(d / time.Second)
	var b strings.Builder
	for _, u := range []struct {
		n    int64
		name string
	}{{s / 86400, "day"}, {s / 3600 % 24, "hour"}, {s / 60 % 60, "minute"}, {s % 60, "second"}} {
		if u.n == 0 {
			continue
		}
		fmt.Fprintf(&b, " %d %s", u.n, u.name)
		if u.n != 1 {
			b.WriteByte('s')
		}
	}
	return b.String()
}

// timeText is Apache's DEFAULT_TIME_FORMAT in local time.
func timeText(t time.Time) string { return t.Format("Monday, 02-Jan-2006 15:04:05 MST") }

// cpu is the time of each kind, in seconds.
func (rep *report) cpu() (user, system, childUser, childSystem float64) {
	t := rep.Totals
	return t.User.Seconds(), t.System.Seconds(), t.ChildrenUser.Seconds(), t.ChildrenSystem.Seconds()
}

// up is the time since the start or the last restart that was not graceful.
func (rep *report) up() time.Duration { return rep.Now.Sub(rep.Restarted) }
