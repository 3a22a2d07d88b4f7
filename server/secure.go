package server

import (
	"crypto/tls"
)

// Secure is how a connection is encrypted. A wire engine asks for it once, when
// the connection was taken in.
type Secure struct {
	// Config is for [tls.Server]. Its functions find the connection by
	// [ConnOf](hello.Conn).
	Config *tls.Config
	// Done is told how the handshake ended: what was agreed, or the error, which
	// nobody else logs. A [tls.RecordHeaderError] whose client speaks HTTP is
	// answered in clear with status 400; Done tells whether that is so.
	Done func(c *Conn, t *tls.Conn, err error) (plainHTTP bool)
}

// Secure is how the connection must be encrypted; nil for one in clear.
func (c *Conn) Secure() *Secure {
	for _, f := range c.Gen.secures {
		if s := f(c); s != nil {
			return s
		}
	}
	return nil
}

// Carrier is the net.Conn that a wire engine gives to package tls.
type Carrier interface {
	ServerConn() *Conn
}

// ConnOf is the connection that a [tls.ClientHelloInfo] has as its Conn; nil
// for one that is not a wire engine's.
func ConnOf(c any) *Conn {
	if k, ok := c.(Carrier); ok {
		return k.ServerConn()
	}
	return nil
}
