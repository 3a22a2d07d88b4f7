package server

import (
	"net/netip"

	"github.com/donjon-httpd/donjon/directives"
)

// Conn is a client's connection as the phases see it: Apache's conn_rec. A wire
// engine owns it and sets its fields; it lives as long as the connection.
type Conn struct {
	Gen    *Generation
	Server *directives.Server // the server that the address chose, before any Host is known (base_server)

	Local, Remote netip.AddrPort // of the socket; Remote may be replaced per request by Request.Client
	ClientIP      string         // Remote's address as text, made once
	LocalIP       string
	RemoteHost    string // of a look-up; "" not yet looked up, "-" has none
	// RemoteHostDouble: a look-up of RemoteHost led back to the address;
	// RemoteHostChecked: it was made.
	RemoteHostChecked, RemoteHostDouble bool

	// Logname is whose the connection is at the client's side; "" when nobody has
	// asked, see [Request.RemoteLogname].
	Logname string

	// Foretold says that the connection begins with who its client is, and
	// Origin is what was told; see [Preface].
	Foretold bool
	Origin   netip.AddrPort

	ID         uint64
	LogID      string             // %{c}L; "" when nothing asked for it
	KeepAlives int                // requests that came before on this connection
	Close      bool               // no further request will be read
	Aborted    bool               // the client is gone
	TLS        bool               // encrypted
	Named      *directives.Server // the host that the client named when encryption began (SNI); nil for none
	TLSVersion uint16             // of package tls; 0 in clear, or when nobody has told
	TLSCiphers []uint16           // the suite, or while hands are shaken those that may come of it in TLS 1.2
	Session    any                // what the module that encrypts it knows of it; nil in clear
	Notes      Fields
	Speaks     string      // the protocol that was agreed on; "" for HTTP/1.x
	Stream     *Stream     // of a request that has it for itself, as HTTP/2's have; nil: this is the client's connection
	Values     map[any]any // what modules keep for the connection, by keys of types of their own
	Tap        *Tap        // who looks at its bytes; nil when nobody does
}

// Tap looks at what goes over a connection. A wire engine calls it with the
// connection's goroutine. Its functions may be nil.
type Tap struct {
	// In is told what was read: a line of a head, or what came of a body when so
	// many bytes were asked for.
	In func(c *Conn, line bool, asked int, p []byte)
	// Out is told what is about to be sent.
	Out func(c *Conn, b *Brigade)
}

// Connected has the modules look at a connection that was taken in
// (pre_connection). A wire engine calls it when the connection's addresses and
// server are known.
func (g *Generation) Connected(c *Conn) {
	for _, f := range g.connected {
		f(c)
	}
}

// Exchange is what a wire engine offers for one request and its response.
type Exchange interface {
	// Body takes the response out. The first call sends the head: r.Status,
	// r.StatusLine and r.Out are final then, and the engine decides framing
	// (Content-Length, chunked, close) by them.
	Body(r *Request, b *Brigade) error
	// Interim sends a 1xx response with r.Out's fields.
	Interim(r *Request, status int) error
	// Drop says that the connection must not be used again after this response.
	Drop()
}
