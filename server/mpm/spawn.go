package mpm

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/donjon-httpd/donjon/chroot"
)

// child is a serving process as the parent knows it.
type child struct {
	pid     int
	gen     *generation
	slot    int // on the scoreboard; -1 when it was full
	control *os.File
	lines   int           // memory file of its log lines
	broker  *net.UnixConn // asks for sockets; nil without any
	began   time.Time
	ready   bool
	leaving bool   // asked for a successor
	drained bool   // told to finish
	deaf    bool   // takes no connection any more
	failed  string // what it said before it ended
	locks   string // what holds in its jail, as it said itself
}

// event is something that a child did.
type event struct {
	child  *child
	verb   string // what it said, "" when it ended
	rest   string
	status unix.WaitStatus
	usage  unix.Rusage
}

// spawner starts children from a thread that has given up what they must not
// inherit.
type spawner struct {
	threads map[chroot.Allowances]*chroot.Spawner // those that were needed so far
	self    string
	argv    []string
}

func newSpawner() (*spawner, error) {
	s := &spawner{threads: map[chroot.Allowances]*chroot.Spawner{}, self: executable(), argv: os.Args}
	_, err := s.thread(chroot.Allowances{})
	return s, err
}

// thread gives the thread that leaves to children what a configuration allows them.
func (s *spawner) thread(a chroot.Allowances) (*chroot.Spawner, error) {
	if t := s.threads[a]; t != nil {
		return t, nil
	}
	t, err := chroot.NewSpawner(a)
	if err == nil {
		s.threads[a] = t
	}
	return t, err
}

// image is what a child executes: the program of this parent, whatever lies
// under its name meanwhile. A new program comes by an upgrade of the parent.
func (s *spawner) image() string {
	const running = "/proc/self/exe"
	var disk, own unix.Stat_t
	if unix.Stat(s.self, &disk) == nil && (unix.Stat(running, &own) != nil || disk.Dev == own.Dev && disk.Ino == own.Ino) {
		return s.self
	}
	return running
}

// executable is the program on disk; the running image when its file is gone.
func executable() string {
	if path, err := os.Executable(); err == nil {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return "/proc/self/exe"
}

// start executes the program again as a child of a generation and reports what
// becomes of it to events.
func (s *spawner) start(g *generation, board *board, events chan<- event) (*child, error) {
	parentEnd, childEnd, err := newControl()
	if err != nil {
		return nil, err
	}
	defer unix.Close(childEnd)
	jail := g.loaded.jail()
	attr, err := g.attributes()
	if err != nil {
		parentEnd.Close()
		return nil, err
	}
	thread, err := s.thread(chroot.Allowances{Mounts: attr.Cloneflags&syscall.CLONE_NEWNS != 0, NewPrivs: jail.NewPrivs, Bounding: jail.Bounding})
	if err != nil {
		parentEnd.Close()
		return nil, err
	}
	null, err := unix.Open(os.DevNull, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		parentEnd.Close()
		return nil, fmt.Errorf("open %s: %w", os.DevNull, err)
	}
	defer unix.Close(null)
	lines, err := newLineBuffers(len(g.logs.specs))
	if err != nil {
		parentEnd.Close()
		return nil, err
	}
	files := []uintptr{uintptr(null), uintptr(null), 2, uintptr(childEnd), uintptr(g.snapshot), uintptr(board.fd), uintptr(lines)}
	for _, l := range g.listeners {
		files = append(files, uintptr(l.fd))
	}
	files = append(files, g.logs.fds()...)
	c := &child{gen: g, control: parentEnd, lines: lines, began: time.Now()}
	if g.connector != nil {
		var theirs int
		if c.broker, theirs, err = newBroker(); err != nil {
			parentEnd.Close()
			unix.Close(lines)
			return nil, err
		}
		defer unix.Close(theirs)
		files = append(files, uintptr(theirs))
	}
	err = thread.Do(func() error {
		restoreSignals(&unix.Sigset_t{})
		var err error
		if !jail.KeepDescriptors {
			if err = chroot.CloseOnExec(); err != nil {
				return fmt.Errorf("ChrootCloseDescriptors: %w", err)
			}
		}
		process := &syscall.ProcAttr{Env: append(environment(os.Environ()), roleVariable+"="+RoleChild), Files: files, Sys: attr}
		c.pid, err = syscall.ForkExec(s.image(), s.argv, process)
		if err != nil && attr.Cloneflags == syscall.CLONE_NEWNS && jail.PrivateMounts.Else(chroot.Auto) == chroot.Auto {
			attr.Cloneflags = 0 // the child then says what it lacks
			c.pid, err = syscall.ForkExec(s.image(), s.argv, process)
		}
		return err
	})
	if err != nil {
		parentEnd.Close()
		unix.Close(lines)
		if c.broker != nil {
			c.broker.Close()
		}
		return nil, fmt.Errorf("start %s: %w", s.self, err)
	}
	if c.broker != nil {
		go g.connector.broker(c.broker, g.sockets)
	}
	board.seat(c)
	send(c.control, "slot", strconv.Itoa(c.slot)) //nolint:errcheck // it ended at once then, which is noticed
	go c.watch(events)
	return c, nil
}

// attributes are how a child of the generation is started: in a user namespace where
// the server is not root, and with mounts of its own where the jail can have them.
func (g *generation) attributes() (*syscall.SysProcAttr, error) {
	jail := g.loaded.jail()
	wish := jail.PrivateMounts.Else(chroot.Auto)
	attr := &syscall.SysProcAttr{}
	if jail.Dir == "" || wish == chroot.Off {
		if g.namespace {
			return attr, chroot.Unprivileged(attr)
		}
		return attr, nil
	}
	chroot.PrivateMounts(attr)
	if !g.namespace {
		return attr, nil
	}
	err := chroot.Unprivileged(attr)
	switch {
	case err == nil:
		return attr, nil
	case wish == chroot.On:
		return nil, fmt.Errorf("ChrootPrivateMounts On: %w", err)
	}
	attr = &syscall.SysProcAttr{}
	return attr, chroot.Unprivileged(attr)
}

// watch tells what the child says until it ends.
func (c *child) watch(events chan<- event) {
	for {
		verb, rest, err := receive(c.control)
		if err != nil {
			break
		}
		events <- event{child: c, verb: verb, rest: rest}
	}
	e := event{child: c}
	for {
		if _, err := unix.Wait4(c.pid, &e.status, 0, &e.usage); err != unix.EINTR {
			break
		}
	}
	c.control.Close()
	events <- e
}

// drain asks the child to finish what runs; one that cannot be asked any more
// is ending. A grace of zero is no limit.
func (c *child) drain(grace time.Duration) { c.tell("drain", grace) }

// stop asks for the same in a hurry.
func (c *child) stop(grace time.Duration) { c.tell("stop", grace) }

func (c *child) tell(verb string, grace time.Duration) {
	c.drained = true
	send(c.control, verb, strconv.FormatInt(grace.Milliseconds(), 10)) //nolint:errcheck // it is gone then
}

func (c *child) kill() { syscall.Kill(c.pid, syscall.SIGKILL) } //nolint:errcheck // it is gone then
