package mpm

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Detach starts the program again in a session of its own and waits until that
// one serves, or has failed: the status is 0 only when there is a server. What
// the other says until then appears on this terminal.
func (p *Program) Detach() int {
	fail := func(err error) int {
		say(os.Stderr, p.Name+": "+err.Error())
		return exitFailed
	}
	mine, theirs, err := newControl()
	if err != nil {
		return fail(err)
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return fail(err)
	}
	pid, err := syscall.ForkExec(executable(), os.Args, &syscall.ProcAttr{
		Env:   append(os.Environ(), roleVariable+"="+RoleDaemon),
		Files: []uintptr{null.Fd(), 1, 2, uintptr(theirs)},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	unix.Close(theirs)
	if err != nil {
		return fail(fmt.Errorf("start %s: %w", executable(), err))
	}
	if verb, _, err := receive(mine); err == nil && verb == "ready" {
		return exitOK
	}
	var status unix.WaitStatus
	for {
		if _, err := unix.Wait4(pid, &status, 0, nil); err != unix.EINTR {
			break
		}
	}
	if status.Exited() {
		return status.ExitStatus()
	}
	return exitFailed
}

// Detached is what the daemon calls when it serves: it lets go of the terminal
// and of the directory it was started in.
func Detached() {
	if f, err := inheritedControl(); err == nil {
		send(f, "ready") //nolint:errcheck // nobody waits then
		f.Close()
	}
	if null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0); err == nil {
		unix.Dup3(int(null.Fd()), 1, 0) //nolint:errcheck // then it stays on the terminal
		null.Close()
	}
	os.Chdir("/") //nolint:errcheck // as well
}
