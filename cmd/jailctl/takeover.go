package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// takeoverWait bounds how long the new server may take until its children serve.
const takeoverWait = 30 * time.Second

// takeoverLooks is how often in a row all children have to be found locked in: there
// may be more to come.
const takeoverLooks = 10

// takeover starts a server on the listening sockets of one that runs, and has the
// old one finish when the new one serves. The sockets are the same ones, not
// others of the same address: a connection that waits in their queue is accepted
// by whichever server comes first, and none is refused at any time.
//
// The new server gets them as a service manager passes sockets (sd_listen_fds(3)),
// and the old one's environment besides its own, so that ${APACHE_LOG_DIR} and the
// like are defined. It must stay the process that is started (-DFOREGROUND) and
// needs a PidFile of its own. If it does not serve, it is ended and the old one
// goes on.
func takeover(c *command) (int, error) {
	if len(c.args) < 2 {
		return exitError, errors.New("takeover: the pid or the PidFile of the server that runs, and the command that starts the other")
	}
	old, err := serverPID(c.args[0])
	if err != nil {
		return exitError, err
	}
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", old))
	if err != nil {
		return exitError, fmt.Errorf("no process %d", old)
	}
	if n := strings.TrimSpace(string(name)); n != "apache2" && n != "httpd" {
		return exitError, fmt.Errorf("process %d is %s, no web server that ends gracefully by SIGWINCH", old, n)
	}
	sockets, addrs, err := listening(old)
	if err != nil {
		return exitError, err
	}
	said, err := os.CreateTemp("", "jailctl")
	if err != nil {
		return exitError, err
	}
	defer said.Close()
	os.Remove(said.Name())
	// The shell is there for LISTEN_PID alone, which is known when the process is.
	cmd := exec.Command("/bin/sh", append([]string{"-c", `LISTEN_PID=$$ exec "$@"`, "sh"}, c.args[1:]...)...)
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = said, said, sockets
	cmd.Env = append(inherited(old), "LISTEN_FDS="+strconv.Itoa(len(sockets)))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return exitError, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	deadline := time.After(takeoverWait)
	for locked := 0; ; {
		select {
		case <-ended:
			return exitError, fmt.Errorf("%s ended (%s) before it served; process %d goes on\n%s", c.args[1], cmd.ProcessState, old, text(said))
		case <-deadline:
			syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) //nolint:errcheck // it may have ended
			return exitError, fmt.Errorf("%s does not serve after %s; process %d goes on\n%s", c.args[1], takeoverWait, old, text(said))
		case <-time.After(20 * time.Millisecond):
		}
		list, err := children(cmd.Process.Pid)
		list = slices.DeleteFunc(list, func(p process) bool { return p.Program != "" })
		if err != nil || len(list) == 0 || slices.ContainsFunc(list, func(p process) bool { return p.UID == "0" }) {
			locked = 0 // children are root until they are locked in, and serve afterwards
			continue
		}
		if locked++; locked < takeoverLooks {
			continue
		}
		if err := syscall.Kill(old, syscall.SIGWINCH); err != nil {
			return exitError, fmt.Errorf("process %d: %w", old, err)
		}
		if c.asJSON {
			return exitOK, c.json(map[string]any{"pid": cmd.Process.Pid, "from": old, "sockets": addrs})
		}
		fmt.Fprintf(c.out, "%s (pid %d) serves %s; process %d finishes its responses and ends\n", c.args[1], cmd.Process.Pid, strings.Join(addrs, " "), old)
		return exitOK, nil
	}
}

// text is what the server has said so far.
func text(f *os.File) string {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/self/fd/%d", f.Fd())) // nothing said, nothing shown
	return strings.TrimSpace(string(b))
}

// listening copies the TCP sockets that a process listens at, with their
// addresses as Listen writes them (pidfd_getfd(2), Linux 5.6).
func listening(pid int) ([]*os.File, []string, error) {
	handle, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("pidfd_open: %w", err)
	}
	defer unix.Close(handle)
	names, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil {
		return nil, nil, err
	}
	var files []*os.File
	var addrs []string
	for _, name := range names {
		if target, err := os.Readlink(name); err != nil || !strings.HasPrefix(target, "socket:") {
			continue
		}
		n, err := strconv.Atoi(filepath.Base(name))
		if err != nil {
			continue
		}
		fd, err := unix.PidfdGetfd(handle, n, 0)
		if errors.Is(err, unix.EBADF) {
			continue // closed meanwhile
		}
		if err != nil {
			return nil, nil, fmt.Errorf("pidfd_getfd: %w", err)
		}
		addr := listenAddress(fd)
		if addr == "" || slices.Contains(addrs, addr) {
			unix.Close(fd)
			continue
		}
		files, addrs = append(files, os.NewFile(uintptr(fd), addr)), append(addrs, addr)
	}
	if len(files) == 0 {
		return nil, nil, fmt.Errorf("process %d listens at no TCP socket", pid)
	}
	return files, addrs, nil
}

// listenAddress is "" of a descriptor that is no listening TCP socket.
func listenAddress(fd int) string {
	for option, want := range map[int]int{unix.SO_ACCEPTCONN: 1, unix.SO_TYPE: unix.SOCK_STREAM} {
		if got, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, option); err != nil || got != want {
			return ""
		}
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return ""
	}
	switch a := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port)).String()
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr), uint16(a.Port)).String()
	}
	return ""
}

// inherited is this process's environment, and what only the other one's has.
func inherited(pid int) []string {
	env := os.Environ()
	other, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid)) // it may hide it; then its own has to do
	for v := range strings.SplitSeq(string(other), "\x00") {
		name, _, ok := strings.Cut(v, "=")
		if ok && name != "" && !strings.HasPrefix(name, "LISTEN_") && name != "NOTIFY_SOCKET" &&
			!slices.ContainsFunc(env, func(own string) bool { return strings.HasPrefix(own, name+"=") }) {
			env = append(env, v)
		}
	}
	return env
}
