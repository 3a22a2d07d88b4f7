package mpm

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A control channel is a pair of sockets that keep messages whole. The child
// says
//
//	ready LOCKS     it serves, and what holds in its jail
//	failed TEXT     it cannot, and why
//	retire          it has served enough and asks for a successor
//	deaf            it was told to finish and takes no connection any more
//
// and the parent
//
//	slot N          its place on the scoreboard; -1 is none
//	drain MS        take nothing new, finish what runs, within MS milliseconds (0: no limit)
//	outside         names of hosts and users have changed; the text comes as a descriptor
//	stop MS         the same, and hang up on connections that wait for a request
//
// Its closing ends the child: a parent that died cannot leave anyone behind.

// role tells a process that it was started by this program, and as what. It
// travels in the environment, where it does not show in ps, and is taken out at
// once; that it was not merely inherited is proved by the peer of the socket.
const (
	roleVariable = "DONJON_ROLE"
	RoleChild    = "child"
	RoleDaemon   = "daemon"
	controlFD    = 3
)

func newControl() (parent *os.File, child int, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, -1, fmt.Errorf("control channel: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "control"), fds[1], nil
}

// Role is what this process was started as: "" by a person or a service
// manager, else by another process of this program. It is asked once, first.
func Role() (string, error) {
	role, given := os.LookupEnv(roleVariable)
	if !given {
		return "", nil
	}
	os.Unsetenv(roleVariable) //nolint:errcheck // cannot fail for a name without '='
	cred, err := unix.GetsockoptUcred(controlFD, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil || int(cred.Pid) != os.Getppid() || role != RoleChild && role != RoleDaemon {
		return "", errors.New(roleVariable + " is set, but this process was not started by the parent process; " +
			"children are started by their parent alone")
	}
	unix.CloseOnExec(controlFD)
	return role, nil
}

// inheritedControl is the child's end.
func inheritedControl() (*os.File, error) {
	if err := syscall.SetNonblock(controlFD, true); err != nil {
		return nil, err
	}
	return os.NewFile(controlFD, "control"), nil
}

func send(f *os.File, words ...string) error {
	_, err := f.WriteString(strings.Join(words, " "))
	return err
}

// receive gives the next message; io.EOF when the other side is gone.
func receive(f *os.File) (verb, rest string, err error) {
	buf := make([]byte, 4096)
	n, err := f.Read(buf)
	if err != nil {
		return "", "", err
	}
	verb, rest, _ = strings.Cut(string(buf[:n]), " ")
	return verb, rest, nil
}

// deadline reads the argument of drain and stop; zero is no limit.
func deadline(arg string) time.Time {
	ms, err := strconv.ParseInt(arg, 10, 64)
	if err != nil || ms <= 0 {
		return time.Time{}
	}
	return time.Now().Add(time.Duration(ms) * time.Millisecond)
}
