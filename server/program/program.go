// Package program starts programs that take part in answering requests: CGI
// scripts, commands of SSI, external filters. They run where the serving process
// is, so inside its jail, where there may be no /dev/null and no /proc: nothing
// here needs a file but the program itself.
//
// A program is the leader of a process group of its own, and the group ends with
// it or with the request, whichever comes first to an end.
package program

import (
	"errors"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/donjon-httpd/donjon/server"
)

// grace is how long a program has between SIGTERM and SIGKILL (as Apache's
// pools give it: APR_KILL_AFTER_TIMEOUT).
const grace = 3 * time.Second

// Command is what to start, and how.
type Command struct {
	Path string   // a file in the jail
	Args []string // with the program's own name first
	Env  []string // as [server.Request.ProgramEnv] makes it
	Dir  string   // working directory; "" is the server's

	Limits Limits
	// NoInput gives the program nothing to read instead of a pipe.
	NoInput bool
	// Stderr gets what the program says on its standard error, a line each; nil
	// leaves it with the server's own standard error, which is the error log.
	Stderr func(line string)
}

// Limits are resource limits (setrlimit); those not given are the server's own.
type Limits struct{ CPU, MEM, NPROC *server.RLimit }

// LimitsOf are what RLimitCPU, RLimitMEM and RLimitNPROC say about a request's programs.
func LimitsOf(r *server.Request) Limits {
	c := server.CoreDir.Of(r.Dir)
	var l Limits
	if v, ok := c.RLimitCPU.Get(); ok {
		l.CPU = &v
	}
	if v, ok := c.RLimitMEM.Get(); ok {
		l.MEM = &v
	}
	if v, ok := c.RLimitNPROC.Get(); ok {
		l.NPROC = &v
	}
	return l
}

// StartFor starts a program for a request, with its environment and limits. What
// is left of it ends when the request has been answered and logged.
func StartFor(r *server.Request, c Command) (*Process, error) {
	c.Env, c.Limits = r.ProgramEnv(), LimitsOf(r)
	p, err := Start(&c)
	if err == nil {
		r.AtEnd(p.End)
	}
	return p, err
}

func (l Limits) any() bool { return l.CPU != nil || l.MEM != nil || l.NPROC != nil }

// Process is a running program.
type Process struct {
	PID int
	// Stdin is what the program reads, nil with NoInput; closing it ends its
	// input. Writes have deadlines, and fail with EPIPE when nobody reads.
	Stdin *os.File
	// Stdout is what the program writes; reads have deadlines. The caller closes it.
	Stdout *os.File

	ended  chan struct{} // closed when the leader has ended
	stderr chan struct{} // closed when all of standard error was taken; nil when it is not ours
	errOut *os.File
	status syscall.WaitStatus
	told   chan struct{} // closed by End
	once   sync.Once     // of closing told
}

// Start starts a program. Errors are those of fork and exec: an errno inside.
func Start(c *Command) (*Process, error) {
	p := &Process{ended: make(chan struct{}), told: make(chan struct{})}
	theirs, err := p.pipes(c)
	if err == nil {
		attr := &syscall.ProcAttr{Dir: c.Dir, Env: c.Env, Sys: &syscall.SysProcAttr{Setpgid: true}}
		attr.Files = []uintptr{uintptr(theirs[0]), uintptr(theirs[1]), uintptr(theirs[2])}
		p.PID, err = fork(c, attr)
	}
	for _, fd := range theirs {
		if fd > 2 {
			unix.Close(fd)
		}
	}
	if err != nil {
		for _, f := range []*os.File{p.Stdin, p.Stdout, p.errOut} {
			if f != nil {
				f.Close()
			}
		}
		return nil, err
	}
	if p.errOut != nil {
		p.stderr = make(chan struct{})
		go p.readStderr(c.Stderr)
	}
	running.add(p)
	go p.watch()
	return p, nil
}

// pipes makes the ends for the program, standard input, output and error, and
// keeps the other ends.
func (p *Process) pipes(c *Command) (theirs []int, err error) {
	in, ours, err := pipe()
	if err != nil {
		return theirs, err
	}
	theirs = append(theirs, in)
	if c.NoInput {
		unix.Close(ours)
	} else {
		p.Stdin = pollable(ours)
	}
	ours, out, err := pipe()
	if err != nil {
		return theirs, err
	}
	p.Stdout, theirs = pollable(ours), append(theirs, out)
	if c.Stderr == nil {
		return append(theirs, 2), nil
	}
	if ours, out, err = pipe(); err != nil {
		return theirs, err
	}
	p.errOut = pollable(ours)
	return append(theirs, out), nil
}

// pipe makes a pipe whose ends block, as programs expect it of theirs.
func pipe() (r, w int, err error) {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return 0, 0, err
	}
	return p[0], p[1], nil
}

// pollable is our end of a pipe: waiting for it takes no thread.
func pollable(fd int) *os.File {
	unix.SetNonblock(fd, true) //nolint:errcheck // it cannot fail on a pipe
	return os.NewFile(uintptr(fd), "pipe")
}

// fork starts the program with no signal blocked, whatever this process was
// started with.
func fork(c *Command, attr *syscall.ProcAttr) (pid int, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var none, old unix.Sigset_t
	unix.PthreadSigmask(unix.SIG_SETMASK, &none, &old)     //nolint:errcheck // its arguments are valid
	defer unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil) //nolint:errcheck // its arguments are valid
	if c.Limits.any() {
		return startLimited(c, attr)
	}
	return syscall.ForkExec(c.Path, c.Args, attr)
}

// startLimited starts a program whose limits hold from its first instruction:
// it is stopped by the kernel at its exec (PTRACE_TRACEME), gets its limits and is
// let go. Where tracing is forbidden the limits come a moment after the start.
// The thread is locked: the one that forks is the tracer.
func startLimited(c *Command, attr *syscall.ProcAttr) (int, error) {
	attr.Sys.Ptrace = true
	pid, err := syscall.ForkExec(c.Path, c.Args, attr)
	traced := err == nil
	if errors.Is(err, syscall.EPERM) {
		attr.Sys.Ptrace = false
		pid, err = syscall.ForkExec(c.Path, c.Args, attr)
	}
	if err != nil {
		return 0, err
	}
	if traced {
		var status syscall.WaitStatus
		for {
			if _, err = syscall.Wait4(pid, &status, 0, nil); err != syscall.EINTR {
				break
			}
		}
		if err != nil || !status.Stopped() {
			return 0, syscall.ECHILD // killed before its first instruction
		}
	}
	err = c.Limits.apply(pid)
	if err != nil {
		syscall.Kill(pid, syscall.SIGKILL)
	}
	if traced {
		syscall.PtraceDetach(pid)
	}
	if err != nil {
		syscall.Wait4(pid, nil, 0, nil)
		return 0, err
	}
	return pid, nil
}

// apply sets the limits of a process (ap_unixd_set_rlimit, apr's limit_proc). A
// limit without a hard one leaves that as it is.
func (l Limits) apply(pid int) error {
	for _, one := range []struct {
		resource int
		limit    *server.RLimit
	}{{unix.RLIMIT_CPU, l.CPU}, {unix.RLIMIT_AS, l.MEM}, {unix.RLIMIT_NPROC, l.NPROC}} {
		if one.limit == nil {
			continue
		}
		var now unix.Rlimit
		if err := unix.Prlimit(pid, one.resource, nil, &now); err != nil {
			return err
		}
		now.Cur, now.Max = one.limit.Over(now.Cur, now.Max)
		if err := unix.Prlimit(pid, one.resource, &now, nil); err != nil {
			return err
		}
	}
	return nil
}
