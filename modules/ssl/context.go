package ssl

import (
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// sslContext is what a server needs to speak TLS: OpenSSL's SSL_CTX.
type sslContext struct {
	config *tls.Config
	certs  []tls.Certificate
	verify verifyMode
	depth  int
	cas    *x509.CertPool
	caList []*x509.Certificate
	crls   []*x509.RevocationList
	crl    revocation
	ocsp   *ocspChecker
	staple []atomic.Pointer[staple]

	server *directives.Server // whose it is
	mu     sync.Mutex
	speaks map[string]*tls.Config // by the protocol that is agreed on

	secure server.Secure
}

// prepare makes the contexts of all servers. In the parent it asks for pass
// phrases; the children are told what it found.
func prepare(g *server.Generation) error {
	main := slot.Of(g.Config.Main)
	for _, v := range g.Servers() {
		if err := prepareProxies(g, v); err != nil {
			return err
		}
		c := slot.EditServer(v)
		if c.engine.Else(engineOff) == engineOff {
			continue
		}
		x := &sslContext{server: v}
		if c.engine.Else(engineOff) == engineOn {
			if err := x.load(g, v, c, main.dialog); err != nil {
				return err
			}
		}
		c.ready = x
	}
	return keepTickets(g)
}

// fatal ends the start with Apache's last line.
func fatal(v *directives.Server) error {
	elog.Emerg(nil).Msgf("AH02312: Fatal error initialising mod_ssl, exiting.")
	return errors.New("AH00016: Configuration Failed")
}

// load makes a server's side of TLS.
func (x *sslContext) load(g *server.Generation, v *directives.Server, c *config, dialog string) error {
	s := server.ServerSubject(g, v)
	name := server.NameAndPort(v)
	if g.Board == nil {
		elog.Info(s).Msgf("AH01914: Configuring server %s for SSL protocol", name)
	}
	chain, err := certificatesOf(c.chain)
	if err != nil {
		elog.Emerg(s).Err(err).Msgf("AH01903: Failed to configure CA certificate chain!")
		return fatal(v)
	}
	for i, from := range c.certs {
		certs, err := certificatesIn(from.texts[0])
		if err != nil || len(certs) == 0 {
			elog.Emerg(s).Err(err).Msgf("AH02561: Failed to configure certificate %s:%d, check %s", name, i, from.path)
			return fatal(v)
		}
		keys := from
		if i < len(c.keys) {
			keys = c.keys[i]
		}
		key, err := keyOf(g, dialog, name, i, keys)
		if err != nil {
			if errors.Is(err, errEncrypted) {
				elog.Emerg(s).Msgf("AH02564: Failed to configure encrypted (?) private key %s:%d, check %s", name, i, keys.path)
			} else {
				elog.Emerg(s).Err(err).Msgf("AH02564: Failed to configure encrypted (?) private key %s:%d, check %s", name, i, keys.path)
			}
			return fatal(v)
		}
		p, err := pair(certs, key, chain)
		if err != nil {
			elog.Emerg(s).Msgf("AH02565: Certificate and private key %s:%d from %s and %s do not match", name, i, from.path, keys.path)
			return fatal(v)
		}
		if g.Board == nil { // the parent's part, once for all children
			x.check(s, name, i, certs[0])
			elog.Info(s).Msgf("AH02568: Certificate and private key %s:%d configured from %s and %s", name, i, from.path, keys.path)
		}
		x.certs = append(x.certs, p)
	}
	if len(x.certs) == 0 {
		if err := x.loadManaged(g, v, name); err != nil {
			return err
		}
	}
	if len(x.certs) == 0 {
		elog.Emerg(s).Msgf("AH02572: Failed to configure at least one certificate and key for %s", name)
		return fatal(v)
	}
	return x.configure(g, v, c)
}

// loadManaged takes the certificates that another module has for the server.
func (x *sslContext) loadManaged(g *server.Generation, v *directives.Server, name string) error {
	for i, from := range g.ManagedCertificates(v) {
		certs, err := certificatesIn(from.Cert)
		var key crypto.Signer
		if err == nil {
			key, err = keyIn(from.Key, nil)
		}
		var p tls.Certificate
		if err == nil {
			p, err = pair(certs, key, nil)
		}
		if err != nil {
			elog.Emerg(server.ServerSubject(g, v)).Err(err).Msgf("AH02561: Failed to configure certificate %s:%d, check the store of managed domains", name, i)
			return fatal(v)
		}
		x.certs = append(x.certs, p)
	}
	return nil
}

// check warns of what will surprise people.
func (x *sslContext) check(s server.Subject, name string, i int, c *x509.Certificate) {
	if c.IsCA {
		elog.Warn(s).Msgf("AH01906: %s:%d server certificate is a CA certificate (BasicConstraints: CA == TRUE !?)", name, i)
	}
	host, _, _ := cutPort(name)
	if c.VerifyHostname(host) != nil && !matchesCN(c, host) {
		elog.Warn(s).Msgf("AH01909: %s:%d server certificate does NOT include an ID which matches the server name", name, i)
	}
}

// keyOf reads a key. What had to be decrypted is kept in g.Secrets, which
// children are given.
func keyOf(g *server.Generation, dialog, name string, number int, from source) (crypto.Signer, error) {
	text := from.texts[0]
	k, err := keyIn(text, nil)
	if !errors.Is(err, errEncrypted) {
		return k, err
	}
	id := "ssl key " + from.path
	if der, ok := g.Kept(id); ok {
		return parseKey([]byte(der))
	}
	if k, err = phrases.decrypt(dialog, "", name, from.path, number, text); err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		return nil, err
	}
	g.Keep(id, string(der))
	return k, nil
}

func certificatesOf(s source) (list []*x509.Certificate, err error) {
	for _, text := range s.texts {
		certs, err := certificatesIn(text)
		if err != nil {
			if len(s.texts) == 1 {
				return nil, fmt.Errorf("%s: %w", s.path, err)
			}
			continue // a directory may hold other files
		}
		list = append(list, certs...)
	}
	return list, nil
}

// configure makes the tls.Config.
func (x *sslContext) configure(g *server.Generation, v *directives.Server, c *config) error {
	s := server.ServerSubject(g, v)
	lowest, highest := c.protocols.Else(allProtocols).versions()
	if highest == 0 {
		elog.Emerg(s).Msgf("AH02231: No SSL protocols available [hint: SSLProtocol]")
		return fatal(v)
	}
	spec := c.ciphers.old
	if spec == "" {
		spec = "DEFAULT"
	}
	ids := ciphersOf(spec)
	if len(ids) == 0 && highest < tls.VersionTLS13 {
		elog.Emerg(s).Msgf("AH01898: Unable to configure permitted SSL ciphers")
		return fatal(v)
	}
	x.config = &tls.Config{
		Rand: rand.Reader, Certificates: x.certs, MinVersion: lowest, MaxVersion: highest,
		CipherSuites:                append(ids, 0), // never nil, which would mean Go's own choice
		DynamicRecordSizingDisabled: true,
		SessionTicketsDisabled:      !c.tickets.Else(true),
		VerifyConnection:            x.verifyConnection,
	}
	if c.curves != "" {
		x.config.CurvePreferences, _ = curvesOf(c.curves)
	}
	cas, err := certificatesOf(c.caFile)
	if err == nil {
		var more []*x509.Certificate
		more, err = certificatesOf(c.caPath)
		cas = append(cas, more...)
	}
	if err != nil {
		elog.Emerg(s).Err(err).Msgf("AH01896: Unable to determine list of acceptable CA certificates for client authentication")
		return fatal(v)
	}
	x.cas, x.caList = x509.NewCertPool(), cas
	for _, ca := range cas {
		x.cas.AddCert(ca)
	}
	x.verify, x.depth = c.verify.Else(verifyNone), c.depth.Else(1)
	switch x.verify {
	case verifyRequire:
		x.config.ClientAuth = tls.RequireAnyClientCert
	case verifyOptional, verifyOptionalNoCA:
		x.config.ClientAuth = tls.RequestClientCert
	}
	x.config.ClientCAs = x.cas
	if x.verify != verifyNone && len(cas) == 0 {
		elog.Warn(s).Msg("AH01897: Init: Oops, you want to request client authentication, but no CAs are known for verification!?  [Hint: SSLCACertificate*]")
	}
	x.crl = c.crlCheck.Else(revocation{})
	if x.crl.mode > 0 {
		if c.crlFile.path == "" && c.crlPath.path == "" {
			elog.Emerg(s).Msg("AH01899: Host " + server.NameAndPort(v) + ": CRL checking has been enabled, but neither SSLCARevocationFile nor SSLCARevocationPath is configured")
			return fatal(v)
		}
		if x.crls, err = revocationsOf(c.crlFile, c.crlPath); err != nil {
			elog.Emerg(s).Err(err).Msg("AH01901: Unable to configure X.509 CRL storage for certificate revocation")
			return fatal(v)
		}
	}
	if c.ocsp.mode > 0 {
		x.ocsp = &ocspChecker{conf: &c.ocsp}
		if x.ocsp.trusted, err = certificatesOf(c.ocsp.trusted); err != nil {
			elog.Emerg(s).Err(err).Msg("AH10162: Unable to configure OCSP responder certificates")
			return fatal(v)
		}
	}
	if c.stapling.use.Else(false) || g.ManagedStapling(v) {
		x.staple = make([]atomic.Pointer[staple], len(x.certs))
		x.config.GetCertificate = x.stapled(&c.stapling)
		x.config.Certificates = nil
	}
	x.secure = server.Secure{Config: &tls.Config{GetConfigForClient: choose(x), MinVersion: tls.VersionTLS10,
		Certificates: x.certs}, Done: done}
	return nil
}

// verifyConnection judges the client's certificate after the handshake has
// shown that it has the key.
func (x *sslContext) verifyConnection(cs tls.ConnectionState) error {
	if x.verify == verifyNone || x.verify == verifyOptionalNoCA || len(cs.PeerCertificates) == 0 {
		return nil
	}
	_, err := x.judge(cs.PeerCertificates, x.cas, x.depth)
	return err
}

// judge verifies a chain as OpenSSL does for clients, and asks whether its
// certificates were revoked.
func (x *sslContext) judge(certs []*x509.Certificate, cas *x509.CertPool, depth int) ([][]*x509.Certificate, error) {
	chains, err := x.chains(certs, cas, depth)
	if err != nil {
		return nil, err
	}
	if x.crl.mode > 0 {
		if err := x.revoked(chains[0]); err != nil {
			return nil, err
		}
	}
	if x.ocsp != nil {
		if err := x.ocsp.check(chains[0]); err != nil {
			return nil, err
		}
	}
	return chains, nil
}

// chains are the ways from a client's certificate to the authorities.
func (x *sslContext) chains(certs []*x509.Certificate, cas *x509.CertPool, depth int) ([][]*x509.Certificate, error) {
	between := x509.NewCertPool()
	for _, c := range certs[1:] {
		between.AddCert(c)
	}
	chains, err := certs[0].Verify(x509.VerifyOptions{Roots: cas, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	if err != nil {
		return nil, err
	}
	chains = slices.DeleteFunc(chains, func(c []*x509.Certificate) bool { return len(c)-1 > depth })
	if len(chains) == 0 {
		return nil, fmt.Errorf("certificate chain too long (chain has too many certificates, maximum allowed depth is %d)", depth)
	}
	return chains, nil
}

// revocationsOf reads revocation lists.
func revocationsOf(from ...source) (list []*x509.RevocationList, err error) {
	for _, s := range from {
		for _, text := range s.texts {
			crls, err := revocationsIn(text)
			if err != nil && len(s.texts) == 1 {
				return nil, fmt.Errorf("%s: %w", s.path, err)
			}
			list = append(list, crls...)
		}
	}
	return list, nil
}

// revoked looks for the certificates of a chain in the lists.
func (x *sslContext) revoked(chain []*x509.Certificate) error {
	last := 1
	if x.crl.mode == 2 {
		last = len(chain) - 1
	}
	for i := 0; i < last && i+1 < len(chain); i++ {
		found := false
		for _, l := range x.crls {
			if string(l.RawIssuer) != string(chain[i].RawIssuer) || l.CheckSignatureFrom(chain[i+1]) != nil {
				continue
			}
			found = true
			if now().After(l.NextUpdate) && !l.NextUpdate.IsZero() {
				return errors.New("CRL has expired")
			}
			for _, e := range l.RevokedCertificateEntries {
				if e.SerialNumber.Cmp(chain[i].SerialNumber) == 0 {
					return errors.New("certificate revoked")
				}
			}
		}
		if !found && !x.crl.noCRLFor {
			return errors.New("unable to get certificate CRL")
		}
	}
	return nil
}

// sessionID is SSL_SESSION_ID: of what ties the connection to its key.
func sessionID(t *tls.ConnectionState) string {
	b := t.TLSUnique
	if len(b) == 0 {
		b, _ = t.ExportKeyingMaterial("EXPERIMENTAL donjon session", nil, 32)
	}
	return hex.EncodeToString(b)
}
