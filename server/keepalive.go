package server

import (
	"fmt"
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
	c := CoreServer.Of(r.Server)
	limit := c.MaxKeepAliveRequests.Else(defaultMaxKeepAlive)
	left := limit - r.Conn.KeepAlives
	wimpy := hasToken(r.Out.Get("Connection"), "close")
	asked, _ := r.FieldIn("Connection")
	timeout := c.KeepAliveTimeout.Else(DefaultKeepAliveTimeout)

	delimited := r.HeaderOnly || headerOnly(r.Status) || r.Out.Has("Content-Length")
	if !r.Conn.Close && !delimited && r.atLeast11() {
		r.Chunked, delimited = true, true
	}
	wants := hasToken(asked, "keep-alive")
	keep := !r.Conn.Close && delimited && c.KeepAlive.Else(true) && timeout > 0 && (limit == 0 || left > 0) &&
		!dropsConnection(r.Status) && !wimpy && !hasToken(asked, "close") &&
		(!r.Env.Has("nokeepalive") || r.Header["Via"] != nil) && (wants || r.atLeast11())
	if keep {
		if wants {
			if limit > 0 {
				r.Out.Set("Keep-Alive", fmt.Sprintf("timeout=%d, max=%d", int(timeout/time.Second), left))
			} else {
				r.Out.Set("Keep-Alive", fmt.Sprintf("timeout=%d", int(timeout/time.Second)))
			}
			r.Out.Merge("Connection", "Keep-Alive")
		}
		return
	}
	if !wimpy {
		r.Out.Merge("Connection", "close")
	}
	r.Conn.Close = true
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
