package ssl

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

// now is the time by which certificates are judged.
var now = time.Now

// session is what is known of an encrypted connection (SSLConnRec).
type session struct {
	ctx      *sslContext
	state    tls.ConnectionState
	name     string // that the client named (SNI)
	id       string
	chains   [][]*x509.Certificate
	verifyOK string // SSL_CLIENT_VERIFY
	local    *x509.Certificate
	http     bool // the client spoke HTTP in clear
}

// of is the session of a connection, nil for one in clear.
func of(c *server.Conn) *session {
	s, _ := c.Session.(*session)
	return s
}

// secure says that connections to an address are encrypted whose first server
// has SSLEngine on.
func secure(c *server.Conn) *server.Secure {
	conf := slot.Of(c.Server)
	if conf.ready == nil || conf.engine.Else(engineOff) != engineOn {
		return nil
	}
	elog.Info(c).Msgf("AH01964: Connection to child %d established (server %s)", c.ID, server.NameAndPort(c.Server))
	return &conf.ready.secure
}

// choose finds the context of the host that the client names, among those of
// its address (ssl_find_vhost).
func choose(first *sslContext) func(*tls.ClientHelloInfo) (*tls.Config, error) {
	return func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		c := server.ConnOf(h.Conn)
		x := first
		if slices.Contains(h.SupportedProtos, server.ALPNChallenge) {
			if cert := c.ChallengeCertificate(h.ServerName); cert != nil {
				c.Session = &session{ctx: x, name: h.ServerName}
				return &tls.Config{Certificates: []tls.Certificate{*cert}, NextProtos: []string{server.ALPNChallenge}}, nil
			}
		}
		if h.ServerName != "" {
			v := c.Gen.HostNamed(c.Local, strings.TrimSuffix(strings.ToLower(h.ServerName), "."))
			if v != nil {
				c.Named = v
				if conf := slot.Of(v); conf.ready != nil && conf.ready.config != nil {
					x = conf.ready
				}
				elog.Debug(c).Msgf("AH02043: SSL virtual host for servername %s found", h.ServerName)
			} else {
				elog.Debug(c).Msgf("AH02044: No matching SSL virtual host for servername %s found (using default/first virtual host)", h.ServerName)
			}
		}
		c.Session = &session{ctx: x, name: h.ServerName}
		return x.speaking(c, h), nil
	}
}

// done follows the end of a handshake.
func done(c *server.Conn, t *tls.Conn, err error) (plainHTTP bool) {
	s := of(c)
	if err == nil {
		s.state = t.ConnectionState()
		c.TLSVersion, c.TLSCiphers = s.state.Version, []uint16{s.state.CipherSuite}
		s.id = sessionID(&s.state)
		s.judgeClient()
		return false
	}
	var header tls.RecordHeaderError
	var verification *tls.CertificateVerificationError
	switch {
	case errors.As(err, &header) && speaksHTTP(header.RecordHeader[:]):
		elog.Info(c).Msg("AH01996: SSL handshake failed: HTTP spoken on HTTPS port; trying to send HTML error page")
		c.Session = &session{http: true}
		return true
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		elog.Info(c).Msg("AH02007: SSL handshake stopped: connection was closed")
	case errors.As(err, &verification):
		elog.Info(c).Err(err).Msg("AH02276: Certificate Verification: Error")
	default:
		elog.Info(c).Err(err).Msgf("AH02008: SSL library error 1 in handshake (server %s)", server.NameAndPort(c.Server))
	}
	c.Aborted = true
	return false
}

// speaksHTTP tells whether a connection begins like a request.
func speaksHTTP(b []byte) bool {
	for _, c := range b[:3] {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return true
}

// judgeClient finds SSL_CLIENT_VERIFY.
func (s *session) judgeClient() {
	certs := s.state.PeerCertificates
	switch {
	case len(certs) == 0:
		s.verifyOK = "NONE"
	case s.ctx.verify == verifyOptionalNoCA:
		chains, err := s.ctx.judge(certs, s.ctx.cas, s.ctx.depth)
		s.verifyOK = "SUCCESS"
		if s.chains = chains; err != nil {
			s.verifyOK = "GENEROUS"
		}
	default:
		s.chains, _ = s.ctx.chains(certs, s.ctx.cas, s.ctx.depth) // judged in the handshake
		s.verifyOK = "SUCCESS"
	}
}

// leaf is the server's certificate on this connection.
func (s *session) leaf() *x509.Certificate {
	if s.local != nil || s.ctx == nil {
		return s.local
	}
	for i := range s.ctx.certs {
		c := s.ctx.certs[i].Leaf
		// The one whose key fits the cipher of TLS 1.2; of TLS 1.3 nobody tells.
		if cipher, ok := suiteOf(s.state.CipherSuite); ok && len(s.ctx.certs) > 1 && strings.Contains(cipher.name, "RSA") != (keyKind(c.PublicKey) == "RSA") {
			continue
		}
		s.local = c
		break
	}
	if s.local == nil {
		s.local = s.ctx.certs[0].Leaf
	}
	return s.local
}
