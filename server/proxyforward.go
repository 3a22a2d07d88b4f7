package server

import (
	"bytes"
	"time"
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
