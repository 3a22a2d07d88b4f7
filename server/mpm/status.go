package mpm

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/scoreboard"
)

// page is what -k status prints: the state of the server as its parent sees it.
// It needs neither mod_status nor a request.
func (m *parent) page() string {
	t, now := m.board.Totals(), time.Now()
	up := now.Sub(time.UnixMicro(m.board.Restarted.Load()))
	var b strings.Builder
	fmt.Fprintf(&b, "%s, pid %d\n", server.Software, os.Getpid())
	fmt.Fprintf(&b, "  up %s since %s", span(up), time.UnixMicro(m.board.Restarted.Load()).Format(time.DateTime))
	if g := m.serving; g != nil {
		fmt.Fprintf(&b, ", generation %d of %s\n", g.number(), m.Config)
		if jail := g.loaded.jail().Dir; jail != "" {
			fmt.Fprintf(&b, "  jail %s\n", jail)
			for _, locks := range g.locks() {
				fmt.Fprintf(&b, "  locked: %s\n", locks)
			}
		}
		for _, l := range g.listeners {
			fmt.Fprintf(&b, "  listening on %s\n", l.addr)
		}
	} else {
		b.WriteString(", no generation serves\n")
	}
	seconds := max(up.Seconds(), 1)
	fmt.Fprintf(&b, "  %d requests (%.3g a second), %s (%s a second)\n",
		t.Accesses, float64(t.Accesses)/seconds, size(t.Bytes), size(uint64(float64(t.Bytes)/seconds)))
	fmt.Fprintf(&b, "  %d busy and %d idle workers; %d connections: %d idle between requests, %d sending, %d reading, %d closing\n",
		t.Busy+t.Graceful, t.Idle, t.Connections, t.KeepAlive, t.Sending, t.WaitIO, t.Closing)
	cpu := t.User + t.System + t.ChildrenUser + t.ChildrenSystem
	fmt.Fprintf(&b, "  CPU %.2f s (%.3g %%)\n\n", cpu.Seconds(), cpu.Seconds()/seconds*100)
	fmt.Fprintf(&b, "  %-4s %7s %4s %-9s %6s %6s %10s %10s %8s %9s\n", "slot", "pid", "gen", "state", "conns", "busy", "requests", "traffic", "CPU s", "age")
	for i := range m.board.Children() {
		c := m.board.Child(i)
		pid := c.PID.Load()
		if pid == 0 {
			continue
		}
		cpu := time.Duration(c.User.Load()+c.System.Load()) * time.Microsecond
		fmt.Fprintf(&b, "  %-4d %7d %4d %-9s %6d %6d %10d %10s %8.2f %9s\n", i, pid, c.Generation.Load(), state(c), c.Open.Load(), c.Busy.Load(),
			c.Accesses.Load(), size(c.Bytes.Load()), cpu.Seconds(), span(now.Sub(time.UnixMicro(c.Started.Load()))))
	}
	return b.String()
}

// locks are what children say that holds in their jail: one line where all say the
// same.
func (g *generation) locks() []string {
	var list []string
	for _, c := range g.children {
		if c.ready && !slices.Contains(list, c.locks) {
			list = append(list, c.locks)
		}
	}
	slices.Sort(list)
	return list
}

// jailLines is the answer to the verb "jail": a line for each child, its process id and
// what holds in its jail.
func (m *parent) jailLines() string {
	var b strings.Builder
	for _, g := range m.all() {
		for _, c := range g.children {
			if c.ready {
				fmt.Fprintf(&b, "%d %s\n", c.pid, c.locks)
			}
		}
	}
	return b.String()
}

// Locks asks the parent with that process id what holds in the jails of its children,
// by their process ids. ok is false where it cannot be asked.
func Locks(parent int) (locks map[int]string, ok bool) {
	var out strings.Builder
	if status, ok := new(Program).ask(parent, "jail", &out, io.Discard); !ok || status != exitOK {
		return nil, false
	}
	locks = map[int]string{}
	for line := range strings.Lines(out.String()) {
		pid, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if n, err := strconv.Atoi(pid); err == nil {
			locks[n] = text
		}
	}
	return locks, true
}

// workerLines is what fullstatus adds: a line for each worker that has served.
func (m *parent) workerLines() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n  %7s M %8s %8s %10s  %-18s %-24s %s\n", "pid", "requests", "age", "traffic", "client", "host", "request")
	for i := range m.board.Children() {
		pid := m.board.Child(i).PID.Load()
		if pid == 0 {
			continue
		}
		for j := range min(int(m.board.Child(i).Limit.Load()), m.board.Workers()) {
			r := m.board.Worker(i, j).Read()
			if r.Began.IsZero() {
				continue
			}
			fmt.Fprintf(&b, "  %7d %c %8d %8s %10s  %-18s %-24s %s\n", pid, r.Status.Letter(), r.Accesses, span(time.Since(r.Began)), size(r.Bytes),
				server.EscapeLog(r.Client), server.EscapeLog(r.VHost), server.EscapeLog(r.Request))
		}
	}
	return b.String()
}

func state(c *scoreboard.Child) string {
	switch {
	case c.Quiescing.Load():
		return "finishing"
	case !c.Serving.Load():
		return "starting"
	}
	return "serving"
}

// size is a number of bytes in the largest unit that leaves a number of one or more.
func size(n uint64) string {
	const units = "BkMGTPE"
	f, i := float64(n), 0
	for f >= 1024 && i < len(units)-1 {
		f, i = f/1024, i+1
	}
	if i == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %cB", f, units[i])
}

// span is a time in its two largest units.
func span(d time.Duration) string {
	s := int64(d / time.Second)
	for _, u := range []struct {
		name, lesser string
		size, least  int64
	}{{"d", "h", 86400, 3600}, {"h", "m", 3600, 60}, {"m", "s", 60, 1}} {
		if s >= u.size {
			return fmt.Sprintf("%d%s%d%s", s/u.size, u.name, s%u.size/u.least, u.lesser)
		}
	}
	return fmt.Sprintf("%ds", s)
}
