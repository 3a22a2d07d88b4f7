package mpm

import (
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/donjon-httpd/donjon/chroot"
)

// child is a serving process as the parent knows it.
type child struct {
	pid     int
	gen     *generation
	control *os.File
	began   time.Time
	ready   bool
	failed  string // what it said before it ended
}

// event is something that a child did.
type event struct {
	child  *child
	ready  bool
	failed string
	ended  bool
	status unix.WaitStatus
}

// spawner starts children from a thread that has given up what they must not
// inherit.
type spawner struct {
	thread *chroot.Spawner
	self   string
	argv   []string
}

func newSpawner() (*spawner, error) {
	thread, err := chroot.NewSpawner()
	if err != nil {
		return nil, err
	}
	return &spawner{thread: thread, self: executable(), argv: os.Args}, nil
}

// executable is the program on disk, so that a restart after an upgrade starts
// the new one; the running image when its file is gone.
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
func (s *spawner) start(g *generation, events chan<- event) (*child, error) {
	parentEnd, childEnd, err := newControl()
	if err != nil {
		return nil, err
	}
	defer unix.Close(childEnd)
	attr := &syscall.SysProcAttr{}
	if g.namespace {
		if err := chroot.Unprivileged(attr); err != nil {
			parentEnd.Close()
			return nil, err
		}
	}
	null, err := unix.Open(os.DevNull, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		parentEnd.Close()
		return nil, fmt.Errorf("open %s: %w", os.DevNull, err)
	}
	defer unix.Close(null)
	files := []uintptr{uintptr(null), uintptr(null), 2, uintptr(childEnd), uintptr(g.snapshot)}
	for _, l := range g.listeners {
		files = append(files, uintptr(l.fd))
	}
	files = append(files, g.logs.fds()...)
	c := &child{gen: g, control: parentEnd, began: time.Now()}
	err = s.thread.Do(func() error {
		var err error
		c.pid, err = syscall.ForkExec(s.self, s.argv, &syscall.ProcAttr{
			Env:   append(os.Environ(), roleVariable+"="+RoleChild),
			Files: files,
			Sys:   attr,
		})
		return err
	})
	if err != nil {
		parentEnd.Close()
		return nil, fmt.Errorf("start %s: %w", s.self, err)
	}
	go c.watch(events)
	return c, nil
}

// watch tells what the child says until it ends.
func (c *child) watch(events chan<- event) {
	for {
		verb, rest, err := receive(c.control)
		if err != nil {
			break
		}
		events <- event{child: c, ready: verb == "ready", failed: rest}
	}
	var status unix.WaitStatus
	for {
		if _, err := unix.Wait4(c.pid, &status, 0, nil); err != unix.EINTR {
			break
		}
	}
	c.control.Close()
	events <- event{child: c, ended: true, status: status}
}

// drain asks the child to finish; one that cannot be asked any more is ending.
func (c *child) drain(grace time.Duration) {
	send(c.control, drainMessage(grace)) //nolint:errcheck // it is gone then
}

func (c *child) kill() { syscall.Kill(c.pid, syscall.SIGKILL) } //nolint:errcheck // it is gone then
