package server

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strconv"

	"github.com/donjon-httpd/donjon/directives"
)

// CertificateManager brings certificates that nobody named in the configuration
// (mod_ssl's hooks add_cert_files, add_fallback_cert_files and answer_challenge).
// A module that has them names it in [Module.Certificates].
type CertificateManager struct {
	// Of gives what a server that speaks TLS uses when the configuration names no
	// certificate, from PostConfig on; none where the server is not managed.
	Of func(g *Generation, v *directives.Server) []KeyPair
	// Staples tells whether the server's handshakes carry what the authority says
	// of its certificate (OCSP), though SSLUseStapling does not say so; may be nil.
	Staples func(g *Generation, v *directives.Server) bool
	// Challenge gives the certificate that proves to an authority who asks by ALPN
	// "acme-tls/1" (RFC 8737) that the name is ours; nil for one that is not asked about.
	Challenge func(c *Conn, name string) *tls.Certificate
}

// KeyPair is a certificate with its chain and its key, as PEM.
type KeyPair struct{ Cert, Key string }

// ALPNChallenge is the protocol of RFC 8737.
const ALPNChallenge = "acme-tls/1"

// ManagedCertificates are those of the active modules for a server.
func (g *Generation) ManagedCertificates(v *directives.Server) []KeyPair {
	for _, m := range g.Modules {
		if m.Certificates != nil {
			if list := m.Certificates.Of(g, v); len(list) > 0 {
				return list
			}
		}
	}
	return nil
}

// ManagedStapling tells whether a module wants OCSP responses in a server's handshakes.
func (g *Generation) ManagedStapling(v *directives.Server) bool {
	for _, m := range g.Modules {
		if m.Certificates != nil && m.Certificates.Staples != nil && m.Certificates.Staples(g, v) {
			return true
		}
	}
	return false
}

// ChallengeCertificate answers a client that asks by [ALPNChallenge]; nil where
// no module does.
func (c *Conn) ChallengeCertificate(name string) *tls.Certificate {
	for _, m := range c.Gen.Modules {
		if m.Certificates != nil {
			if cert := m.Certificates.Challenge(c, name); cert != nil {
				return cert
			}
		}
	}
	return nil
}

// DialTCP connects to the first address of a name that answers. The name is
// looked up by [Resolver], in the jail too.
func DialTCP(ctx context.Context, name string, port int) (net.Conn, error) {
	list, err := Resolver().LookupNetIP(ctx, "ip", name)
	if err != nil {
		return nil, err
	}
	err = errors.New("it has no address")
	var d net.Dialer
	for _, a := range list {
		var c net.Conn
		if c, err = d.DialContext(ctx, "tcp", net.JoinHostPort(a.Unmap().String(), strconv.Itoa(port))); err == nil {
			return c, nil
		}
	}
	return nil, err
}
