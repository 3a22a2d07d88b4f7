package mpm

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/donjon-httpd/donjon/chroot"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
)

// generation is one configuration as the parent keeps it: what its children
// are given, and the children.
type generation struct {
	loaded    *Loaded
	listeners []*listener
	logs      *parentLogs
	snapshot  int  // descriptor
	namespace bool // children get a user namespace, in which they may chroot
	want      int
	workers   int        // of each child
	sockets   []string   // outside of the jail, that children may be connected to
	connector *connector // connects to them; nil without any
	children  map[int]*child
	failures  int  // children in a row that ended before they served
	hard      bool // raised by HUP: the one before it is not waited for
}

func (g *generation) number() int { return g.loaded.Gen.Number }

// complete tells whether as many children serve as are wanted.
func (g *generation) complete() bool {
	ready := 0
	for _, c := range g.children {
		if c.ready && !c.leaving {
			ready++
		}
	}
	return ready >= g.want
}

// staying is how many children there are that have not asked for a successor.
func (g *generation) staying() int {
	n := 0
	for _, c := range g.children {
		if !c.leaving {
			n++
		}
	}
	return n
}

// backoff is how long to wait before a child that ended is replaced: not at
// all when it served for a while, longer and longer when one after the other
// cannot start.
func (g *generation) backoff(c *child) time.Duration {
	if c.ready && time.Since(c.began) > time.Second {
		return 0
	}
	return g.pause()
}

func (g *generation) pause() time.Duration {
	const least, most = 100 * time.Millisecond, 10 * time.Second
	p := min(least<<min(g.failures, 10), most)
	g.failures++
	return p
}

// build opens what a generation needs. On an error nothing stays open, and the
// generation that serves is untouched.
func (m *parent) build(l *Loaded, old *generation, warn func(error)) (*generation, error) {
	g := &generation{loaded: l, children: map[int]*child{}, logs: &parentLogs{stdout: m.stdout()}, snapshot: -1}
	if old != nil || m.Foreground {
		g.logs.stderr = os.Stderr
	}
	keep := m.passed
	if old != nil {
		keep = old.listeners
	}
	var err error
	if g.listeners, err = openListeners(l.core().Listen, l.core(), l.mpm(), keep, warn); err != nil {
		return nil, err
	}
	l.Gen.Logs = g.logs
	steps := []func() error{
		func() error { return openErrorLogs(l.Gen, m.Program) },
		func() error {
			if old != nil {
				return nil
			}
			g.logs.stderr = os.Stderr // the error log
			return adoptErrorLog(l.Gen, m.Program)
		},
		func() error { return l.Gen.RunServer(server.OpenLogs) },
		func() error { return l.Gen.RunServer(server.PostConfig) },
		func() error { return g.seal(m.Program) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			g.close(keep)
			return nil, err
		}
	}
	return g, nil
}

// stdout is where programs that take logs may write: in the foreground where
// the server itself does.
func (m *parent) stdout() *os.File {
	if m.Foreground {
		return os.Stdout
	}
	return nil
}

// seal makes the snapshot: who the children become is decided here, outside.
func (g *generation) seal(p *Program) error {
	l, jail := g.loaded, g.loaded.jail()
	s := &snapshot{Secrets: l.Gen.Secrets, NoRoots: p.NoRoots, Config: p.Config, Root: p.Root, Defines: p.Defines, Before: p.Before, After: p.After,
		ErrorLog: p.ErrorLog, Number: l.Gen.Number, Logs: g.logs.specs,
		Jail: jail.Dir, Mounts: chroot.MountNamespace(), KeepUser: os.Geteuid() != 0, Dumpable: l.mpm().CoreDumpDir.IsSet()}
	var err error
	if s.Text, err = l.recorder.MarshalBinary(); err != nil {
		return err
	}
	for _, x := range g.listeners {
		s.Sockets = append(s.Sockets, socketInfo{x.addr.String(), g.protocol(x)})
	}
	if s.KeepUser {
		g.namespace = jail.Dir != ""
	} else if s.ID, err = chroot.Lookup(orUnset(jail.User), orUnset(jail.Group)); err != nil {
		return err
	}
	g.want, s.Procs = processes(l.mpm(), p.Debug)
	g.workers = workers(l.mpm(), g.want)
	s.Workers = g.workers
	if g.sockets = g.namedSockets(); len(g.sockets) > 0 {
		if g.connector, err = newConnector(s.ID, s.KeepUser); err != nil {
			return fmt.Errorf("connect as %s: %w", jail.User, err)
		}
		s.Named = g.sockets
	}
	g.snapshot, err = seal("httpd-generation", s)
	return err
}

// orUnset is Apache's default of User and Group, which no process can become.
func orUnset(name string) string {
	if name == "" {
		return "#-1"
	}
	return name
}

func (g *generation) protocol(x *listener) string {
	for _, w := range g.loaded.core().Listen {
		if w.Port == int(x.addr.Port()) && (w.Addr == x.addr.Addr() || !w.Addr.IsValid()) {
			return w.Protocol
		}
	}
	return "http"
}

// close lets go of all but the sockets in keep.
func (g *generation) close(keep []*listener) {
	closeListeners(g.listeners, keep)
	g.logs.close()
	g.connector.close()
	g.connector = nil
	if g.snapshot >= 0 {
		unix.Close(g.snapshot)
		g.snapshot = -1
	}
}

// raise starts the children of a generation; rise is called when all serve.
func (m *parent) raise(g *generation) error {
	m.rising = g
	for len(g.children) < g.want {
		c, err := m.spawner.start(g, m.board, m.events)
		if err != nil {
			m.rising = nil
			return err
		}
		g.children[c.pid] = c
	}
	return nil
}

// rise puts the generation whose children are all ready in the place of the
// one before, which is told to finish.
func (m *parent) rise() {
	old := m.serving
	m.serving, m.rising = m.rising, nil
	switch {
	case m.stopping:
		return
	case old == nil:
		if err := writePid(m.pidFile); err != nil {
			corelog.Error(nil).Msg(err.Error())
			say(m.terminal, err.Error())
			m.status = exitFailed
			m.stop()
			return
		}
	default:
		closeListeners(old.listeners, m.serving.listeners)
		old.listeners = nil
		grace := m.graceful()
		if m.serving.hard {
			grace = hupGrace
			m.board.Restart(m.serving.number())
		}
		m.setting = append(m.setting, old)
		for _, c := range old.children {
			m.finish(c, grace)
		}
		if len(old.children) == 0 {
			m.forget(old)
		}
	}
	m.board.Generation.Store(int32(m.serving.number()))
	m.log(server.LevelNotice, "AH00489: "+server.Software+" configured -- resuming normal operations")
	corelog.Notice(nil).Msgf("AH00094: Command line: '%s'", m.Line)
	if old == nil {
		m.ready()
		m.unclaimed(m.serving.listeners)
		m.terminal.Close() // what reads from it waits for its end
		m.terminal = nil
	}
	m.manager.ready()
	debug.FreeOSMemory() // of the configuration that was replaced
	if old != nil {
		for _, c := range old.children {
			if !c.deaf {
				m.deafening = append(m.deafening, c)
			}
		}
	}
	if len(m.deafening) > 0 {
		m.patience = time.After(deafLimit)
		return
	}
	m.settled()
}

// deafLimit is how long a restart waits for children that should stop accepting.
const deafLimit = 2 * time.Second

// hush goes on with a restart when all old children have stopped accepting.
func (m *parent) hush() {
	if len(m.deafening) == 0 {
		return
	}
	m.deafening = slices.DeleteFunc(m.deafening, func(c *child) bool { return c.deaf })
	if len(m.deafening) == 0 {
		m.settled()
	}
}

// settled ends a restart: who asked for it is told, and the next one begins.
func (m *parent) settled() {
	m.patience = nil
	m.reply("")
	m.next()
}

// restarting tells whether a restart is under way.
func (m *parent) restarting() bool { return m.rising != nil || len(m.deafening) > 0 }

// next begins the restart that was asked for meanwhile.
func (m *parent) next() {
	if s := m.again; s != 0 && !m.stopping {
		m.again = 0
		m.waiting, m.later = m.later, nil
		m.restart(s)
	}
}

// restart reads the configuration anew. One that does not compile, or whose
// children cannot start, leaves the old one serving.
func (m *parent) restart(s syscall.Signal) {
	if s == syscall.SIGHUP {
		m.log(server.LevelNotice, "AH00494: SIGHUP received.  Attempting to restart")
	} else {
		m.log(server.LevelNotice, "AH00493: SIGUSR1 received.  Doing graceful restart")
	}
	m.manager.reloading()
	if m.spawner.replaced() {
		m.keep(m.upgrade(s == syscall.SIGHUP).Error())
		return
	}
	l, diags := m.Load(m.serving.number() + 1)
	m.board.Configs.Add(1)
	for _, d := range diags {
		if d.Severity == httpdconf.Note {
			continue // -t tells it
		}
		logOf(d).At(levelOf(d), nil).Msg(Sentence(d, m.Name))
		m.tellAll(Sentence(d, m.Name))
	}
	var err error
	if l.Gen == nil {
		err = errors.New("the configuration has an error")
	} else if err = l.Gen.RunServer(server.CheckConfig); err == nil {
		var g *generation
		g, err = m.build(l, m.serving, func(err error) {
			corelog.Crit(nil).Msg(err.Error())
			m.tellAll(err.Error())
		})
		if err == nil {
			g.hard = s == syscall.SIGHUP
			if err = adoptErrorLog(l.Gen, m.Program); err == nil {
				err = m.raise(g)
			}
			if err != nil {
				m.cut(g)
			}
		}
	}
	if err != nil {
		m.keep(err.Error())
	}
}

// keep says that a restart came to nothing.
func (m *parent) keep(reason string) {
	text := fmt.Sprintf("restart failed, generation %d goes on serving: %s", m.serving.number(), reason)
	corelog.Error(nil).Msg(text)
	m.manager.failed(text)
	m.reply(text)
	m.next()
}

// fail gives up a generation that could not start.
func (m *parent) fail(g *generation, c *child) {
	reason := c.failed
	if reason == "" {
		reason = "a child ended before it served"
	}
	m.rising = nil
	m.cut(g)
	if m.serving != nil {
		m.keep(reason)
		return
	}
	corelog.Alert(nil).Msg("no child could start, shutting down: " + reason)
	if m.terminal != nil {
		say(m.terminal, m.Name+": "+reason)
	}
	m.status = exitFailed
	m.stopping = true
}

// cut kills the children of a generation that never served, and gives its place
// in the logs back.
func (m *parent) cut(g *generation) {
	for _, c := range g.children {
		c.kill()
	}
	if m.serving != nil {
		adoptErrorLog(m.serving.loaded.Gen, m.Program) //nolint:errcheck // it was open before
		closeListeners(g.listeners, m.serving.listeners)
	} else {
		closeListeners(g.listeners, nil)
	}
	g.listeners = nil
	if len(g.children) > 0 {
		m.setting = append(m.setting, g)
	} else {
		m.forget(g)
	}
}

// forget closes what belonged to a generation whose last child has ended.
func (m *parent) forget(g *generation) {
	closeListeners(g.listeners, nil)
	g.listeners = nil
	g.close(nil)
	m.setting = slices.DeleteFunc(m.setting, func(x *generation) bool { return x == g })
	if m.serving == g {
		m.serving = nil
	}
	if m.rising == g {
		m.rising = nil
	}
}
