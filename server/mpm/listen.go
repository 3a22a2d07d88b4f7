package mpm

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"github.com/donjon-httpd/donjon/server"
)

// A listener is a bound socket of the parent. It lives as long as one
// generation after another asks for its address, so that no connection is
// refused between them.
type listener struct {
	addr netip.AddrPort
	fd   int // non-blocking; not an os.File, whose Fd method would change that
}

// lookup resolves the host name of a Listen directive.
func lookup(host string) (netip.Addr, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.Addr{}, err
	}
	return addrs[0].Unmap(), nil
}

// startup is a message that a start or restart shows as it is, with the cause
// in front as Apache does: "(98)Address already in use: AH00072: …".
type startup struct {
	err  error
	text string
}

func (s *startup) Error() string {
	var errno unix.Errno
	if errors.As(s.err, &errno) {
		return fmt.Sprintf("(%d)%s: %s", int(errno), server.Strerror(errno), s.text)
	}
	if s.err != nil {
		return s.err.Error() + ": " + s.text
	}
	return s.text
}

func (s *startup) Unwrap() error { return s.err }

// openListeners binds what the configuration asks for, taking sockets of old
// for addresses that stay. Problems are told to warn one by one; the error is
// the last word. Nothing of old is closed.
func openListeners(want []server.Listener, c *server.ServerConfig, m *config, old []*listener, warn func(error)) ([]*listener, error) {
	var open []*listener
	fail := func() ([]*listener, error) {
		closeListeners(open, old)
		return nil, &startup{text: "no listening sockets available, shutting down"}
	}
	for _, w := range want {
		candidates := []netip.Addr{w.Addr}
		if !w.Addr.IsValid() {
			// An IPv6 socket takes IPv4 connections too; IPv4 alone where the
			// system has no IPv6 or the port is taken there.
			candidates = []netip.Addr{netip.IPv6Unspecified(), netip.IPv4Unspecified()}
		}
		var got *listener
		for _, a := range candidates {
			if got = find(old, netip.AddrPortFrom(a, uint16(w.Port))); got != nil {
				break
			}
		}
		for i, a := range candidates {
			if got != nil {
				break
			}
			var err error
			if got, err = bind(netip.AddrPortFrom(a, uint16(w.Port)), w.Protocol, c, m); err == nil {
				break
			}
			if !w.Addr.IsValid() && i == 0 && errors.Is(err, unix.EAFNOSUPPORT) {
				continue
			}
			warn(err)
		}
		if got == nil {
			return fail()
		}
		if err := unix.Listen(got.fd, backlog(c)); err != nil {
			warn(&startup{err, "AH00073: make_sock: unable to listen for connections on address " + got.addr.String()})
			open = append(open, got)
			return fail()
		}
		open = append(open, got)
	}
	if len(open) == 0 {
		return fail()
	}
	return open, nil
}

func backlog(c *server.ServerConfig) int {
	if c.ListenBacklog > 0 {
		return c.ListenBacklog
	}
	return 511 // DEFAULT_LISTENBACKLOG
}

func find(in []*listener, addr netip.AddrPort) *listener {
	for _, l := range in {
		if l.addr == addr {
			return l
		}
	}
	return nil
}

// bind makes a socket that is bound and does not yet listen.
func bind(addr netip.AddrPort, protocol string, c *server.ServerConfig, m *config) (*listener, error) {
	family := unix.AF_INET
	if addr.Addr().Is6() {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, &startup{err, "AH00078: alloc_listener: failed to get a socket for " + addr.Addr().String()}
	}
	fail := func(err error, text string) (*listener, error) {
		unix.Close(fd)
		return nil, &startup{err, text}
	}
	for _, o := range []struct {
		level, name, value int
		wanted             bool
		problem            string
	}{
		{unix.SOL_SOCKET, unix.SO_REUSEADDR, 1, true, "AH00067: make_sock: for address %s, apr_socket_opt_set: (SO_REUSEADDR)"},
		{unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1, true, "AH00068: make_sock: for address %s, apr_socket_opt_set: (SO_KEEPALIVE)"},
		{unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 0, family == unix.AF_INET6, "AH00069: make_sock: for address %s, apr_socket_opt_set: (IPV6_V6ONLY)"},
		{unix.SOL_SOCKET, unix.SO_SNDBUF, m.SendBuffer.Else(0), m.SendBuffer.Else(0) > 0,
			"AH00070: make_sock: failed to set SendBufferSize for address %s, using default"},
		{unix.SOL_SOCKET, unix.SO_RCVBUF, m.ReceiveBuffer.Else(0), m.ReceiveBuffer.Else(0) > 0,
			"AH00071: make_sock: failed to set ReceiveBufferSize for address %s, using default"},
		{unix.IPPROTO_TCP, unix.TCP_NODELAY, 1, true, "make_sock: for address %s, TCP_NODELAY"},
		{unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, m.DeferAccept.Else(deferAccept), defers(protocol, c),
			"AH00076: Failed to enable APR_TCP_DEFER_ACCEPT for address %s"},
	} {
		if !o.wanted {
			continue
		}
		if err := unix.SetsockoptInt(fd, o.level, o.name, o.value); err != nil {
			return fail(err, fmt.Sprintf(o.problem, addr))
		}
	}
	if err := unix.Bind(fd, sockaddr(addr)); err != nil {
		return fail(err, "AH00072: make_sock: could not bind to address "+addr.String())
	}
	return &listener{addr: addr, fd: fd}, nil
}

// deferAccept is how long, in seconds, a connection without a byte stays with
// the kernel (listen.c).
const deferAccept = 30

// defers tells whether connections of a protocol are accepted when their first
// bytes have come (AcceptFilter; the default of Apache on Linux for http and https).
func defers(protocol string, c *server.ServerConfig) bool {
	filter, given := c.AcceptFilters[protocol]
	if !given {
		return protocol == "http" || protocol == "https"
	}
	return filter != "none"
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	sa := &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
	if zone := a.Addr().Zone(); zone != "" {
		if i, err := net.InterfaceByName(zone); err == nil {
			sa.ZoneId = uint32(i.Index)
		}
	}
	return sa
}

// closeListeners closes those that are not in keep.
func closeListeners(all, keep []*listener) {
	for _, l := range all {
		if find(keep, l.addr) == nil {
			unix.Close(l.fd)
		}
	}
}
