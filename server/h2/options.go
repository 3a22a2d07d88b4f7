package h2

import (
	"time"

	"github.com/donjon-httpd/donjon/server"
)

// Preface is what a client's connection begins with (RFC 9113 section 3.4).
const Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// Options are what the configuration says about a session.
type Options struct {
	MaxStreams      int           // that may be open at a time
	Window          int           // bytes of a request's body that may come unasked
	MaxData         int           // bytes in a DATA frame that is sent; 0: as many as the client takes
	MaxHeaderBlock  int           // bytes of a response's fields; 0: 64 KiB
	MaxStreamErrors int           // that a client may make; -1: any number
	StreamTimeout   time.Duration // for each wait of a stream; 0: Timeout
	Padding         int           // bits of the length of padding
	Push            bool          // responses may be pushed
	Diary           int           // how many pushed resources are remembered
	WebSockets      bool          // RFC 8441
	ProxyRequests   bool          // every request is one for a forward proxy
	WarmUp          int64         // bytes that are sent in small TLS records at first
	CoolDown        time.Duration // without anything sent, after which that begins anew; 0: never

	// Pushes are the targets that go with a response whose head is complete; may be nil.
	Pushes     func(r *server.Request) []string
	EarlyHints bool // responses 103 are sent
}

// defaultHeaderBlock is nghttp2's NGHTTP2_MAX_HEADERSLEN.
const defaultHeaderBlock = 64 << 10

// maxBlock bounds the fields of a request as they are sent, and maxFields as
// they are decoded: what is longer ends the connection, whatever
// LimitRequestFields and LimitRequestFieldSize say.
const (
	maxBlock         = 256 << 10
	maxFields        = 1 << 20
	maxContinuations = 64
)
