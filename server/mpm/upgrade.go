package mpm

import (
	"bytes"
	"encoding/gob"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/scoreboard"
)

// An upgrade in place: when a restart finds another program under its own name,
// the parent executes that one in its own place. The process id stays, and with
// it the PidFile, the service manager's idea of the main process and the
// children; open sockets, logs and control channels stay open. The new program
// is told what they are, takes the old generation over, and restarts.

// legacy is what a parent leaves to the program that replaces it, in a sealed
// memory file.
type legacy struct {
	PID     int    // of the parent: proof that the file is meant for this process
	Version string // of the program that wrote it

	Config, Root           string
	Defines, Before, After []string
	NoRoots                bool
	PidFile, ErrorLog      string
	Line                   string
	Foreground, Debug      bool

	PIDPath     string
	Board       int // descriptors from here on
	Console     int // -1: none
	Waiting     []int
	Hard        bool               // HUP, not USR1
	Generations []legacyGeneration // the first one serves
}

type legacyGeneration struct {
	Snapshot        int
	Want, Workers   int
	Namespace, Hard bool
	Listeners       []legacyListener
	Logs            []legacyLog
	Children        []legacyChild
}

type legacyListener struct {
	Addr string
	FD   int
}

type legacyLog struct {
	Spec string
	FD   int
	Read int // a program's other end of the pipe
	PID  int // of the program
}

type legacyChild struct {
	PID, Control, Lines, Slot int
	Broker                    int // -1: none
	Began                     time.Time
	Leaving, Drained          bool
	Locks                     string
}

// stateVariable names the descriptor of the legacy. Only the process that wrote
// it can use it.
const stateVariable = "DONJON_STATE"

// replaced tells whether another program lies under the name of this one.
func (s *spawner) replaced() bool {
	return !strings.HasPrefix(s.self, "/proc/") && s.image() != s.self && exists(s.self)
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// upgrade executes the new program. It returns only when that is not possible,
// with the reason; nothing has changed then.
func (m *parent) upgrade(hard bool) error {
	if err := m.tryNew(); err != nil {
		return err
	}
	state, keep, err := m.bequeath(hard)
	defer func() {
		for _, g := range append([]*generation{m.serving}, m.setting...) {
			g.logs.release()
		}
	}()
	if err != nil {
		return err
	}
	for _, fd := range keep {
		unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0) //nolint:errcheck // it is open
	}
	corelog.Notice(nil).Msgf("the program %s was replaced: it takes over from %s", m.spawner.self, server.DonjonVersion)
	// Signals wait until the new program is ready for them.
	runtime.LockOSThread()
	mask := blockSignals()
	env := append(os.Environ(), stateVariable+"="+strconv.Itoa(state))
	err = unix.Exec(m.spawner.self, os.Args, env)
	restoreSignals(mask)
	runtime.UnlockOSThread()
	for _, fd := range keep {
		unix.CloseOnExec(fd)
	}
	unix.Close(state)
	return fmt.Errorf("execute %s: %w", m.spawner.self, err)
}

// tryNew asks the new program whether it accepts the configuration.
func (m *parent) tryNew() error {
	args := []string{"-t", "-d", m.Root, "-f", m.Config}
	if m.NoRoots {
		args = append(args, "-T")
	}
	for _, list := range []struct {
		option string
		values []string
	}{{"-D", m.Defines}, {"-C", m.Before}, {"-c", m.After}} {
		for _, v := range list.values {
			args = append(args, list.option, v)
		}
	}
	cmd := exec.Command(m.spawner.self, args...)
	cmd.Env = environment(os.Environ())
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("the new program does not start: %w", err)
	}
	limit := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() }) //nolint:errcheck // it has ended then
	defer limit.Stop()
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("the new program does not accept the configuration (%w): %s", err, strings.TrimSpace(out.String()))
	}
	return nil
}

// bequeath writes the legacy and gives its descriptor, and all those that must
// stay open.
func (m *parent) bequeath(hard bool) (state int, keep []int, err error) {
	s := legacy{PID: os.Getpid(), Version: server.DonjonVersion, Config: m.Config, Root: m.Root, Defines: m.Defines,
		Before: m.Before, After: m.After, NoRoots: m.NoRoots, PidFile: m.Program.PidFile, ErrorLog: m.ErrorLog, Line: m.Line,
		Foreground: m.Foreground, Debug: m.Debug, PIDPath: m.pidFile, Board: m.board.fd, Console: -1, Hard: hard}
	keep = append(keep, s.Board)
	if m.console != nil {
		s.Console = rawFD(m.console.listener)
		keep = append(keep, s.Console)
	}
	for _, q := range m.waiting {
		s.Waiting = append(s.Waiting, rawFD(q.conn))
		keep = append(keep, rawFD(q.conn))
	}
	for _, g := range append([]*generation{m.serving}, m.setting...) {
		lg := legacyGeneration{Snapshot: g.snapshot, Want: g.want, Workers: g.workers, Namespace: g.namespace, Hard: g.hard}
		keep = append(keep, g.snapshot)
		for _, l := range g.listeners {
			lg.Listeners = append(lg.Listeners, legacyListener{l.addr.String(), l.fd})
			keep = append(keep, l.fd)
		}
		logs, fds := g.logs.bequeath()
		lg.Logs, keep = logs, append(keep, fds...)
		for _, c := range g.children {
			fd := rawFD(c.control)
			broker := -1
			if c.broker != nil {
				broker = rawFD(c.broker)
				keep = append(keep, broker)
			}
			lg.Children = append(lg.Children, legacyChild{c.pid, fd, c.lines, c.slot, broker, c.began, c.leaving, c.drained, c.locks})
			keep = append(keep, fd, c.lines)
		}
		s.Generations = append(s.Generations, lg)
	}
	state, err = seal("httpd-upgrade", &s)
	if err == nil {
		keep = append(keep, state)
	}
	return state, keep, err
}

// Inheritance is the descriptor that an upgraded parent finds its legacy under;
// ok is false in any other process. It is asked once.
func Inheritance() (fd int, ok bool) {
	text, given := os.LookupEnv(stateVariable)
	if !given {
		return -1, false
	}
	os.Unsetenv(stateVariable) //nolint:errcheck // cannot fail for a name without '='
	fd, err := strconv.Atoi(text)
	return fd, err == nil
}

// Resume goes on as the parent that was replaced by this program. It gives the
// exit status at the end.
func (p *Program) Resume(state int) int {
	m := p.newParent()
	var s legacy
	if err := unseal(state, &s); err != nil {
		say(os.Stderr, p.Name+": "+err.Error())
		return exitFailed
	}
	unix.Close(state)
	if s.PID != os.Getpid() {
		say(os.Stderr, p.Name+": "+stateVariable+" is set, but it was left by another process")
		return exitFailed
	}
	p.Config, p.Root, p.Defines, p.Before, p.After, p.NoRoots = s.Config, s.Root, s.Defines, s.Before, s.After, s.NoRoots
	p.PidFile, p.ErrorLog, p.Line, p.Foreground, p.Debug = s.PidFile, s.ErrorLog, s.Line, s.Foreground, s.Debug
	m.ready, m.pidFile = func() {}, s.PIDPath
	if err := m.inherit(&s); err != nil {
		// The children end with this process; a service manager starts it anew.
		elog.Emerg(nil).Err(err).Msgf("cannot take over from %s", s.Version)
		return exitFailed
	}
	sig := syscall.SIGUSR1
	if s.Hard {
		sig = syscall.SIGHUP
	}
	m.restart(sig)
	m.run()
	return m.status
}

// inherit takes over what the replaced program had.
func (m *parent) inherit(s *legacy) error {
	var err error
	if m.spawner, err = newSpawner(); err != nil {
		return err
	}
	b, err := scoreboard.Open(s.Board)
	if err != nil {
		return err
	}
	unix.CloseOnExec(s.Board)
	m.board = &board{Board: b, fd: s.Board, slots: make([]*child, b.Children())}
	for i, lg := range s.Generations {
		g, err := m.adopt(&lg)
		if err != nil {
			return err
		}
		if i == 0 {
			m.serving = g
			if err := adoptErrorLog(g.loaded.Gen, m.Program); err != nil {
				return err
			}
		} else {
			m.setting = append(m.setting, g)
		}
	}
	if s.Console >= 0 {
		f := file(s.Console, "console")
		l, err := net.FileListener(f)
		if err != nil {
			return err
		}
		f.Close()
		m.console = consoleOn(l.(*net.UnixListener))
	}
	for _, fd := range s.Waiting {
		f := file(fd, "console")
		if conn, err := net.FileConn(f); err == nil {
			m.waiting = append(m.waiting, &request{conn: conn.(*net.UnixConn)})
		}
		f.Close()
	}
	return nil
}

// adopt makes a generation of what is left of one.
func (m *parent) adopt(lg *legacyGeneration) (*generation, error) {
	var s snapshot
	if err := unseal(lg.Snapshot, &s); err != nil {
		return nil, err
	}
	unix.CloseOnExec(lg.Snapshot)
	var text httpdconf.Replay
	if err := text.UnmarshalBinary(s.Text); err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	l := &Loaded{Loader: m.loader(&text)}
	if l.Gen, _ = l.Loader.Load(s.Config); l.Gen == nil {
		return nil, errors.New("this program does not accept the configuration of the one before it")
	}
	l.Gen.Number = s.Number
	g := &generation{loaded: l, snapshot: lg.Snapshot, namespace: lg.Namespace, hard: lg.Hard, want: lg.Want, workers: lg.Workers,
		children: map[int]*child{}, logs: inheritLogs(lg.Logs, m.stdout())}
	if g.sockets = s.Named; len(g.sockets) > 0 {
		var err error
		if g.connector, err = newConnector(s.ID, s.KeepUser); err != nil {
			return nil, err
		}
	}
	for _, x := range lg.Listeners {
		addr, err := netip.ParseAddrPort(x.Addr)
		if err != nil {
			return nil, err
		}
		unix.CloseOnExec(x.FD)
		g.listeners = append(g.listeners, &listener{addr: addr, fd: x.FD})
	}
	for _, x := range lg.Children {
		unix.CloseOnExec(x.Control)
		unix.CloseOnExec(x.Lines)
		c := &child{pid: x.PID, gen: g, slot: x.Slot, control: os.NewFile(uintptr(x.Control), "control"), lines: x.Lines, began: x.Began,
			ready: true, leaving: x.Leaving, drained: x.Drained, locks: x.Locks}
		if x.Broker > 0 && g.connector != nil {
			if conn, err := brokerConn(x.Broker); err == nil {
				c.broker = conn
				go g.connector.broker(conn, g.sockets)
			}
		}
		g.children[c.pid] = c
		if c.slot >= 0 && c.slot < len(m.board.slots) {
			m.board.slots[c.slot] = c
		}
		go c.watch(m.events)
	}
	l.Gen.Logs = g.logs
	return g, openErrorLogs(l.Gen, m.Program)
}

// rawFD is a descriptor's number. It must not be Fd's, which would make the
// file blocking.
func rawFD(f syscall.Conn) int {
	n := -1
	if raw, err := f.SyscallConn(); err == nil {
		raw.Control(func(fd uintptr) { n = int(fd) }) //nolint:errcheck // it stays -1
	}
	return n
}

// file takes a descriptor that net will duplicate; it is closed with the File.
func file(fd int, name string) *os.File {
	unix.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), name)
}

// seal writes a value into a memory file that cannot be changed any more.
func seal(name string, value any) (fd int, err error) {
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(value); err != nil {
		return -1, fmt.Errorf("%s: %w", name, err)
	}
	fd, err = unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return -1, fmt.Errorf("%s: %w", name, err)
	}
	for text := b.Bytes(); err == nil && len(text) > 0; {
		var n int
		n, err = unix.Write(fd, text)
		text = text[max(n, 0):]
	}
	if err == nil {
		_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS,
			unix.F_SEAL_WRITE|unix.F_SEAL_GROW|unix.F_SEAL_SHRINK|unix.F_SEAL_SEAL)
	}
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("%s: %w", name, err)
	}
	return fd, nil
}

// unseal reads what seal wrote. The descriptor stays open and its position
// where it was, for others share it.
func unseal(fd int, value any) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("inherited memory file: %w", err)
	}
	b := make([]byte, st.Size)
	for n := 0; n < len(b); {
		k, err := unix.Pread(fd, b[n:], int64(n))
		if err != nil || k == 0 {
			return fmt.Errorf("inherited memory file: %w", err)
		}
		n += k
	}
	if err := gob.NewDecoder(bytes.NewReader(b)).Decode(value); err != nil {
		return fmt.Errorf("inherited memory file: %w", err)
	}
	return nil
}
