package ssl

import (
	"fmt"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// readRequest is where the connection's encryption and the request's host meet
// (ssl_hook_ReadReq).
func readRequest(r *server.Request) server.Status {
	s := of(r.Conn)
	if s == nil || r.Main != nil {
		return server.Declined
	}
	if s.http {
		r.Notes.Set("error-notes", "Reason: You're speaking plain HTTP to an SSL-enabled server port.<br />\n Instead use the HTTPS scheme to access this URL, please.<br />\n")
		r.Conn.Close = true
		return 400
	}
	main := slot.Of(r.Gen.Config.Main)
	policy := main.sniPolicy.Else(sniSecure)
	conf := slot.Of(r.Server)
	if s.name == "" {
		if conf.strictSNI.Else(false) || slot.Of(r.Conn.Server).strictSNI.Else(false) {
			elog.Error(r).Msg("AH02033: No hostname was provided via SNI for a name based virtual host")
			r.Notes.Set("error-notes", "Reason: The client software did not provide a hostname using Server Name Indication (SNI), which is required to access this server.<br />\n")
			return 403
		}
	} else if r.Hostname == "" {
		if r.ProtoAtLeast(1, 1) {
			elog.Error(r).Msgf("AH02031: Hostname %s provided via SNI, but no hostname provided in HTTP request", s.name)
			return 400
		}
	}
	named := r.Conn.Named
	if named == nil {
		named = r.Conn.Server
	}
	if r.Server != named && !compatible(slot.Of(named), conf, policy) {
		elog.Error(r).Msgf("AH02032: Hostname %s %s and hostname %s provided via HTTP have no compatible SSL setup for policy '%s'",
			nameOf(s, r.Conn), howNamed(s), r.Hostname, [...]string{"secure", "strict", "authonly", "insecure"}[policy])
		return 421
	}
	if r.Server != named && wants(conf.verify.Else(verifyNone), s) {
		return unasked(r)
	}
	if s.name != "" && !strings.EqualFold(s.name, r.Hostname) {
		r.Unrepeatable() // SSL_TLS_SNI is another for others
	}
	return server.Declined
}

func nameOf(s *session, c *server.Conn) string {
	if s.name != "" {
		return s.name
	}
	return server.CoreServer.Of(c.Server).ServerName
}

func howNamed(s *session) string {
	if s.name != "" {
		return "provided via SNI"
	}
	return "default host as no SNI was provided"
}

// compatible tells whether a request for one host may come over a connection
// that was made for another (ssl_server_compatible).
func compatible(a, b *config, policy sniPolicy) bool {
	if policy == sniInsecure {
		return true
	}
	if a.ready == nil || b.ready == nil || a.ready.config == nil || b.ready.config == nil {
		return a.ready == nil && b.ready == nil
	}
	if policy == sniStrict {
		return false
	}
	same := a.verify.Else(verifyNone) == b.verify.Else(verifyNone) && a.depth.Else(1) == b.depth.Else(1) &&
		a.caFile.path == b.caFile.path && a.caPath.path == b.caPath.path
	if policy == sniAuthOnly {
		return same
	}
	return same && a.protocols == b.protocols && a.ciphers == b.ciphers
}

// checkAccess is SSLRequireSSL, SSLRequire and what a directory wants of the
// client's certificate (ssl_hook_Access).
func checkAccess(r *server.Request) server.Status {
	s := of(r.Conn)
	c := dirs.Of(r.Dir)
	if s == nil {
		if c.requireSSL {
			r.Env.Set("ssl-access-forbidden", "1")
			elog.Error(r).Msgf("access to %s failed, reason: %s", r.Filename, "SSL connection required")
			return c.forbidden(r)
		}
		if slot.Of(r.Server).engine.Else(engineOff) != engineOn {
			return server.Declined
		}
	}
	if s != nil {
		if status := c.wantsMore(r, s); status != server.OK {
			return status
		}
	}
	for _, q := range c.requires {
		ok, err := q.expr.Bool(r)
		if err != nil {
			elog.Error(r).Msgf("AH02227: Failed to execute SSL requirement expression in %s, reason: %s", r.Filename, err)
			return c.forbidden(r)
		}
		if !ok {
			elog.Info(r).Msgf("AH02229: access to %s failed, reason: %s", r.Filename, "SSL requirement expression not fulfilled")
			elog.Info(r).Msgf("AH02228: Failed expression: %s", q.text)
			return c.forbidden(r)
		}
	}
	if c.userName != "" && s != nil {
		r.Unrepeatable()
		if v := s.lookup(r, c.userName); v != "" {
			r.User = v
		} else {
			elog.Warn(r).Msgf("AH02227: Failed to set r->user to '%s'", c.userName)
		}
	}
	return server.Declined
}

// forbidden remembers that Satisfy Any must not overrule it with StrictRequire.
func (c *dirConfig) forbidden(r *server.Request) server.Status {
	if c.set.has(optStrictRequire) {
		r.Notes.Set("ssl-access-forbidden", "1")
	}
	return 403
}

// wantsMore refuses what would need another handshake: crypto/tls cannot ask
// for a certificate or change ciphers on a connection.
func (c *dirConfig) wantsMore(r *server.Request, s *session) server.Status {
	want := c.verify.Else(s.ctx.verify)
	if want == verifyRequire || want == verifyOptional {
		r.Unrepeatable()
	}
	if wants(want, s) {
		return unasked(r)
	}
	if d, ok := c.depth.Get(); ok && len(s.chains) > 0 && len(s.chains[0])-1 > d {
		elog.Error(r).Msgf("AH02040: Certificate Verification: Certificate Chain too long (chain has %d certificates, but maximum allowed are only %d)", len(s.chains[0])-1, d)
		return 403
	}
	if c.ciphers != "" && s.state.Version < versionTLS13 {
		r.Unrepeatable()
		allowed := false
		for _, id := range ciphersOf(c.ciphers) {
			allowed = allowed || id == s.state.CipherSuite
		}
		if !allowed && r.Conn.Stream != nil {
			r.Notes.Set(server.NoteHTTP1Required, "cipher-suite")
			return 403
		}
		if !allowed {
			elog.Error(r).Msg("AH02261: Re-negotiation handshake failed")
			return 403
		}
	}
	return server.OK
}

// wants tells whether a client would have to be asked for a certificate again.
func wants(want verifyMode, s *session) bool {
	return want == verifyRequire && s.verifyOK != "SUCCESS" || want != verifyNone && s.ctx.verify == verifyNone
}

// unasked refuses a request whose client would have to be asked.
func unasked(r *server.Request) server.Status {
	if r.Conn.Stream != nil {
		// HTTP/2 has no second handshake: the client is to ask by HTTP/1.1 (RFC 9113 section 9.2.1).
		r.Notes.Set(server.NoteHTTP1Required, "verify-client")
		return 403
	}
	elog.Error(r).Msg("AH10158: cannot perform post-handshake authentication")
	r.Notes.Set("error-notes", "Reason: Cannot perform Post-Handshake Authentication.<br />")
	return 403
}

func parseRequireSSL(_ *directives.Cmd, args string) (server.AuthzCheck, error) {
	if args != "" {
		return nil, fmt.Errorf("'Require ssl' does not take arguments")
	}
	return func(r *server.Request) server.AuthzResult {
		if of(r.Conn) != nil {
			return server.AuthzGranted
		}
		return server.AuthzDenied
	}, nil
}

func parseRequireVerified(_ *directives.Cmd, args string) (server.AuthzCheck, error) {
	if args != "" {
		return nil, fmt.Errorf("'Require ssl-verify-client' does not take arguments")
	}
	return func(r *server.Request) server.AuthzResult {
		r.Unrepeatable()
		if s := of(r.Conn); s != nil && s.verifyOK == "SUCCESS" {
			return server.AuthzGranted
		}
		return server.AuthzDenied
	}, nil
}

// fakeBasicAuth makes the client's subject the user of Basic authentication,
// with the password that Apache's documentation tells to put into the file.
func fakeBasicAuth(r *server.Request) server.Status {
	if r.Main != nil {
		if r.User = r.Main.User; r.User != "" {
			return server.OK
		}
		return server.Declined
	}
	s := of(r.Conn)
	if s == nil || len(s.state.PeerCertificates) == 0 || s.verifyOK != "SUCCESS" {
		return server.Declined
	}
	r.Unrepeatable()
	name := oneline(s.state.PeerCertificates[0].Subject)
	elog.Info(r).Msgf("AH02036: Faking HTTP Basic Auth header: %q", "Authorization: Basic ...")
	r.SetFieldIn("Authorization", "Basic "+basic(name+":password"))
	return server.Declined
}

// forbidFakeUsers refuses clients that send such a user themselves.
func forbidFakeUsers(r *server.Request) server.Status {
	s := of(r.Conn)
	if s != nil && len(s.state.PeerCertificates) > 0 || r.Main != nil {
		return server.Declined
	}
	if auth, ok := r.FieldIn("Authorization"); ok {
		if user, _ := unbasic(auth); strings.HasPrefix(user, "/") {
			elog.Warn(r).Msgf("AH02037: Access to %s denied: a user that only a certificate may name", r.URI)
			return 403
		}
	}
	return server.Declined
}

// fixup gives programs what is known of the connection (ssl_hook_Fixup).
func fixup(r *server.Request) server.Status {
	s := of(r.Conn)
	if s == nil || s.http {
		return server.Declined
	}
	r.Env.Set("HTTPS", "on")
	if s.name != "" {
		r.Env.Set("SSL_TLS_SNI", s.name)
	}
	o := dirs.Of(r.Dir).set
	if o&(optStdEnvVars|optExportCertData) != 0 {
		r.Unrepeatable()
		s.environment(r, o)
	}
	return server.Declined
}
