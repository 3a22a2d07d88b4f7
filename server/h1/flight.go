package h1

import (
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/donjon-httpd/donjon/server"
)

// The loop forwards by itself what has a route (see route.go): it writes the
// request to a connection that waits in the backend's pool, and passes the answer
// on when all of it has come. Whatever is not as it knows it goes to a goroutine
// with what is under way, and the phases take it from there.

// flight is a request that the loop has sent to a backend.
type flight struct {
	c        *conn
	fd       int               // of the connection to the backend
	back     *server.ProxyConn // of the pool; nil for one that is this request's own
	ways     []*prepared
	route    *route
	received time.Time
	until    time.Time // the answer must have come
	head     []byte    // of the request, as it came
	sent     []byte    // what goes to the backend
	left     []byte    // what has not gone yet
	answer   []byte    // what has come of the answer, as far as it lies here
	known    *routedHead
	// Of the request:
	wants, http11, ends bool
	values              []fieldValue
}

// flights are those of a loop.
type flights struct {
	m       map[int]*flight           // by the backend's descriptor; Loop.mu is held
	watched map[int]*server.ProxyConn // whom the loop hears of; its own thread only
	free    []*flight
	in      []byte
	head    answerHead
	date    []byte // the last that was looked at
	text    []byte // of an application's answer
}

const (
	flightInput = 16<<10 + routedBody // a whole answer
	spareFlight = 64
)

func newFlights() flights {
	return flights{m: map[int]*flight{}, watched: map[int]*server.ProxyConn{}, in: make([]byte, flightInput)}
}

// forward sends a request to its backend, if there is a way for it. It is the only one
// in b. It is false when a goroutine must do it.
func (l *Loop) forward(c *conn, b []byte, received time.Time) bool {
	s, n := &l.flights, l.inline
	if len(b) == inlineInput {
		return false // there may be more, which no event tells of
	}
	f := s.get()
	f.ways = l.answers.findRoutes(f.ways[:0], &n.q, c, received.UnixNano())
	if len(f.ways) == 0 {
		s.put(f)
		return false
	}
	t := f.ways[0].route
	var ok bool
	if f.sent, ok = t.appendRequest(f.sent[:0], b, &c.info); !ok {
		s.put(f)
		return false
	}
	if !l.depart(f, t, c) {
		s.put(f)
		return false
	}
	f.c, f.route, f.received, f.known = c, t, received, nil
	f.until = received.Add(t.way.Timeout)
	f.head = append(f.head[:0], b...)
	f.answer = f.answer[:0]
	f.wants, f.http11, f.ends = n.q.wants, n.q.http11, n.q.ends
	f.values = f.values[:0]
	for i := range n.q.watch.names {
		if v, ok := n.q.field(i); ok {
			at := cap(b) - cap(v) // v is a piece of b, which the flight has a copy of
			f.values = append(f.values, fieldValue{i, f.head[at : at+len(v)]})
		}
	}
	l.mu.Lock()
	s.m[f.fd] = f
	l.mu.Unlock()
	return true
}

// depart sends what f has for the backend over a connection of the pool, or a new
// one where each request has its own.
func (l *Loop) depart(f *flight, t *route, c *conn) bool {
	if !l.enrol(c) {
		return false
	}
	f.route, f.left = t, f.sent
	if t.way.Fresh {
		if f.fd = t.way.Dial(); f.fd < 0 {
			return false
		}
		ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET&0xffffffff, Fd: int32(f.fd)}
		if !f.push() || !addEvents(l.epfd, f.fd, &ev) {
			f.end()
			return false
		}
		return true
	}
	if f.back = t.way.Take(); f.back == nil {
		return false
	}
	f.fd = f.back.Under().FD()
	if !l.watch(f.back) || !f.push() || len(f.left) > 0 {
		f.end()
		return false
	}
	return true
}

// push sends what is left of the request. It is false when the connection failed.
func (f *flight) push() bool {
	for len(f.left) > 0 {
		n, err := send(f.fd, f.left, unix.MSG_NOSIGNAL)
		if err == unix.EAGAIN {
			return true
		}
		if err != nil {
			return false
		}
		f.left = f.left[n:]
	}
	return true
}

// end closes the connection to the backend.
func (f *flight) end() {
	if f.back == nil {
		f.route.way.Hangup(f.fd)
		return
	}
	f.back.Close = true
	f.back.Release()
	f.back = nil
}

// watch has the loop hear of a backend's connection.
func (l *Loop) watch(back *server.ProxyConn) bool {
	fd := back.Under().FD()
	if l.flights.watched[fd] == back && back.Watched {
		return true
	}
	ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLET&0xffffffff, Fd: int32(fd)}
	if err := unix.EpollCtl(l.epfd, unix.EPOLL_CTL_ADD, fd, &ev); err != nil && err != unix.EEXIST {
		return false
	}
	back.Watched = true
	l.flights.watched[fd] = back
	return true
}

// landed is told what happened on a backend's connection.
func (l *Loop) landed(fd int, what uint32) {
	s := &l.flights
	l.mu.Lock()
	f := s.m[fd]
	if f != nil {
		delete(s.m, fd)
	}
	l.mu.Unlock()
	if f == nil {
		if back := s.watched[fd]; back != nil && what&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
			back.SetGone()
		}
		return
	}
	if what&unix.EPOLLOUT != 0 && !f.push() {
		l.crash(f, nil)
		return
	}
	in := s.in
	have := copy(in, f.answer)
	for {
		got, err := read(fd, in[have:])
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			l.stay(f, in[:have])
			return
		case err != nil || got == 0:
			l.crash(f, in[:have])
			return
		}
		if have += got; have < len(in) {
			break
		}
		// More than the loop has room for.
		l.divert(f, in[:have])
		return
	}
	if f.route.vars != nil {
		l.landedRecords(f, in[:have])
		return
	}
	h := &s.head
	ok, more := h.read(in[:have])
	if more {
		l.stay(f, in[:have])
		return
	}
	if !ok || have > h.size+int(min(h.length, routedBody)) {
		l.divert(f, in[:have])
		return
	}
	if f.known == nil {
		if h.length <= routedBody && (h.date == nil || s.isDate(h.date)) {
			f.known = l.answers.headFor(f.ways, h)
		}
		if f.known == nil {
			l.divert(f, in[:have])
			return
		}
	}
	if have < h.size+int(h.length) {
		l.stay(f, in[:have])
		return
	}
	l.deliver(f, h, in[h.size:have])
}

// stay waits for more of an answer.
func (l *Loop) stay(f *flight, have []byte) {
	f.answer = append(f.answer[:0], have...)
	l.mu.Lock()
	l.flights.m[f.fd] = f
	l.mu.Unlock()
}

// deliver passes a whole answer on.
func (l *Loop) deliver(f *flight, h *answerHead, body []byte) {
	c, n, t := f.c, l.inline, f.known
	now := time.Now()
	l.now = now
	w := f.route.way.Worker.Shared
	w.Transferred().Add(uint64(len(f.sent)))
	w.Read().Add(uint64(t.line + len(body)))
	out, keep := t.append(n.out[:0], h, &n.dates, now, c.info.KeepAlives, f.wants, f.http11, f.ends || l.draining.Load() || c.info.Close)
	if !keep {
		c.info.Close = true
	}
	if f.back != nil {
		f.back.Release()
	} else {
		f.route.way.Hangup(f.fd)
	}
	if t.chunks {
		out = appendChunks(out, body)
	} else {
		out = append(out, body...)
	}
	n.out = out
	n.sent = append(n.sent[:0], repeated{p: t.p, received: f.received, in: int64(len(f.head)), out: int64(len(out)), kept: c.info.KeepAlives, close: !keep,
		routed: true, length: int64(len(body)), chunks: t.chunks})
	r := &n.sent[0]
	for _, i := range t.p.logged {
		for _, v := range f.values {
			if v.field == i {
				r.values = append(r.values, v)
			}
		}
	}
	c.info.KeepAlives++
	stays := l.send(c, out, n.sent, nil, f.ends)
	n.out = out[:0]
	l.flights.put(f)
	switch {
	case !stays:
	case c.sec != nil:
		l.answer(c) // more may lie in what was decrypted
	default:
		l.rest(c)
		l.wake(c)
	}
}

// isDate is the function of that name, which remembers the last one.
func (s *flights) isDate(b []byte) bool {
	if string(s.date) == string(b) {
		return true
	}
	if !isDate(b) {
		return false
	}
	s.date = append(s.date[:0], b...)
	return true
}

// landedRecords is landed for an application that speaks FastCGI. One whose answer
// does not come at once may want it to be passed on as it comes.
func (l *Loop) landedRecords(f *flight, in []byte) {
	s := &l.flights
	var ok bool
	if ok, s.text = s.head.readRecords(in, s.text); ok && len(s.text)-s.head.size <= routedBody {
		f.known = l.answers.headFor(f.ways, &s.head)
	}
	if f.known == nil {
		l.divert(f, in)
		return
	}
	l.deliver(f, &s.head, s.text[s.head.size:])
}

// wake looks again at a connection that was given back while something may have
// happened to it.
func (l *Loop) wake(c *conn) {
	select {
	case <-c.wake:
		if c.take(busy) {
			l.answer(c)
		}
	default:
	}
}

// divert leaves a request whose answer the loop cannot treat to a goroutine.
func (l *Loop) divert(f *flight, have []byte) {
	l.hand(f.leave(slices.Clone(f.sent), slices.Clone(have)), slices.Clone(f.head), nil)
	l.flights.put(f)
}

// leave gives what is under way to the client's connection.
func (f *flight) leave(sent, have []byte) *conn {
	back := f.back
	if f.back = nil; back == nil {
		unix.EpollCtl(f.c.loop.epfd, unix.EPOLL_CTL_DEL, f.fd, nil) //nolint:errcheck // it is there
		back = f.route.way.Adopt(f.fd)
	}
	if back != nil && len(f.left) > 0 { // as good as not sent
		back.Close = true
		back.Release()
		back = nil
	}
	if back != nil {
		f.c.flight = &server.ProxyFlight{Conn: back, Sent: sent, Ahead: have, Began: f.received, Until: f.until}
	}
	return f.c
}

// crash is divert for a backend that has closed its connection. One that has not
// begun to answer is asked again, on another: the request was a GET (RFC 9110
// section 9.2.2).
func (l *Loop) crash(f *flight, have []byte) {
	if len(have) > 0 {
		l.divert(f, have)
		return
	}
	f.end()
	l.hand(f.c, slices.Clone(f.head), nil)
	l.flights.put(f)
}

// overdue leaves requests whose answers take too long to goroutines, which know
// what to say. It is called from another thread than the loop's.
func (l *Loop) overdue(now time.Time) {
	var late []*flight
	l.mu.Lock()
	for fd, f := range l.flights.m {
		if now.After(f.until) {
			delete(l.flights.m, fd)
			late = append(late, f)
		}
	}
	l.mu.Unlock()
	for _, f := range late {
		l.hand(f.leave(f.sent, f.answer), f.head, nil)
	}
}

func (s *flights) get() *flight {
	if n := len(s.free); n > 0 {
		f := s.free[n-1]
		s.free = s.free[:n-1]
		return f
	}
	return &flight{}
}

func (s *flights) put(f *flight) {
	f.c, f.back, f.route, f.known, f.left = nil, nil, nil, nil, nil
	clear(f.ways)
	if len(s.free) < spareFlight && cap(f.answer) <= flightInput {
		s.free = append(s.free, f)
	}
}
