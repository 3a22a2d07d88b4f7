package h1

import (
	"fmt"
	"net"
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
	listeners map[int]netip.AddrPort // the addresses that they are bound to

	mu    sync.Mutex
	conns map[int]*conn
	next  uint64
	// Connections that were given away; see hijack.go.
	tunnels map[*conn]*net.TCPConn
	// What those that speak other protocols do when no requests are wanted any more.
	drains map[*conn]func()

	workers  workers
	answers  *answers
	inline   *inline
	flights  flights
	now      time.Time // when the loop last looked
	arrivals map[netip.AddrPort]*arrival
	secures  []secureArrival

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
	cache := server.FileCache.Of(g.Config.Main)
	l := &Loop{gen: g, epfd: epfd, listeners: map[int]netip.AddrPort{}, conns: map[int]*conn{}, aborted: make(chan struct{}), crew: g.Crew,
		inline: newInline(), flights: newFlights(), arrivals: map[netip.AddrPort]*arrival{},
		answers: newAnswers(cache.ValidFor(), cache.Bytes())}
	if l.crew == nil {
		l.crew = scoreboard.NewPrivate(defaultWorkers)
	}
	l.rows.read(g)
	for _, fd := range listeners {
		if err := l.listen(fd); err != nil {
			unix.Close(epfd)
			return nil, fmt.Errorf("epoll_ctl: %w", err)
		}
		l.listeners[fd] = socketName(fd)
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1) //nolint:errcheck // inherited by connections; a socket that was passed may be of another kind
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
			n, e = ready(int(fd), events)
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
			if _, is := l.listeners[fd]; is && !l.draining.Load() { // Deafen closes it, and its number may be used again
				// What a client sends with its first packet is often there already
				// (TCP_DEFER_ACCEPT), so it is read at once: a connection that ends
				// with its first answer is never waited for.
				l.accept(fd, l.answer)
				continue
			}
			l.mu.Lock()
			c := l.conns[fd]
			l.mu.Unlock()
			if c != nil {
				l.event(c, ev.Events)
			} else {
				l.landed(fd, ev.Events)
			}
		}
	}
	return nil
}

// event hands a waiting connection to a goroutine, or tells the goroutine that has it.
func (l *Loop) event(c *conn, what uint32) {
	if what&(unix.EPOLLIN|unix.EPOLLHUP|unix.EPOLLERR|unix.EPOLLRDHUP) != 0 && c.take(busy) {
		l.answer(c)
		return
	}
	if c.state.Load() == busy {
		select {
		case c.wake <- struct{}{}:
		default:
		}
	}
}

func (l *Loop) forget(c *conn) {
	l.crew.Open.Add(-1)
	if !c.enrolled {
		return
	}
	l.mu.Lock()
	if l.conns[c.fd] == c {
		delete(l.conns, c.fd)
	}
	l.mu.Unlock()
}

// sweep closes connections that have been idle too long, once a second.
func (l *Loop) sweep() {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for !l.stopped.Load() {
		<-t.C
		l.overdue(time.Now())
		now := time.Now().UnixNano()
		l.answers.sweep(now)
		var old []*conn
		l.mu.Lock()
		for _, c := range l.conns {
			if c.state.Load() == idle && now-c.since.Load() >= int64(l.patience(c)) {
				old = append(old, c)
			}
		}
		l.mu.Unlock()
		for _, c := range old {
			switch {
			case !c.kept.Load() && !l.draining.Load():
				if c.take(busy) {
					l.leave(c, c.expire)
				}
			case c.take(busy):
				if c.readable() { // the loop was too busy to see it
					l.hand(c, nil, nil)
				} else {
					c.close()
				}
			}
		}
	}
}

// patience is how long a connection may wait for its next request.
func (l *Loop) patience(c *conn) time.Duration {
	conf := server.CoreServer.Of(c.info.Server)
	if c.kept.Load() || l.draining.Load() {
		return conf.KeepAliveTimeout.Else(server.DefaultKeepAliveTimeout)
	}
	limit := conf.Timeout.Else(server.DefaultTimeout)
	if first := c.reads.Header.First; first > 0 {
		limit = min(limit, first)
	}
	return limit
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
// The listeners are closed, so that the port of one that the next generation has
// not is free when its last child is deaf, however long answers take to end.
func (l *Loop) Deafen() {
	l.draining.Store(true)
	l.drainOthers()
	l.accepts.Lock()
	deaf := l.deaf
	l.accepts.Unlock()
	if deaf {
		return
	}
	for fd := range l.listeners {
		unix.EpollCtl(l.epfd, unix.EPOLL_CTL_DEL, fd, nil) //nolint:errcheck // one that rests is not there
	}
	// A connection that only this process was woken for is still its own. The
	// loop may be answering others: this is not its goroutine.
	for fd := range l.listeners {
		l.accept(fd, func(c *conn) { l.hand(c, nil, nil) })
	}
	l.accepts.Lock()
	defer l.accepts.Unlock()
	if l.deaf {
		return
	}
	l.deaf = true
	for fd := range l.listeners {
		unix.EpollCtl(l.epfd, unix.EPOLL_CTL_DEL, fd, nil) //nolint:errcheck // one that rested may be back; it may be gone
		unix.Close(fd)
	}
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
		l.endTunnels()
		l.workers.dismiss()
		l.closeIdle()
		l.ep.Close()
	})
}
