package mpm

import (
	"net/netip"
	"strings"

	"github.com/coreos/go-systemd/v22/activation"
	"golang.org/x/sys/unix"
)

// activated takes over the sockets that a service manager has opened for this
// process (LISTEN_PID, LISTEN_FDS; sd_listen_fds(3)). A Listen directive with
// such a socket's address uses it instead of binding one.
func activated() []*listener {
	var passed []*listener
	for _, f := range activation.Files(true) {
		fd, err := unix.FcntlInt(uintptr(rawFD(f)), unix.F_DUPFD_CLOEXEC, 0)
		f.Close()
		if err != nil {
			corelog.Error(nil).Err(err).Msgf("socket %s of the service manager", f.Name())
			continue
		}
		addr, ok := stream(fd)
		if !ok {
			corelog.Warn(nil).Msgf("descriptor %s of the service manager is no TCP socket: it is closed", f.Name())
			unix.Close(fd)
			continue
		}
		unix.SetNonblock(fd, true) //nolint:errcheck // cannot fail on a socket
		passed = append(passed, &listener{addr: addr, fd: fd})
	}
	return passed
}

// stream is the address that a TCP socket is bound to.
func stream(fd int) (netip.AddrPort, bool) {
	if kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE); err != nil || kind != unix.SOCK_STREAM {
		return netip.AddrPort{}, false
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return netip.AddrPort{}, false
	}
	switch a := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port)), true
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr), uint16(a.Port)), true
	}
	return netip.AddrPort{}, false
}

// unclaimed closes the passed sockets that no Listen asks for.
func (m *parent) unclaimed(used []*listener) {
	for _, l := range m.passed {
		if find(used, l.addr) == nil {
			corelog.Warn(nil).Msgf("the service manager has passed a socket for %s, which no Listen names: it is closed", l.addr)
		}
	}
	closeListeners(m.passed, used)
	m.passed = nil
}

// managed are the variables by which a service manager speaks to this process.
// No other program must see them.
var managed = []string{"NOTIFY_SOCKET=", "WATCHDOG_PID=", "WATCHDOG_USEC=", "LISTEN_PID=", "LISTEN_FDS=", "LISTEN_FDNAMES="}

// environment is what programs that this process starts are given.
func environment(all []string) []string {
	var env []string
next:
	for _, v := range all {
		for _, name := range managed {
			if strings.HasPrefix(v, name) {
				continue next
			}
		}
		env = append(env, v)
	}
	return env
}
