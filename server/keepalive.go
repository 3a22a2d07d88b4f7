package server

import (
	"strconv"
	"strings"
	"time"
)

// Defaults of the connection's directives.
const (
	DefaultTimeout          = 60 * time.Second
	DefaultKeepAliveTimeout = 5 * time.Second
	defaultMaxKeepAlive     = 100
)

// atLeast11 tells whether the client speaks HTTP/1.1, as far as it is believed.
func (r *Request) atLeast11() bool {
	return r.ProtoAtLeast(1, 1) && !r.Simple && !r.Env.Has("downgrade-1.0") && !r.Env.Has("force-no-vary")
}

// setKeepAlive decides, once and before the head is sent, whether the
// connection stays open and whether the body is sent in chunks, and says so to
// the client (ap_set_keepalive).
func (r *Request) setKeepAlive() {
	wimpy := hasToken(r.Out.Get("Connection"), "close")
	asked, _ := r.fieldIn("Connection")

	delimited := r.HeaderOnly || headerOnly(r.Status) || r.Out.Has("Content-Length")
	if !r.Conn.Close && !delimited && r.atLeast11() {
		r.Chunked, delimited = true, true
	}
	wants := hasToken(asked, "keep-alive")
	nokeepalive := r.Env.Has("nokeepalive") && r.Header["Via"] == nil
	if wimpy || nokeepalive || !delimited || r.Protocol != "HTTP/1.1" || r.atLeast11() != r.ProtoAtLeast(1, 1) {
		r.Unrepeatable() // what PersistenceOf knows nothing of
	}
	r.connectionAt = r.Out.Len()
	p := PersistenceOf(CoreServer.Of(r.Server))
	keep := !r.Conn.Close && delimited && p.keeps(r.Conn.KeepAlives) && !dropsConnection(r.Status) && !wimpy &&
		!hasToken(asked, "close") && !nokeepalive && (wants || r.atLeast11())
	if keep {
		if wants {
			r.Out.Set("Keep-Alive", string(p.appendParameters(nil, r.Conn.KeepAlives)))
			r.Out.Merge("Connection", "Keep-Alive")
		}
		return
	}
	if !wimpy {
		r.Out.Merge("Connection", "close")
	}
	r.Conn.Close = true
}

// WantsKeepAlive tells whether the client has asked for its connection to be kept.
func (r *Request) WantsKeepAlive() bool {
	asked, _ := r.fieldIn("Connection")
	return hasToken(asked, "keep-alive")
}

// ConnectionAt is where among the response's fields those about the connection stand.
func (r *Request) ConnectionAt() int { return r.connectionAt }

// Persistence is what a server's directives say about connections that stay open.
type Persistence struct {
	on      bool // KeepAlive, and a KeepAliveTimeout above 0
	limit   int  // MaxKeepAliveRequests; 0 is none
	seconds int64
}

// PersistenceOf reads a server's directives.
func PersistenceOf(c *ServerConfig) Persistence {
	timeout := c.KeepAliveTimeout.Else(DefaultKeepAliveTimeout)
	return Persistence{c.KeepAlive.Else(true) && timeout > 0, c.MaxKeepAliveRequests.Else(defaultMaxKeepAlive), int64(timeout / time.Second)}
}

// keeps tells whether the connection may have a request after one that kept
// others came before.
func (p *Persistence) keeps(kept int) bool { return p.on && (p.limit == 0 || kept < p.limit) }

func (p *Persistence) appendParameters(b []byte, kept int) []byte {
	b = strconv.AppendInt(append(b, "timeout="...), p.seconds, 10)
	if p.limit > 0 {
		b = strconv.AppendInt(append(b, ", max="...), int64(p.limit-kept), 10)
	}
	return b
}

// Append writes the fields about the connection for an answer that is
// repeated, and tells whether the connection stays open: kept requests came
// before on it; wants says that the client asked for it to be kept, ends that it
// must not be.
func (p *Persistence) Append(b []byte, kept int, wants, http11, ends bool) ([]byte, bool) {
	if ends || !p.keeps(kept) || !wants && !http11 {
		return append(b, "Connection: close\r\n"...), false
	}
	if wants {
		b = p.appendParameters(append(b, "Keep-Alive: "...), kept)
		b = append(b, "\r\nConnection: Keep-Alive\r\n"...)
	}
	return b, true
}

// hasToken tells whether a list field holds a token, in any case (ap_find_token).
func hasToken(list, token string) bool {
	if len(list) < len(token) {
		return false
	}
	for part := range strings.SplitSeq(list, ",") {
		if strings.EqualFold(strings.TrimSpace(part), token) {
			return true
		}
	}
	return false
}
