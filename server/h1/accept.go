package h1

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// acceptBatch bounds how long new connections keep the loop from old ones.
const acceptBatch = 64

// accept takes new connections in and has each served by begin.
func (l *Loop) accept(lfd int, begin func(*conn)) {
	l.accepts.Lock()
	defer l.accepts.Unlock()
	for range acceptBatch {
		if l.deaf {
			return
		}
		fd, remote, err := accept4(lfd)
		switch err {
		case nil:
		case unix.EINTR, unix.ECONNABORTED:
			continue
		case unix.EAGAIN:
			return
		case unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM:
			l.starve(lfd, err)
			return
		default:
			return
		}
		if l.starving {
			l.starving = false
			elog.Notice(l.main()).Msg("connections are accepted again")
		}
		begin(l.add(lfd, fd, remote))
	}
}

// starvePause is how long a listener rests when there is no descriptor or
// memory for its connections, which wait in the kernel meanwhile.
const starvePause = 100 * time.Millisecond

// starve lets a listener rest, and says why once. l.accepts is held.
func (l *Loop) starve(lfd int, err error) {
	if !l.starving {
		l.starving = true
		elog.Error(l.main()).Err(err).Msg("AH02179: apr_socket_accept: (client socket)")
	}
	unix.EpollCtl(l.epfd, unix.EPOLL_CTL_DEL, lfd, nil) //nolint:errcheck // it is there
	time.AfterFunc(starvePause, func() {
		l.accepts.Lock()
		defer l.accepts.Unlock()
		if !l.deaf && !l.stopped.Load() {
			l.listen(lfd) //nolint:errcheck // it was there before
		}
	})
}

// listen has the loop woken for connections of a listener.
func (l *Loop) listen(fd int) error {
	ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLEXCLUSIVE, Fd: int32(fd)}
	return unix.EpollCtl(l.epfd, unix.EPOLL_CTL_ADD, fd, &ev)
}

func (l *Loop) main() server.Subject { return server.ServerSubject(l.gen, l.gen.Config.Main) }

// arrival is what all connections to one local address have in common.
type arrival struct {
	number uint32 // tells addresses apart in the keys of prepared answers
	addr   netip.AddrPort
	ip     string
	server *directives.Server
	limits limits
	reads  *server.ReadLimits
}

func (l *Loop) arrivalAt(a netip.AddrPort) *arrival {
	at := l.arrivals[a]
	if at == nil {
		v := l.gen.BaseServer(a)
		at = &arrival{uint32(len(l.arrivals)), a, a.Addr().Unmap().String(), v, limitsOf(server.CoreServer.Of(v)), l.gen.ReadLimits(v)}
		at.limits.forward = l.gen.Forwards()
		l.arrivals[a] = at
	}
	return at
}

// add takes a connection in. It is busy.
func (l *Loop) add(lfd, fd int, remote netip.AddrPort) *conn {
	local := l.listeners[lfd]
	if local.Addr().IsUnspecified() || !local.IsValid() {
		local = socketName(fd)
	}
	at := l.arrivalAt(local)
	c := &conn{loop: l, fd: fd, limits: &at.limits, reads: at.reads, arrival: at.number}
	c.state.Store(busy)
	c.info.Gen, c.info.Server = l.gen, at.server
	c.info.Remote, c.info.ClientIP = remote, remote.Addr().String()
	c.info.Local, c.info.LocalIP = at.addr, at.ip
	l.next++
	c.info.ID = l.next
	l.gen.Connected(&c.info)
	c.preface, c.speaker = c.info.Preface(), c.info.Speaker()
	c.direct = c.info.DirectMagic()
	if conf := c.info.Secure(); conf != nil {
		c.sec = newSecure(c, conf)
	}
	l.crew.Accepted.Add(1)
	l.crew.Open.Add(1)
	return c
}

// enrol has the loop woken for what happens on a connection. It is done when
// the connection must wait for the first time. It is false when the kernel has
// no memory for it.
func (l *Loop) enrol(c *conn) bool {
	if c.enrolled {
		return true
	}
	c.enrolled, c.wake = true, make(chan struct{}, 1)
	l.mu.Lock()
	l.conns[c.fd] = c
	l.mu.Unlock()
	ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET&0xffffffff, Fd: int32(c.fd)}
	return unix.EpollCtl(l.epfd, unix.EPOLL_CTL_ADD, c.fd, &ev) == nil
}

// leave runs f, which serves or ends the connection, on a goroutine.
func (l *Loop) leave(c *conn, f func()) {
	if c.since.Load() == 0 {
		c.since.Store(time.Now().UnixNano())
	}
	if !l.enrol(c) {
		c.close()
		return
	}
	l.workers.run(f)
}

// hand leaves a connection to a goroutine; see conn.serve.
func (l *Loop) hand(c *conn, in []byte, d *debt) { l.leave(c, func() { c.serve(in, d) }) }

// accept4 is accept4(2) for a TCP socket.
func accept4(lfd int) (fd int, remote netip.AddrPort, err error) {
	var sa unix.RawSockaddrAny
	size := uint32(unix.SizeofSockaddrAny)
	n, _, e := unix.RawSyscall6(unix.SYS_ACCEPT4, uintptr(lfd), uintptr(unsafe.Pointer(&sa)), uintptr(unsafe.Pointer(&size)),
		unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
	if e != 0 {
		return -1, remote, e
	}
	return int(n), addrPort(&sa), nil
}

// socketName is getsockname(2).
func socketName(fd int) netip.AddrPort {
	var sa unix.RawSockaddrAny
	size := uint32(unix.SizeofSockaddrAny)
	if _, _, e := unix.RawSyscall(unix.SYS_GETSOCKNAME, uintptr(fd), uintptr(unsafe.Pointer(&sa)), uintptr(unsafe.Pointer(&size))); e != 0 {
		return netip.AddrPort{}
	}
	return addrPort(&sa)
}

// addrPort reads an address as the kernel writes it. An IPv4 client of an IPv6
// socket has its IPv4 address; the scope of a link-local one is its number.
func addrPort(sa *unix.RawSockaddrAny) netip.AddrPort {
	switch sa.Addr.Family {
	case unix.AF_INET:
		in := (*unix.RawSockaddrInet4)(unsafe.Pointer(sa))
		return netip.AddrPortFrom(netip.AddrFrom4(in.Addr), networkOrder(in.Port))
	case unix.AF_INET6:
		in := (*unix.RawSockaddrInet6)(unsafe.Pointer(sa))
		a := netip.AddrFrom16(in.Addr).Unmap()
		if in.Scope_id != 0 && a.Is6() {
			a = a.WithZone(strconv.Itoa(int(in.Scope_id)))
		}
		return netip.AddrPortFrom(a, networkOrder(in.Port))
	}
	return netip.AddrPort{}
}

func networkOrder(port uint16) uint16 {
	var b [2]byte
	binary.NativeEndian.PutUint16(b[:], port)
	return binary.BigEndian.Uint16(b[:])
}
