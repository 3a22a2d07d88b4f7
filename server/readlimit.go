package server

import (
	"time"

	"github.com/donjon-httpd/donjon/directives"
)

// ReadLimit bounds how long a client may take to send one part of a request.
// The zero value is no bound.
type ReadLimit struct {
	First   time.Duration // until the first byte and all others; 0: no bound
	Most    time.Duration // that PerByte can make of it; 0: no bound to that
	PerByte time.Duration // more, for each byte that came
}

// ReadLimits are the bounds for the parts of a request, and what is done when
// one of them is met: the wire engine then ends the connection.
type ReadLimits struct {
	Handshake, Header, Body ReadLimit
	Expired                 func(c *Conn, part string)
}

// ReadLimits asks the modules for the bounds that hold for a server: the one
// that the address chose for heads, the virtual host for bodies.
func (g *Generation) ReadLimits(v *directives.Server) *ReadLimits {
	for _, m := range g.Modules {
		if m.ReadLimits != nil {
			return m.ReadLimits(v)
		}
	}
	return &ReadLimits{Expired: func(*Conn, string) {}}
}

// Abandon logs a request whose line never came whole. Nothing is sent.
func (g *Generation) Abandon(r *Request, s Status) {
	r.Status = int(s)
	r.ended = true
	r.finish()
}
