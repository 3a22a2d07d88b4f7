package h1

import (
	"net"
	"sync"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

// Connections that speak another protocol than HTTP/1.x: agreed on in the TLS
// handshake, recognised by how they begin, or asked for by an Upgrade field. They
// are given away like those that become tunnels.

// isHTTP tells whether a connection that may begin with c.direct does not.
func (c *conn) isHTTP(b []byte) bool {
	n := min(len(b), len(c.direct))
	if string(b[:n]) == c.direct[:n] {
		return false
	}
	c.direct = ""
	return true
}

// beginsOther reads on until it is known whether the connection begins with
// c.direct.
func (c *conn) beginsOther() bool {
	for !c.isHTTP(c.buf) {
		if len(c.buf) >= len(c.direct) {
			return true
		}
		if c.fill(c.timeout()) != nil {
			c.direct = ""
		}
		if c.direct == "" {
			break
		}
	}
	return false
}

// firstArrival marks the keys of answers that are the first on a connection.
const firstArrival = 1 << 30

// arrivalKey is the connection's part in the keys of prepared answers.
func (c *conn) arrivalKey() uint32 {
	if c.info.KeepAlives == 0 && c.loop.gen.Announces() {
		return c.arrival | firstArrival
	}
	return c.arrival
}

// speakOther leaves the connection to who speaks the protocol until it ends.
func (c *conn) speakOther(agreed string) {
	began := time.Unix(0, c.since.Load())
	h, err := c.giveAway()
	if err != nil {
		elog.Error(&c.info).Err(err).Msg("AH02908: protocol switch failed")
		c.close()
		return
	}
	c.info.Speaks = agreed
	w := c.wire(h)
	if first := c.reads.Header.First; first > 0 {
		w.head = max(time.Until(began.Add(first)), leastWait)
	}
	c.info.Gen.Wire().Serve(&c.info, w, nil)
	c.close()
}

// wire is a connection that was given away to another protocol.
type wire struct {
	*hijacked
	gather *gather // what package tls writes to; nil in clear
	record int
	head   time.Duration
}

var (
	_ server.Wire     = (*wire)(nil)
	_ server.Upgrader = (*exchange)(nil)
)

func (c *conn) wire(h *hijacked) *wire {
	w := &wire{hijacked: h, record: maxPlain}
	if c.sec != nil {
		w.gather = &gather{Conn: h.TCPConn}
		c.sec.given = w.gather
	}
	return w
}

// Upgrade is for [server.UpgradeProtocol].
func (x *exchange) Upgrade() (server.Wire, error) {
	h, err := x.c.giveAway()
	if err != nil {
		return nil, err
	}
	x.account()
	x.account = nil
	if w := x.worker; w != nil {
		x.worker = nil
		x.c.loop.finish(w, x.c, x.r)
	}
	return x.c.wire(h), nil
}

// gather keeps what package tls writes until it is sent in one go.
type gather struct {
	net.Conn
	mu  sync.Mutex
	out []byte
}

func (g *gather) Write(p []byte) (int, error) {
	g.mu.Lock()
	g.out = append(g.out, p...)
	g.mu.Unlock()
	return len(p), nil
}

// flush sends what was gathered. One goroutine at a time calls it.
func (g *gather) flush() error {
	g.mu.Lock()
	p := g.out
	g.out = nil
	g.mu.Unlock()
	_, err := g.Conn.Write(p)
	g.mu.Lock()
	if g.out == nil && cap(p) <= 128<<10 {
		g.out = p[:0]
	}
	g.mu.Unlock()
	return err
}

func (w *wire) Encrypted() bool { return w.gather != nil }

func (w *wire) SetRecordSize(n int) { w.record = n }

// Write sends p, in records where it is encrypted.
func (w *wire) Write(p []byte) (int, error) {
	if w.gather == nil {
		return w.hijacked.Write(p)
	}
	for rest := p; len(rest) > 0; {
		n := min(len(rest), w.record)
		if _, err := w.hijacked.Write(rest[:n]); err != nil {
			return len(p) - len(rest), err
		}
		rest = rest[n:]
	}
	return len(p), w.gather.flush()
}

// CloseWrite says that nothing more will come.
func (w *wire) CloseWrite() error {
	if w.gather != nil {
		w.c.sec.tls.CloseWrite() //nolint:errcheck // the end of the stream says the same
		w.gather.flush()         //nolint:errcheck // it may be gone
	}
	return w.TCPConn.CloseWrite()
}

func (w *wire) Go(f func()) { w.c.loop.workers.run(f) }

func (w *wire) HeadTime() time.Duration { return w.head }

// Process is for [server.Wire].
func (w *wire) Process(r *server.Request, refused server.Status, sent func() int64) bool {
	l := w.c.loop
	k := l.crew.Take(l.aborted)
	if k == nil {
		return false
	}
	l.beginAs(k, r, r.Conn.Protocol())
	if refused != 0 {
		r.Gen.Reject(r, refused)
	} else {
		r.Gen.Process(r)
	}
	l.finishAs(k, r, sent())
	return true
}

// OnDrain is for [server.Wire].
func (w *wire) OnDrain(f func()) {
	l := w.c.loop
	l.mu.Lock()
	if l.drains == nil {
		l.drains = map[*conn]func(){}
	}
	l.drains[w.c] = f
	l.mu.Unlock()
	if l.draining.Load() {
		f()
	}
}

// drainOthers tells those that speak other protocols that no further requests
// are wanted.
func (l *Loop) drainOthers() {
	l.mu.Lock()
	list := make([]func(), 0, len(l.drains))
	for _, f := range l.drains {
		list = append(list, f)
	}
	l.mu.Unlock()
	for _, f := range list {
		f()
	}
}
