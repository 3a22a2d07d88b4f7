package program

import (
	"bufio"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// watch waits until the leader has ended and ends what is left of its group.
// The leader is not collected before that, so that its number, which is the
// group's, means nobody else.
func (p *Process) watch() {
	gone := make(chan struct{})
	go func() {
		for unix.Waitid(unix.P_PID, p.PID, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
		}
		close(gone)
	}()
	select {
	case <-gone:
	case <-p.told:
		p.signal(syscall.SIGTERM)
		select {
		case <-gone:
		case <-time.After(grace):
		}
	}
	p.signal(syscall.SIGKILL)
	<-gone
	for {
		if _, err := syscall.Wait4(p.PID, &p.status, 0, nil); err != syscall.EINTR {
			break
		}
	}
	running.remove(p)
	close(p.ended)
}

func (p *Process) signal(s syscall.Signal) { syscall.Kill(-p.PID, s) }

// End ends the program and its group: SIGTERM, and three seconds later SIGKILL.
// It does not wait for that; a program that has ended is left alone.
func (p *Process) End() { p.once.Do(func() { close(p.told) }) }

// Wait waits until the program has ended and all that it said on its standard
// error was taken.
func (p *Process) Wait() syscall.WaitStatus {
	<-p.ended
	if p.stderr != nil {
		<-p.stderr
	}
	return p.status
}

// WaitStderr waits until the program closed its standard error or has ended,
// but no longer than limit.
func (p *Process) WaitStderr(limit time.Duration) {
	if p.stderr == nil {
		return
	}
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-p.stderr:
	case <-t.C:
	}
}

// Ended tells whether the program has ended.
func (p *Process) Ended() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// maxStderrLine is how much of a line of standard error is one line of the log
// (MAX_STRING_LEN less its terminator).
const maxStderrLine = 8191

// readStderr gives what the program says on its standard error to say, a line
// each. What is still in the pipe when the program has ended is taken; a
// process outside of the group that keeps the pipe open is not waited for.
func (p *Process) readStderr(say func(string)) {
	defer close(p.stderr)
	defer p.errOut.Close()
	go func() {
		<-p.ended
		p.errOut.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	}()
	in := bufio.NewReaderSize(p.errOut, maxStderrLine)
	for {
		line, err := in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			err = nil
		}
		if len(line) > 0 {
			say(strings.TrimSuffix(strings.TrimSuffix(string(line), "\n"), "\r"))
		}
		if err != nil {
			return
		}
	}
}

// group is the programs that run.
type group struct {
	mu   sync.Mutex
	all  map[*Process]bool
	none chan struct{} // closed when none is left, once somebody waits for it
}

var running = group{all: map[*Process]bool{}}

func (g *group) add(p *Process) {
	g.mu.Lock()
	g.all[p] = true
	g.mu.Unlock()
}

func (g *group) remove(p *Process) {
	g.mu.Lock()
	delete(g.all, p)
	if g.none != nil && len(g.all) == 0 {
		close(g.none)
		g.none = nil
	}
	g.mu.Unlock()
}

// EndAll ends all programs and waits until they are gone; a serving process does
// it last.
func EndAll() {
	running.mu.Lock()
	if len(running.all) == 0 {
		running.mu.Unlock()
		return
	}
	none := make(chan struct{})
	running.none = none
	for p := range running.all {
		p.End()
	}
	running.mu.Unlock()
	<-none
}

// ReadNow reads what the program has written and is there already; n is 0 and
// err nil when that is nothing yet.
func ReadNow(f *os.File, b []byte) (n int, err error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return 0, err
	}
	var inner error
	err = raw.Read(func(fd uintptr) bool {
		for {
			n, inner = unix.Read(int(fd), b)
			if inner != unix.EINTR {
				return true
			}
		}
	})
	switch {
	case err != nil:
		return 0, err
	case inner == unix.EAGAIN:
		return 0, nil
	case inner != nil:
		return 0, inner
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}
