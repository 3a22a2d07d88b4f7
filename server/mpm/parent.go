package mpm

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/donjon-httpd/donjon/chroot"
	"github.com/donjon-httpd/donjon/server"
)

// parent keeps the generations and their children. Everything happens in one
// goroutine, run; the others only tell it.
type parent struct {
	*Program
	spawner *spawner
	board   *board
	console *console
	pidFile string
	ready   func() // told once, when the first generation serves

	serving *generation   // accepts connections; nil until the first is up
	rising  *generation   // its children are starting
	setting []*generation // told to finish

	events  chan event
	respawn chan *generation
	signals chan os.Signal
	outside <-chan struct{} // names of hosts or users have changed

	waiting   []*request     // of the console, answered when the rising generation serves or has failed
	again     syscall.Signal // a restart asked for while another is under way
	later     []*request     // of the console, which asked for it
	stopping  bool
	deafening []*child         // those that a restart still waits for, so that only the new generation answers
	patience  <-chan time.Time // until it waits no longer
	killAt    <-chan time.Time // when those that are still there are killed
	passed    []*listener      // by a service manager, until the first generation has taken its own
	manager   *notifier
	terminal  *os.File // standard error as it was at the start; nil when serving
	status    int
}

// How long a response may go on after TERM and after HUP. Apache cuts at once.
const (
	stopGrace = 500 * time.Millisecond
	hupGrace  = 5 * time.Second
)

// Serve is the life of the parent: it brings the generation up, keeps it
// going, and gives the exit status at the end. ready is called when it serves.
func (p *Program) Serve(l *Loaded, ready func()) int {
	m := p.newParent()
	m.ready, m.pidFile = ready, p.PidFilePath(l)
	fd, err := unix.FcntlInt(2, unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		say(os.Stderr, p.Name+": "+err.Error())
		return exitFailed
	}
	m.terminal = os.NewFile(uintptr(fd), "stderr")
	m.passed = activated()
	g, err := m.build(l, nil, func(err error) { say(m.terminal, err.Error()) })
	if err != nil {
		say(m.terminal, err.Error())
		say(m.terminal, "AH00015: Unable to open logs")
		return exitFailed
	}
	if m.spawner, err = newSpawner(); err == nil {
		m.board, err = newBoard(g.workers)
	}
	if err != nil {
		say(m.terminal, p.Name+": "+err.Error())
		return exitFailed
	}
	m.board.Restart(0)
	m.board.Configs.Store(1)
	if err := m.raise(g); err != nil {
		say(m.terminal, p.Name+": "+err.Error())
		m.cut(g)
		return exitFailed
	}
	if m.console, err = newConsole(); err != nil {
		corelog.Warn(nil).Err(err).Msg("-k will not tell whether a restart succeeded")
	}
	m.run()
	return m.status
}

// newParent is a parent without a generation. Signals are kept for it from now on.
func (p *Program) newParent() *parent {
	m := &parent{Program: p, manager: newNotifier(), outside: watchOutside(outsidePause, chroot.OutsideState),
		events: make(chan event, 16), respawn: make(chan *generation, 16), signals: make(chan os.Signal, 8)}
	signal.Ignore(syscall.SIGPIPE)
	signal.Notify(m.signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGWINCH)
	return m
}

// run follows events until no child is left after a stop.
func (m *parent) run() {
	go m.console.listen()
	for !m.done() {
		select {
		case q := <-m.console.requests():
			m.answer(q)
		case e := <-m.events:
			m.follow(e)
		case <-m.patience:
			m.deafening = nil
			m.settled()
		case g := <-m.respawn:
			if g == m.serving && !m.stopping {
				m.refill(g)
			}
		case <-m.outside:
			m.sendOutside()
		case <-m.manager.ticks():
			m.manager.beat(m)
		case s := <-m.signals:
			m.obey(s.(syscall.Signal))
		case <-m.killAt:
			for _, g := range m.all() {
				for _, c := range g.children {
					c.kill()
				}
			}
		}
	}
	m.console.close()
	removePid(m.pidFile)
}

func (m *parent) done() bool {
	return m.stopping && len(m.all()) == 0
}

// all gives every generation that has children or is to have some.
func (m *parent) all() []*generation {
	var all []*generation
	for _, g := range append([]*generation{m.serving, m.rising}, m.setting...) {
		if g != nil {
			all = append(all, g)
		}
	}
	return all
}

// follow takes in what a child did.
func (m *parent) follow(e event) {
	c, g := e.child, e.child.gen
	switch e.verb {
	case "ready":
		c.ready, g.failures, c.locks = true, 0, e.rest
		switch {
		case g == m.rising && g.complete():
			m.rise()
		case g == m.serving:
			m.relieve(g)
		}
	case "failed":
		c.failed = e.rest
	case "deaf":
		c.deaf = true
		m.hush()
	case "retire":
		c.leaving = true
		if g == m.serving && !m.stopping {
			m.refill(g)
		}
	case "":
		delete(g.children, c.pid)
		g.logs.salvage(c.lines)
		unix.Close(c.lines)
		m.board.leave(c, &e.usage)
		m.note(c, e.status)
		m.lost(c, g)
		c.deaf = true
		m.hush()
	}
}

// relieve lets the children go that asked for a successor, once it serves.
func (m *parent) relieve(g *generation) {
	if !g.complete() {
		return
	}
	for _, c := range g.children {
		if c.leaving && !c.drained {
			m.finish(c, 0)
		}
	}
}

// finish tells a child to end when its responses have.
func (m *parent) finish(c *child, grace time.Duration) {
	c.drain(grace)
	m.board.quiesce(c)
}

// note logs an end that nobody asked for.
func (m *parent) note(c *child, status unix.WaitStatus) {
	if !status.Signaled() {
		// A Go program turns most fatal signals and every panic into this
		// status, after it has printed the stacks into the error log.
		if code := status.ExitStatus(); code != 0 && c.ready {
			corelog.Error(nil).Msgf("child pid %d ended with exit status %d", c.pid, code)
		}
		return
	}
	switch sig := status.Signal(); sig {
	case syscall.SIGTERM, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGKILL:
	default:
		text := fmt.Sprintf("AH00052: child pid %d exit signal %s (%d)", c.pid, signalName(sig), int(sig))
		if status.CoreDump() {
			text = fmt.Sprintf("AH00051: child pid %d exit signal %s (%d), possible coredump in %s",
				c.pid, signalName(sig), int(sig), c.gen.loaded.mpm().CoreDumpDir.Else(c.gen.loaded.core().ServerRoot))
		}
		corelog.Notice(nil).Msg(text)
	}
}

func signalName(s syscall.Signal) string {
	switch s {
	case syscall.SIGSEGV:
		return "Segmentation fault"
	case syscall.SIGABRT:
		return "Abort"
	case syscall.SIGBUS:
		return "Bus error"
	case syscall.SIGILL:
		return "Illegal instruction"
	}
	return unix.SignalName(s)
}

// lost decides what the end of a child means for its generation.
func (m *parent) lost(c *child, g *generation) {
	switch {
	case g == m.rising && !m.stopping:
		m.fail(g, c)
	case g == m.serving && !m.stopping:
		if c.failed != "" {
			corelog.Error(nil).Msgf("a child could not start: %s", c.failed)
		}
		pause := g.backoff(c)
		switch {
		case pause == 0:
			m.refill(g)
		case g.failures > mostFailures && len(g.children) == 0:
			corelog.Emerg(nil).Msgf("no child is left and %d in a row could not start, giving up: %s", g.failures, orUnknown(c.failed))
			m.status = exitFailed
			m.stop()
		default:
			time.AfterFunc(pause, func() { m.respawn <- g })
		}
	case len(g.children) == 0:
		m.forget(g)
	}
}

// mostFailures is how many children in a row may fail to start, about half a
// minute, before a parent that serves nothing any more gives up.
const mostFailures = 10

func orUnknown(reason string) string {
	if reason == "" {
		return "they ended without a reason"
	}
	return reason
}

// refill starts the children that a serving generation lacks.
func (m *parent) refill(g *generation) {
	for g.staying() < g.want {
		c, err := m.spawner.start(g, m.board, m.events)
		if err != nil {
			corelog.Alert(nil).Err(err).Msg("AH00480: cannot start a child")
			time.AfterFunc(g.pause(), func() { m.respawn <- g })
			return
		}
		g.children[c.pid] = c
	}
}

// obey does what a signal asks for.
func (m *parent) obey(s syscall.Signal) {
	switch s {
	case syscall.SIGTERM, syscall.SIGINT:
		name := "SIGTERM"
		if s == syscall.SIGINT {
			name = "SIGINT"
		}
		m.log(server.LevelNotice, fmt.Sprintf("AH00491: caught %s, shutting down", name))
		m.stop()
	case syscall.SIGWINCH:
		if m.stopping {
			return
		}
		m.log(server.LevelNotice, "AH00492: caught SIGWINCH, shutting down gracefully")
		m.gracefulStop()
	case syscall.SIGHUP, syscall.SIGUSR1:
		switch {
		case m.stopping:
		case m.restarting():
			m.again = s
		default:
			m.restart(s)
		}
	}
}

func (m *parent) graceful() time.Duration {
	if m.serving == nil {
		return stopGrace
	}
	return m.serving.loaded.mpm().GracefulShutdown.Else(0)
}

// stop ends everything soon.
func (m *parent) stop() { m.end((*child).stop, stopGrace) }

// gracefulStop lets every response end, within GracefulShutdownTimeout.
func (m *parent) gracefulStop() { m.end((*child).drain, m.graceful()) }

// end tells every child to finish; a grace of zero is no limit.
func (m *parent) end(tell func(*child, time.Duration), grace time.Duration) {
	m.stopping = true
	m.manager.stopping()
	m.reply("the server is shutting down")
	for _, g := range m.all() {
		closeListeners(g.listeners, nil)
		g.listeners = nil
		for _, c := range g.children {
			tell(c, grace)
			m.board.quiesce(c)
		}
	}
	if grace > 0 {
		m.killAt = time.After(grace + 300*time.Millisecond)
	}
	for _, g := range m.all() {
		if len(g.children) == 0 {
			m.forget(g)
		}
	}
}

func (m *parent) log(level server.Level, text string) { elog.At(level, nil).Msg(text) }
