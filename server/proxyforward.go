package server

import (
	"bytes"
	"net/netip"
	"time"

	"github.com/donjon-httpd/donjon/server/backend"
)

// A request that looks like one that was sent to a backend before may be sent
// there without asking the phases again, and an answer whose head looks like one
// that they have treated may be passed on in the same way. As for answers that are
// repeated (see repeatable.go) nothing is guessed: what the phases depended on is
// known, and a wire engine compares what it would have sent with what they sent
// before it sends anything by itself.

// Forwarding is what went to a backend for a request and came back, as far as a
// wire engine must know it to forward the next by itself. It is valid while the
// response is passed on.
type Forwarding struct {
	Worker  *ProxyWorker
	Host    string // whom the connection was to, with Port and Socket
	Port    int
	Socket  string
	Timeout time.Duration // of each wait for the backend
	Sent    []byte        // the request as it went out
	Head    string        // the answer's head as it came, with the empty line
	Length  int64         // of the answer's body
	Body    []byte        // the piece of it that is being passed on

	// Records: FastCGI is spoken, Head is what the application's fields are, and Length is not known.
	Records bool
	// Fresh: each request has a connection of its own, to Addr or Path.
	Fresh bool
	Addr  netip.AddrPort
	Path  string // of a unix socket
	to    backend.Target
}

// Forwarded says that a backend answers the request: the answer is not to be
// repeated, though the way to it may be.
func (r *Request) Forwarded() { r.Top().depends.forwarded = true }

// DependsOnAnswer says that something was made of a field of the response: with
// some of them answers of a backend differ that are the same else, and a request
// that is logged or answered by those is not forwarded without the phases.
func (r *Request) DependsOnAnswer(field string) {
	if r.Top().depends.forwarded && (equalFold(field, "Content-Length") || equalFold(field, "Date")) {
		r.Unrepeatable()
	}
}

// passesOn tells whether what programs are told about the client goes to a backend:
// it is not made into anything else then, and another client's can go in its place.
func (r *Request) passesOn() bool { return r.Top().depends.forwarded }

// MayForward tells whether a later request may be forwarded as this one was, as
// far as is known.
func (r *Request) MayForward() bool { return r.mayCome(true) && r.Method == "GET" && !r.HeaderOnly }

// Forwarder is an [Exchange] that may forward later requests by itself.
type Forwarder interface {
	// Forwards is told of the way of a request before its response is passed on.
	Forwards(*Forwarding)
}

// Take gives a connection that waits unused, for the target that f says; nil when
// there is none, or the worker is not to be asked. It must be released.
func (f *Forwarding) Take() *ProxyConn {
	w := f.Worker
	if !w.Shared.Status().Usable() {
		return nil
	}
	p := &w.pool
	var old []*ProxyConn
	p.mu.Lock()
	if most := w.Params.Max.Else(0); most > 0 && p.inUse >= most {
		p.mu.Unlock()
		return nil
	}
	c := p.pop(w, &old)
	if c != nil {
		p.inUse++
	}
	p.mu.Unlock()
	for _, o := range old {
		o.shut()
	}
	if c == nil {
		return nil
	}
	if c.TLS || c.Hostname != f.Host || c.Port != f.Port || c.Socket != f.Socket {
		c.Release()
		return nil
	}
	c.Close = false
	return c
}

// Target tells f where the connection leads. It is false for one that this process
// could not make by itself in the same way.
func (c *ProxyCall) Target(conn *ProxyConn, f *Forwarding) bool {
	f.Worker, f.Host, f.Port, f.Socket, f.Timeout = c.Worker, conn.Hostname, conn.Port, conn.Socket, c.Timeout()
	if conn.Socket != "" {
		f.Path = conn.path
	} else {
		f.Addr = conn.addr
	}
	o := c.options()
	var ok bool
	f.to, ok = backend.TargetOf(f.Addr, f.Path)
	return ok && !conn.aimed && !o.KeepAlive && !o.Source.IsValid() && o.ReceiveBuffer == 0
}

// Dial begins to connect to the target of one with Fresh; -1 when that cannot be
// done now, or the worker is not to be asked. The descriptor is given to Hangup or
// Adopt.
func (f *Forwarding) Dial() int {
	w := f.Worker
	if !w.Shared.Status().Usable() {
		return -1
	}
	p := &w.pool
	p.mu.Lock()
	if most := w.Params.Max.Else(0); most > 0 && p.inUse >= most {
		p.mu.Unlock()
		return -1
	}
	p.inUse++
	p.mu.Unlock()
	fd, err := f.to.Begin()
	if err != nil {
		f.left()
		return -1
	}
	return fd
}

// left says that a connection of Dial's is not in use any more.
func (f *Forwarding) left() {
	p := &f.Worker.pool
	p.mu.Lock()
	p.inUse--
	p.wakeOne()
	p.mu.Unlock()
}

// Hangup closes a connection that Dial has made.
func (f *Forwarding) Hangup(fd int) {
	backend.Close(fd)
	f.left()
}

// Adopt makes a connection for the phases of one that Dial has made; nil when it
// had to be closed.
func (f *Forwarding) Adopt(fd int) *ProxyConn {
	under, err := backend.FromFD(fd, f.Timeout)
	if err != nil {
		f.left()
		return nil
	}
	return &ProxyConn{Conn: under, under: under, Worker: f.Worker, Hostname: f.Host, Port: f.Port, Socket: f.Socket, path: f.Path, addr: f.Addr, Close: true}
}

// InFlight tells whether a request is under way on the connection already: it is
// to be used by [ProxyCall.Send], without Connect.
func (c *ProxyConn) InFlight() bool { return c.flight != nil }

// SetGone says that the other side has closed the connection while it waited.
func (c *ProxyConn) SetGone() { c.gone.Store(true) }

// ProxyFlight is a request that a wire engine has sent to a backend by itself and
// whose answer it leaves to the phases.
type ProxyFlight struct {
	Conn  *ProxyConn
	Sent  []byte    // the request
	Ahead []byte    // what has come of the answer
	Began time.Time // when the client's request was read
	Until time.Time // when the wait for the answer has taken too long
}

// ContinueFlight has the request use what is under way already, if it turns out
// to be sent to the same backend in the same words.
func (r *Request) ContinueFlight(f *ProxyFlight) { r.flight = f }

// EndFlight closes what is under way, if the request had no use for it.
func (r *Request) EndFlight() {
	if f := r.flight; f != nil {
		r.flight = nil
		f.Conn.Close = true
		f.Conn.Release()
	}
}

// takeFlight gives the connection to the worker on which the request is under way.
func (r *Request) takeFlight(w *ProxyWorker) *ProxyConn {
	f := r.flight
	if f == nil || f.Conn.Worker != w {
		return nil
	}
	r.flight = nil
	f.Conn.flight = f
	return f.Conn
}

// resume is Send on a connection on which a request is under way. One that was
// sent in other words, though with a safe method, is forgotten.
func (c *ProxyCall) resume(conn *ProxyConn, request []byte) (bool, error) {
	f := conn.flight
	conn.flight = nil
	if !bytes.Equal(f.Sent, request) {
		conn.shut()
		return false, nil
	}
	conn.R = takeReader(conn.Conn, c.readerSize())
	conn.under.Ahead(f.Ahead)
	conn.under.SetTimeout(max(time.Until(f.Until), time.Millisecond))
	_, err := conn.R.Peek(1)
	conn.under.SetTimeout(c.Timeout())
	return true, err
}
