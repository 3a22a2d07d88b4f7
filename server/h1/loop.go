package h1

import (
	"fmt"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/scoreboard"
)

// Loop is a child's event loop.
type Loop struct {
	gen       *server.Generation
	ep        *os.File
	epfd      int
	listeners map[int]bool

	mu    sync.Mutex
	conns map[int]*conn
	next  uint64

	crew     *scoreboard.Crew
	rows     rowSettings
	accepts  sync.Mutex  // held while connections are accepted
	deaf     bool        // no more are
	starving bool        // there was no descriptor for the last one
	draining atomic.Bool // every answer is its connection's last
	hurried  atomic.Bool // waiting connections are closed too
	stopped  atomic.Bool
	aborted  chan struct{} // closed when running answers must end too
	once     sync.Once
}

// New makes a loop on listening sockets, which must be non-blocking.
func New(g *server.Generation, listeners []int) (*Loop, error) {
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	if err := unix.SetNonblock(epfd, true); err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	l := &Loop{gen: g, epfd: epfd, listeners: map[int]bool{}, conns: map[int]*conn{}, aborted: make(chan struct{}), crew: g.Crew}
	if l.crew == nil {
		l.crew = scoreboard.NewPrivate(defaultWorkers)
	}
	l.rows.read(g)
	for _, fd := range listeners {
		if err := l.listen(fd); err != nil {
			unix.Close(epfd)
			return nil, fmt.Errorf("epoll_ctl: %w", err)
		}
		l.listeners[fd] = true
	}
	l.ep = os.NewFile(uintptr(epfd), "epoll")
	return l, nil
}

// Serve runs until Drain has seen the last connection off, or Close.
func (l *Loop) Serve() error {
	go l.sweep()
	raw, err := l.ep.SyscallConn()
	if err != nil {
		return err
	}
	events := make([]unix.EpollEvent, 256)
	for !l.stopped.Load() {
		n := 0
		err := raw.Read(func(fd uintptr) bool {
			var e error
			for {
				n, e = unix.EpollWait(int(fd), events, 0)
				if e != unix.EINTR {
					break
				}
			}
			return n > 0 || e != nil
		})
		if err != nil {
			if l.stopped.Load() {
				break
			}
			return fmt.Errorf("epoll_wait: %w", err)
		}
		for _, ev := range events[:max(n, 0)] {
			fd := int(ev.Fd)
			if l.listeners[fd] {
				l.accept(fd)
				continue
			}
			l.mu.Lock()
			c := l.conns[fd]
			l.mu.Unlock()
			if c != nil {
				l.event(c, ev.Events)
			}
		}
	}
	return nil
}

// event hands a waiting connection to a goroutine, or tells the goroutine that has it.
func (l *Loop) event(c *conn, what uint32) {
	if what&(unix.EPOLLIN|unix.EPOLLHUP|unix.EPOLLERR|unix.EPOLLRDHUP) != 0 && c.take(busy) {
		go c.serve()
		return
	}
	if c.state.Load() == busy {
		select {
		case c.wake <- struct{}{}:
		default:
		}
	}
}

// acceptBatch bounds how long new connections keep the loop from old ones.
const acceptBatch = 64

func (l *Loop) accept(lfd int) {
	l.accepts.Lock()
	defer l.accepts.Unlock()
	for range acceptBatch {
		if l.deaf {
			return
		}
		fd, sa, err := unix.Accept4(lfd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
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
		l.add(fd, sa)
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

func (l *Loop) add(fd int, sa unix.Sockaddr) {
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	c := &conn{loop: l, fd: fd, wake: make(chan struct{}, 1)}
	c.info.Gen = l.gen
	c.info.Remote = addrPort(sa)
	if local, err := unix.Getsockname(fd); err == nil {
		c.info.Local = addrPort(local)
	}
	c.info.ClientIP = c.info.Remote.Addr().Unmap().String()
	c.info.LocalIP = c.info.Local.Addr().Unmap().String()
	c.info.Server = l.gen.BaseServer(c.info.Local)
	c.preface = c.info.Preface()
	c.limits = limitsOf(server.CoreServer.Of(c.info.Server))
	c.since.Store(time.Now().Unix())
	l.crew.Accepted.Add(1)
	l.crew.Open.Add(1)
	l.mu.Lock()
	l.next++
	c.info.ID = l.next
	l.conns[fd] = c
	l.mu.Unlock()
	ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET&0xffffffff, Fd: int32(fd)}
	if err := unix.EpollCtl(l.epfd, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
		if c.take(closed) {
			c.shut()
		}
	}
}

func addrPort(sa unix.Sockaddr) netip.AddrPort {
	switch a := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr).Unmap(), uint16(a.Port))
	}
	return netip.AddrPort{}
}

func (l *Loop) forget(c *conn) {
	l.mu.Lock()
	if l.conns[c.fd] == c {
		delete(l.conns, c.fd)
		l.crew.Open.Add(-1)
	}
	l.mu.Unlock()
}

// sweep closes connections that have been idle too long, once a second.
func (l *Loop) sweep() {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for !l.stopped.Load() {
		<-t.C
		now := time.Now().Unix()
		var old []*conn
		l.mu.Lock()
		for _, c := range l.conns {
			if c.state.Load() != idle {
				continue
			}
			conf := server.CoreServer.Of(c.info.Server)
			limit := conf.KeepAliveTimeout.Else(server.DefaultKeepAliveTimeout)
			if c.info.KeepAlives == 0 && !l.draining.Load() {
				limit = conf.Timeout.Else(server.DefaultTimeout)
			}
			if now-c.since.Load() >= int64((limit+time.Second-1)/time.Second) {
				old = append(old, c)
			}
		}
		l.mu.Unlock()
		for _, c := range old {
			if c.take(closed) {
				c.shut()
			}
		}
	}
}

// Drain stops accepting, lets running answers finish until the deadline, and
// then ends the loop. A connection that waits for a request may have one more,
// which is answered with Connection: close, because it may be under way
// already; it is closed after KeepAliveTimeout.
func (l *Loop) Drain(deadline time.Time) { l.end(deadline) }

// Stop is Drain for a server that ends: connections that wait are closed.
func (l *Loop) Stop(deadline time.Time) {
	l.hurried.Store(true)
	l.end(deadline)
}

// Deafen stops accepting: when it returns, no connection will be taken any more.
func (l *Loop) Deafen() {
	l.draining.Store(true)
	for fd := range l.listeners {
		unix.EpollCtl(l.epfd, unix.EPOLL_CTL_DEL, fd, nil)
	}
	// A connection that only this process was woken for is still its own.
	for fd := range l.listeners {
		l.accept(fd)
	}
	l.accepts.Lock()
	l.deaf = true
	for fd := range l.listeners { // one that rested may be back
		unix.EpollCtl(l.epfd, unix.EPOLL_CTL_DEL, fd, nil) //nolint:errcheck // it may be gone
	}
	l.accepts.Unlock()
}

func (l *Loop) end(deadline time.Time) {
	l.Deafen()
	for !l.stopped.Load() {
		if l.hurried.Load() {
			l.closeIdle()
		}
		l.mu.Lock()
		left := len(l.conns)
		l.mu.Unlock()
		if left == 0 || !deadline.IsZero() && time.Now().After(deadline) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	l.Close()
}

func (l *Loop) closeIdle() {
	l.mu.Lock()
	list := make([]*conn, 0, len(l.conns))
	for _, c := range l.conns {
		list = append(list, c)
	}
	l.mu.Unlock()
	for _, c := range list {
		if c.take(closed) {
			c.shut()
		}
	}
}

// Close ends everything at once.
func (l *Loop) Close() {
	l.once.Do(func() {
		l.draining.Store(true)
		l.stopped.Store(true)
		close(l.aborted)
		l.closeIdle()
		l.ep.Close()
	})
}
