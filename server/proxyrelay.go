package server

import (
	"errors"
	"io"

	"github.com/donjon-httpd/donjon/server/backend"
)

// RelayRest hands on all that the backend still sends until it ends the
// connection, behind ahead. What is there at once goes out together, and with its
// length if that is all; before a wait the client gets what there is. An error is
// the backend's, or errors.Is(err, ErrClientGone).
func (c *ProxyCall) RelayRest(conn *ProxyConn, ahead []byte) error {
	r := c.R
	buf := append(make([]byte, 0, max(16<<10, len(ahead))), ahead...)
	pass := func(b Brigade, last bool) error {
		b.Streamed = true
		if len(buf) > 0 {
			b.Buckets = []Bucket{{Mem: buf}}
		}
		send := r.PassBrigade
		if last {
			send = r.EndWith
		}
		if err := send(&b); err != nil || r.Conn.Aborted {
			return ErrClientGone
		}
		buf = buf[:0]
		return nil
	}
	for {
		for len(buf) < cap(buf) && (conn.R.Buffered() > 0 || conn.Under().Readable()) {
			n, err := conn.R.Read(buf[len(buf):cap(buf)])
			buf = buf[:len(buf)+n]
			c.Worker.Shared.Read().Add(uint64(n))
			if err == io.EOF {
				return pass(Brigade{}, true)
			}
			if err != nil {
				return err
			}
		}
		wait := len(buf) < cap(buf)
		if err := pass(Brigade{Flush: wait}, false); err != nil {
			return err
		}
		if !wait {
			continue
		}
		if _, err := conn.R.Peek(1); err == io.EOF {
			return pass(Brigade{}, true)
		} else if err != nil {
			return err
		}
	}
}

// ErrClientGone is a client that does not take the response any more.
var ErrClientGone = errors.New("the client is gone")

// RelayBroke ends a response of which the backend did not send all, after
// RelayRest gave err, and answers what there is to answer. logged says that the
// log has been told.
func (c *ProxyCall) RelayBroke(err error, logged bool) Status {
	r := c.R
	switch {
	case errors.Is(err, ErrClientGone):
		return Done
	case r.HeadSent:
		if logged {
			r.Truncate()
		} else {
			r.TruncateFor(ErrnoOf(err))
		}
		return Done
	case errors.Is(err, backend.ErrTimeout):
		return 504
	}
	return 502
}

// SendBody sends the body behind what was read ahead, which write has sent. It
// answers what to tell the client when that does not send it; err is write's.
func (b *ProxyBody) SendBody(r *Request, write func([]byte) error) (Status, error) {
	p := make([]byte, 16<<10)
	for b.More() {
		n, err := b.Read(r, p)
		if n > 0 {
			if err := write(p[:n]); err != nil {
				return OK, err
			}
		}
		if err != nil && err != io.EOF {
			return r.BodyFailed(err), nil
		}
	}
	return OK, nil
}

// ProxyRealPaths gives names of files in r.Env as they are outside of the jail,
// where the program that is told them is.
func (r *Request) ProxyRealPaths() {
	if !r.Gen.Jail.Jailed() {
		return
	}
	for _, name := range [...]string{"DOCUMENT_ROOT", "CONTEXT_DOCUMENT_ROOT", "PATH_TRANSLATED"} {
		if v, ok := r.Env.Lookup(name); ok && v != "" && v[0] == '/' {
			r.Env.Set(name, r.Gen.Jail.Outside(v))
		}
	}
}
