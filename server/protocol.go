package server

import (
	"slices"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/directives"
)

// HTTP1 is the name of HTTP/1.x among protocols (AP_PROTOCOL_HTTP1).
const HTTP1 = "http/1.1"

// WireProtocol is what a module brings that speaks another protocol on
// connections than HTTP/1.x.
type WireProtocol struct {
	// Propose answers which of the offered protocols it would speak on a
	// connection (protocol_propose). r is nil unless a request asks for it by its
	// Upgrade field.
	Propose func(c *Conn, r *Request, v *directives.Server, offers []string) []string
	// Direct is what a connection begins with whose client speaks the protocol
	// without having agreed on it; "" where that is not looked for.
	Direct func(c *Conn) string
	// Serve speaks the protocol until the connection ends. upgraded is the request
	// that asked for it, whose answer is the first one; nil for none.
	Serve func(c *Conn, w Wire, upgraded *Request)
}

// Wire is a connection that a wire engine has left to a [WireProtocol], with what
// was read ahead of it.
type Wire interface {
	ClientStream
	SetWriteDeadline(time.Time) error
	// Encrypted tells whether Write encrypts; it makes records of at most so many
	// bytes, and sends them together.
	Encrypted() bool
	SetRecordSize(n int)
	// Go runs f on a goroutine.
	Go(f func())
	// Process has a request answered as by a worker of this process, which is in
	// the scoreboard meanwhile; with refused, if that is not 0. sent tells what was
	// written for it. It answers false when the process ends.
	Process(r *Request, refused Status, sent func() int64) bool
	// OnDrain has f called when no further requests are wanted.
	OnDrain(f func())
	// HeadTime is how long the client has for its first request.
	HeadTime() time.Duration
}

// Upgrader is an [Exchange] whose connection may become one of another protocol
// in the middle of a request.
type Upgrader interface {
	// Upgrade gives the connection away, and the worker of the request back: it is
	// done with but for its log line.
	Upgrade() (Wire, error)
}

// Stream is what is known of the HTTP/2 stream that a request came on.
type Stream struct {
	ID       uint32
	Tag      string // names it among all of the server's (H2_STREAM_TAG)
	Push     bool   // the client takes pushed responses
	PushedOn uint32 // the stream whose answer had this one pushed; 0 for none
	// OnReset has f called when the client gives the stream up, or is gone already;
	// f must not wait. stop ends that: when it returns, f does not run any more.
	OnReset func(f func()) (stop func())
}

// NoteHTTP1Required is a note of a request that only a connection of HTTP/1.1 can
// serve: why that is so.
const NoteHTTP1Required = "ssl-renegotiate-forbidden"

// Protocol is the name of the protocol that the connection speaks (ap_get_protocol).
func (c *Conn) Protocol() string {
	if c.Speaks != "" {
		return c.Speaks
	}
	return HTTP1
}

// protocolServer is whose Protocols hold.
func protocolServer(c *Conn, r *Request, v *directives.Server) *directives.Server {
	switch {
	case v != nil:
		return v
	case r != nil:
		return r.Server
	}
	return c.Server
}

// SelectProtocol chooses among the protocols that a client offers, by its TLS
// hello or, when r is not nil, by an Upgrade field; "" for none (ap_select_protocol).
// v may be nil for the request's or connection's server.
func (g *Generation) SelectProtocol(c *Conn, r *Request, v *directives.Server, offers []string) string {
	conf := CoreServer.Of(protocolServer(c, r, v))
	if len(conf.Protocols) == 0 {
		if slices.Contains(offers, HTTP1) {
			return HTTP1
		}
		return ""
	}
	var proposals []string
	if g.wire != nil {
		proposals = g.wire.Propose(c, r, protocolServer(c, r, v), offers)
	}
	if now := c.Protocol(); !slices.Contains(proposals, now) && slices.Contains(offers, now) {
		proposals = append(proposals, now)
	}
	order := conf.Protocols
	if !conf.ProtocolsHonorOrder.Else(true) && len(offers) > 0 {
		order = offers
	}
	best, at := "", 0
	for _, p := range proposals {
		if !slices.Contains(conf.Protocols, p) {
			continue
		}
		i := slices.Index(order, p)
		if i < 0 {
			i = len(order)
		}
		if best == "" || i < at {
			best, at = p, i
		}
	}
	return best
}

// AllowsProtocol tells whether Protocols names a protocol (ap_is_allowed_protocol).
func AllowsProtocol(v *directives.Server, name string) bool {
	conf := CoreServer.Of(v)
	if len(conf.Protocols) == 0 {
		return name == HTTP1
	}
	return slices.Contains(conf.Protocols, name)
}

// upgrades are the protocols that Protocols prefers to the one that the
// connection speaks (ap_get_protocol_upgrades).
func upgrades(c *Conn, v *directives.Server) []string {
	list := CoreServer.Of(v).Protocols
	if i := slices.Index(list, c.Protocol()); i >= 0 {
		list = list[:i]
	}
	return list
}

// announces tells whether first answers on connections may name other protocols
// than HTTP/1.x.
func (g *Generation) announces() bool {
	for _, v := range g.Servers() {
		if p := CoreServer.Of(v).Protocols; len(p) > 0 && p[0] != HTTP1 {
			return true
		}
	}
	return false
}

// Announces tells whether the first answer on a connection may be another than
// those that follow.
func (g *Generation) Announces() bool { return g.announcing }

// DirectMagic is [WireProtocol.Direct].
func (c *Conn) DirectMagic() string {
	if w := c.Gen.wire; w != nil {
		return w.Direct(c)
	}
	return ""
}

// OtherProtocol is who speaks on the connection what was agreed on; nil for HTTP/1.x.
func (c *Conn) OtherProtocol(agreed string) *WireProtocol {
	if agreed == "" || agreed == HTTP1 || agreed == ALPNChallenge || c.Gen.wire == nil {
		return nil
	}
	return c.Gen.wire
}

// Wire is who speaks other protocols; nil for nobody.
func (g *Generation) Wire() *WireProtocol { return g.wire }

// UpgradeProtocol is a handler: it answers an Upgrade field that names a protocol
// which is spoken here and preferred, and else has the first answer of a
// connection say what would be (core_upgrade_handler).
func UpgradeProtocol(r *Request) Status {
	c := r.Conn
	asked, _ := r.FieldIn("Upgrade")
	if asked == "" {
		if c.KeepAlives == 0 && r.Top() == r {
			if list := upgrades(c, r.Server); len(list) > 0 {
				r.Unrepeatable() // the answers that follow say nothing
				r.Out.Set("Upgrade", strings.Join(list, ","))
				r.Out.Set("Connection", "Upgrade")
			}
		}
		return Declined
	}
	r.Unrepeatable()
	connection, _ := r.FieldIn("Connection")
	if !hasToken(connection, "upgrade") {
		return Declined
	}
	offers, problem := tokensOf(asked)
	if problem != "" {
		corelog.Error(r).Msgf("AH02910: parsing Upgrade header: %s", problem)
		return Declined
	}
	protocol := r.Gen.SelectProtocol(c, r, nil, offers)
	if protocol == "" || protocol == c.Protocol() {
		return Declined
	}
	x, ok := r.Exchange.(Upgrader)
	if !ok || r.Gen.wire == nil {
		return Declined
	}
	corelog.Debug(r).Msgf("AH02909: Upgrade selects '%s'", protocol)
	r.Out.Clear()
	r.Out.Set("Upgrade", protocol)
	r.Out.Set("Connection", "Upgrade")
	r.Status, r.StatusLine = 101, StatusText(101)
	if r.Exchange.Interim(r, 101) != nil {
		r.Abandon(101)
		return Done
	}
	w, err := x.Upgrade()
	if err != nil {
		corelog.Error(r).Err(err).Msgf("AH02908: protocol switch to '%s' failed", protocol)
		r.Abandon(101)
		return Done
	}
	r.HeadSent, r.ended, c.Close = true, true, true
	c.Speaks = protocol
	r.Gen.wire.Serve(c, w, r)
	return Done
}

// AsksForUpgrade tells whether [UpgradeProtocol] may give a request's connection
// to another protocol.
func AsksForUpgrade(r *Request) bool { return r.Header["Upgrade"] != nil }

// tokensOf reads a list of tokens (ap_parse_token_list_strict).
func tokensOf(list string) (tokens []string, problem string) {
	for part := range strings.SplitSeq(list, ",") {
		part = strings.Trim(part, " \t")
		if part == "" {
			continue
		}
		for i := 0; i < len(part); i++ {
			// A slash is no token character, but stands in names of protocols.
			if c := part[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("()<>@;:\\\"[]?={}", c) >= 0 {
				return nil, "Encountered illegal separator '" + EscapeLog(part[i:i+1]) + "'"
			}
		}
		if !slices.Contains(tokens, part) {
			tokens = append(tokens, part)
		}
	}
	return tokens, ""
}
