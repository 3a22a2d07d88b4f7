package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// A load is what a client does to a server for some time.
type load struct {
	Port     int
	Conns    int
	Pipeline int    // requests sent at once; 0 means one
	Close    bool   // a connection for each request
	Request  []byte // one request, whole
	Status   int    // of each response
	Body     int64  // length of each response's body; -1 where it is the server's choice
}

// A tally is what came of a load. Latency is counted from the sending of a
// request (or of the batch that it was sent in), and from the start of connect
// where each request has its own connection.
type tally struct {
	latency []time.Duration
	elapsed time.Duration
	failed  int
	first   error // the first failure
}

func (t *tally) fail(err error) {
	t.failed++
	if t.first == nil {
		t.first = err
	}
}

// round leaves out what t cannot know.
func (t *tally) round() round {
	slices.Sort(t.latency)
	return round{Requests: len(t.latency), Elapsed: t.elapsed,
		P50: percentile(t.latency, 50), P90: percentile(t.latency, 90), P99: percentile(t.latency, 99)}
}

// check compares a whole response with what the load expects.
func (l *load) check(a *answer) error {
	if a.status != l.Status {
		return fmt.Errorf("status %d instead of %d", a.status, l.Status)
	}
	if l.Body >= 0 && a.body != l.Body {
		return fmt.Errorf("%d bytes instead of %d", a.body, l.Body)
	}
	return nil
}

// maxFailures ends a load that has no use.
const maxFailures = 100

// run keeps l.Conns connections busy for the duration, with one thread and
// epoll: the client has to cost less than the cheapest server. Responses that
// are under way at the end are not counted.
func (l *load) run(ctx context.Context, d time.Duration) (*tally, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	defer unix.Close(ep)
	batch := max(l.Pipeline, 1)
	c := &client{load: l, ep: ep, batch: batch, out: slices.Repeat(l.Request, batch),
		conns: map[int32]*conn{}, buf: make([]byte, 256<<10), tally: &tally{}}
	defer c.closeAll()
	start := time.Now()
	for range l.Conns {
		if err := c.open(); err != nil {
			return nil, err
		}
	}
	end := start.Add(d)
	events := make([]unix.EpollEvent, 256)
	for time.Now().Before(end) && ctx.Err() == nil && c.tally.failed < maxFailures {
		n, err := unix.EpollWait(ep, events, int(min(max(time.Until(end).Milliseconds(), 1), 100)))
		if err != nil && !errors.Is(err, unix.EINTR) {
			return nil, fmt.Errorf("epoll_wait: %w", err)
		}
		for _, e := range events[:max(n, 0)] {
			if err := c.serve(c.conns[e.Fd], e.Events); err != nil {
				return nil, err
			}
		}
	}
	c.tally.elapsed = time.Since(start)
	return c.tally, nil
}

type client struct {
	*load
	ep    int
	batch int
	out   []byte // one batch of requests
	conns map[int32]*conn
	buf   []byte
	tally *tally
}

type conn struct {
	fd      int
	started time.Time // of the batch
	unsent  []byte
	waiting bool // for being writable
	answers int  // of the batch, still to come
	answer  answer
}

func (c *client) closeAll() {
	for _, x := range c.conns {
		unix.Close(x.fd)
	}
}

// open starts a connection; its requests go out when it is made.
func (c *client) open() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	x := &conn{fd: fd, started: time.Now(), unsent: c.out, answers: c.batch, waiting: true}
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	if c.Close { // else the client's ports are spent in TIME_WAIT
		unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	}
	err = unix.Connect(fd, &unix.SockaddrInet4{Port: c.Port, Addr: [4]byte{127, 0, 0, 1}})
	if err != nil && !errors.Is(err, unix.EINPROGRESS) {
		unix.Close(fd)
		return fmt.Errorf("connect: %w", err)
	}
	c.conns[int32(fd)] = x
	event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLOUT, Fd: int32(fd)}
	if err := unix.EpollCtl(c.ep, unix.EPOLL_CTL_ADD, fd, &event); err != nil {
		return fmt.Errorf("epoll_ctl: %w", err)
	}
	return nil
}

// again replaces a connection that has ended.
func (c *client) again(x *conn) error {
	unix.Close(x.fd)
	delete(c.conns, int32(x.fd))
	return c.open()
}

func (c *client) wantWrite(x *conn, want bool) error {
	if x.waiting == want {
		return nil
	}
	x.waiting = want
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(x.fd)}
	if want {
		event.Events |= unix.EPOLLOUT
	}
	return unix.EpollCtl(c.ep, unix.EPOLL_CTL_MOD, x.fd, &event)
}

// serve does what a connection is ready for. Its error ends the load; a
// failure of the server is counted.
func (c *client) serve(x *conn, events uint32) error {
	if x == nil {
		return nil // closed by an earlier event of this wait
	}
	if events&unix.EPOLLOUT != 0 {
		if err := c.send(x); err != nil {
			c.tally.fail(err)
			return c.again(x)
		}
	}
	if events&(unix.EPOLLIN|unix.EPOLLHUP|unix.EPOLLERR) == 0 {
		return nil
	}
	n, err := unix.Read(x.fd, c.buf)
	switch {
	case errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR):
		return nil
	case err != nil:
		c.tally.fail(fmt.Errorf("read: %w", err))
		return c.again(x)
	case n == 0:
		if err := x.answer.eof(); err != nil {
			c.tally.fail(err)
			return c.again(x)
		}
		c.count(x)
		return c.again(x)
	}
	for p := c.buf[:n]; len(p) > 0; {
		used, complete, err := x.answer.feed(p)
		if err == nil && complete && x.answers == 0 {
			err = errors.New("a response that was not asked for")
		}
		if err != nil {
			c.tally.fail(err)
			return c.again(x)
		}
		p = p[used:]
		if complete {
			c.count(x)
			ends := x.answer.close
			x.answer.reset()
			if x.answers--; x.answers > 0 && ends {
				c.tally.fail(io.ErrUnexpectedEOF)
			}
			if ends {
				return c.again(x)
			}
		}
	}
	if x.answers == 0 {
		x.started, x.unsent, x.answers = time.Now(), c.out, c.batch
		if err := c.send(x); err != nil {
			c.tally.fail(err)
			return c.again(x)
		}
	}
	return nil
}

func (c *client) count(x *conn) {
	if err := c.check(&x.answer); err != nil {
		c.tally.fail(err)
		return
	}
	c.tally.latency = append(c.tally.latency, time.Since(x.started))
}

func (c *client) send(x *conn) error {
	for len(x.unsent) > 0 {
		n, err := unix.Write(x.fd, x.unsent)
		if errors.Is(err, unix.EAGAIN) {
			return c.wantWrite(x, true)
		}
		if err != nil {
			return fmt.Errorf("write: %w", err)
		}
		x.unsent = x.unsent[n:]
	}
	return c.wantWrite(x, false)
}
