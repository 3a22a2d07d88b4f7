package mpm

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"

	"golang.org/x/sys/unix"
)

// Signal is -k: start, stop, restart, graceful, graceful-stop, status, fullstatus, or ""
// when it was not given. done false means that the caller goes on and starts a server.
//
// Unlike Apache's, restart and graceful return when the new configuration
// serves, or with its diagnostic and status 1, and stop when the server is gone.
func (p *Program) Signal(command string, l *Loaded, stdout, stderr io.Writer) (status int, done bool) {
	file := p.PidFilePath(l)
	pid, err := ReadPid(file)
	running := false
	var state string
	switch {
	case errors.Is(err, fs.ErrNotExist):
		state = "httpd (no pid file) not running"
	case err != nil:
		say(stderr, (&startup{err, "AH00058: Error retrieving pid file " + file}).Error())
		say(stderr, "AH00059: Remove it before continuing if it is corrupted.")
		return exitFailed, true
	case alive(pid):
		running = true
		state = fmt.Sprintf("httpd (pid %d) already running", pid)
	default:
		state = fmt.Sprintf("httpd (pid %d?) not running", pid)
	}
	tell := func(sig syscall.Signal) int {
		if err := syscall.Kill(pid, sig); err != nil {
			say(stderr, (&startup{err, "AH00057: sending signal to server"}).Error())
			return exitFailed
		}
		return exitOK
	}
	switch command {
	case "", "start":
		if running {
			say(stdout, state)
			return exitOK, true
		}
	case "stop":
		if !running {
			say(stdout, state)
		} else if tell(syscall.SIGTERM) == exitOK {
			waitGone(pid)
		}
		return exitOK, true
	case "status", "fullstatus":
		if running {
			if status, ok := p.ask(pid, command, stdout, stderr); ok {
				return status, true
			}
			state = fmt.Sprintf("httpd (pid %d) is running and cannot be asked", pid)
		}
		say(stdout, state)
		return exitFailed, true
	case "graceful-stop":
		if !running {
			say(stdout, state)
			return exitOK, true
		}
		return tell(syscall.SIGWINCH), true
	case "restart", "graceful":
		if running {
			if status, ok := p.ask(pid, command, stdout, stderr); ok {
				return status, true
			}
			if command == "restart" {
				return tell(syscall.SIGHUP), true
			}
			return tell(syscall.SIGUSR1), true
		}
		say(stdout, "httpd not running, trying to start")
	}
	return exitOK, false
}

// waitGone returns when the process has ended, or after ten seconds.
func waitGone(pid int) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 10000) //nolint:errcheck // then it goes on ending
}
