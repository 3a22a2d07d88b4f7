package http2

import (
	"crypto/tls"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/h2"
)

// encrypted tells whether a connection is, or will be after the handshake that is
// under way.
func encrypted(c *server.Conn) bool { return c.TLS || c.TLSVersion != 0 }

// own is HTTP/2's name on a connection: h2 or h2c.
func own(c *server.Conn) string {
	if encrypted(c) {
		return "h2"
	}
	return "h2c"
}

// propose answers whether HTTP/2 can be spoken (h2_protocol_propose).
func propose(c *server.Conn, r *server.Request, v *directives.Server, offers []string) []string {
	if c.Protocol() != server.HTTP1 {
		elog.Debug(c).Msg("AH03083: protocol switch: current proto != http/1.1, declined")
		return nil
	}
	if !acceptable(c, v) {
		elog.Debug(c).Msg("AH03084: protocol propose: connection requirements not met")
		return nil
	}
	if r != nil && !mayUpgrade(r) {
		return nil
	}
	if !slices.Contains(offers, own(c)) {
		return nil
	}
	if e := elog.Debug(c); e != nil {
		e.Msgf("AH03088: proposing protocol '%s'", own(c))
	}
	return []string{own(c)}
}

// mayUpgrade tells whether a request may turn its connection into one of HTTP/2
// (RFC 7540 section 3.2; H2Upgrade).
func mayUpgrade(r *server.Request) bool {
	if !dir.Of(r.Dir).upgrade.Else(!encrypted(r.Conn)) {
		return false
	}
	if _, ok := r.FieldIn("HTTP2-Settings"); !ok {
		elog.Debug(r).Msg("AH03085: upgrade without HTTP2-Settings declined")
		return false
	}
	connection, _ := r.FieldIn("Connection")
	if !hasToken(connection, "http2-settings") {
		elog.Debug(r).Msg("AH03086: upgrade without HTTP2-Settings declined")
		return false
	}
	if r.ContentLength != 0 {
		length, _ := r.FieldIn("Content-Length")
		elog.Debug(r).Msgf("AH03087: upgrade with content-length: %s, declined", length)
		return false
	}
	return true
}

func hasToken(list, token string) bool {
	for part := range strings.SplitSeq(list, ",") {
		if strings.EqualFold(strings.TrimSpace(part), token) {
			return true
		}
	}
	return false
}

// acceptable tells whether a connection's encryption is what HTTP/2 wants
// (H2ModernTLSOnly; RFC 9113 section 9.2).
func acceptable(c *server.Conn, v *directives.Server) bool {
	if !encrypted(c) || !host.Of(v).modernTLS.Else(true) {
		return true
	}
	if c.TLSVersion < tls.VersionTLS12 {
		elog.Debug(c).Msgf("AH03050: h2_h2(%d): tls protocol not suitable: %s", c.ID, strings.ReplaceAll(tls.VersionName(c.TLSVersion), " ", "v"))
		return false
	}
	if c.TLSVersion > tls.VersionTLS12 {
		return true
	}
	for _, id := range c.TLSCiphers {
		if !blacklisted(id) {
			return true
		}
	}
	if len(c.TLSCiphers) > 0 {
		elog.Debug(c).Msgf("AH03052: h2_h2(%d): tls cipher %s blacklisted by RFC7540", c.ID, tls.CipherSuiteName(c.TLSCiphers[0]))
	}
	return false
}

// blacklisted are the suites of RFC 9113 appendix A, as far as package tls knows
// any: those without ephemeral keys, and those in CBC mode or with RC4.
func blacklisted(id uint16) bool {
	name := tls.CipherSuiteName(id)
	return !strings.HasPrefix(name, "TLS_ECDHE_") || !strings.Contains(name, "_GCM_") && !strings.Contains(name, "_CHACHA20_")
}

// direct is the preface of clients that know that HTTP/2 is spoken here (H2Direct).
func direct(c *server.Conn) string {
	v := c.Server
	if !host.Of(v).direct.Else(!encrypted(c)) || !server.AllowsProtocol(v, own(c)) || !acceptable(c, v) {
		return ""
	}
	return h2.Preface
}

// serve speaks HTTP/2 on a connection.
func serve(c *server.Conn, w server.Wire, upgraded *server.Request) {
	v := c.Server
	if c.Named != nil && c.Speaks != "" {
		v = c.Named
	}
	if c.Speaks == "" {
		c.Speaks = own(c)
	}
	h2.Serve(c, w, optionsOf(v), upgraded)
}

// Defaults of the directives.
const (
	defaultStreams = 100
	defaultWindow  = 65535
	defaultErrors  = 8
	defaultWarmUp  = 1 << 20
	defaultDiary   = 256
)

func optionsOf(v *directives.Server) h2.Options {
	c := host.Of(v)
	return h2.Options{
		MaxStreams: c.maxStreams.Else(defaultStreams), Window: c.window.Else(defaultWindow),
		MaxData: c.maxData.Else(0), MaxHeaderBlock: c.maxHeaderBlock.Else(0), MaxStreamErrors: c.maxErrors.Else(defaultErrors),
		StreamTimeout: c.streamTimeout.Else(0), Padding: c.padding.Else(0),
		Push: c.push.Else(true), Diary: c.diary.Else(defaultDiary), WebSockets: c.webSockets.Else(false), ProxyRequests: c.proxyRequests.Else(false),
		WarmUp: c.warmUp.Else(defaultWarmUp), CoolDown: time.Duration(c.coolDown.Else(1)) * time.Second,
		Pushes: pushes, EarlyHints: c.earlyHints.Else(false),
	}
}

// started says that the module is there.
func started(g *server.Generation) error {
	elog.Info(server.ServerSubject(g, g.Config.Main)).Msg("AH03090: mod_http2 (v" + version + "), initializing...")
	return nil
}

// version is that of Apache 2.4.71's module.
const version = "2.0.42"

// variables are those of a request on a stream (http2_hook_fixups).
func variables(r *server.Request) server.Status {
	st := r.Conn.Stream
	if st == nil {
		return server.Declined
	}
	push := "off"
	if st.Push {
		push = "on"
	}
	pushed, on := "", ""
	if st.PushedOn != 0 {
		pushed, on = "PUSHED", strconv.Itoa(int(st.PushedOn))
	}
	r.Env.Set("HTTP2", "on")
	r.Env.Set("H2PUSH", push)
	r.Env.Set("H2_PUSH", push)
	r.Env.Set("H2_PUSHED", pushed)
	r.Env.Set("H2_PUSHED_ON", on)
	r.Env.Set("H2_STREAM_ID", strconv.Itoa(int(st.ID)))
	r.Env.Set("H2_STREAM_TAG", st.Tag)
	return server.Declined
}
