package ssl

import (
	"crypto/tls"
	"slices"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// speaking is the configuration for a client that offers protocols: the one that
// Protocols chooses is agreed on (ssl_callback_alpn_select). A client that offers
// none of them is told nothing, and spoken HTTP/1.1 to.
func (x *sslContext) speaking(c *server.Conn, h *tls.ClientHelloInfo) *tls.Config {
	if len(h.SupportedProtos) == 0 {
		return x.config
	}
	c.TLSVersion, c.TLSCiphers = x.prospects(h)
	p := c.Gen.SelectProtocol(c, nil, x.server, h.SupportedProtos)
	if p == "" {
		return x.config
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	conf := x.speaks[p]
	if conf == nil {
		conf = x.config.Clone()
		conf.NextProtos = []string{p}
		if x.speaks == nil {
			x.speaks = map[string]*tls.Config{}
		}
		x.speaks[p] = conf
	}
	return conf
}

// prospects are the version that will come of a hello, and the suites that may if
// it is TLS 1.2: those that the client and the server both know and that fit one
// of the certificates.
func (x *sslContext) prospects(h *tls.ClientHelloInfo) (version uint16, suites []uint16) {
	for _, v := range h.SupportedVersions {
		if v >= x.config.MinVersion && v <= x.config.MaxVersion {
			version = max(version, v)
		}
	}
	for _, id := range h.CipherSuites {
		if !slices.Contains(x.config.CipherSuites, id) {
			continue
		}
		ecdsa := strings.Contains(tls.CipherSuiteName(id), "_ECDSA_")
		for i := range x.certs {
			if l := x.certs[i].Leaf; l == nil || ecdsa != (keyKind(l.PublicKey) == "RSA") {
				suites = append(suites, id)
				break
			}
		}
	}
	return version, suites
}
