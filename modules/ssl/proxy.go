package ssl

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// proxies holds how TLS is spoken to backends: for each server, and for its
// <Proxy> sections.
var proxies = directives.NewDirSlot(mergeProxy)

// proxyConfig is how TLS is spoken to backends.
type proxyConfig struct {
	on           directives.Opt[bool]
	protocols    directives.Opt[protocols]
	ciphers      cipherSpec
	verify       directives.Opt[verifyMode]
	depth        directives.Opt[int]
	caFile       source
	caPath       source
	crlFile      source
	crlPath      source
	crlCheck     directives.Opt[revocation]
	machineFile  source
	machinePath  source
	machineChain source
	checkExpire  directives.Opt[bool]
	checkCN      directives.Opt[bool]
	checkName    directives.Opt[bool]

	ready *readyProxy
}

// readyProxy is what a merged configuration comes to, made when it is first
// needed. The parts that a section may be merged of were tried at the start.
type readyProxy struct {
	once  sync.Once
	conf  *tls.Config
	trust *sslContext
	err   error
}

func mergeProxy(base, add proxyConfig) proxyConfig {
	add.on, add.protocols, add.ciphers = add.on.Or(base.on), add.protocols.Or(base.protocols), add.ciphers.or(base.ciphers)
	add.verify, add.depth = add.verify.Or(base.verify), add.depth.Or(base.depth)
	add.caFile, add.caPath = add.caFile.or(base.caFile), add.caPath.or(base.caPath)
	add.crlFile, add.crlPath, add.crlCheck = add.crlFile.or(base.crlFile), add.crlPath.or(base.crlPath), add.crlCheck.Or(base.crlCheck)
	add.machineFile, add.machinePath = add.machineFile.or(base.machineFile), add.machinePath.or(base.machinePath)
	add.machineChain = add.machineChain.or(base.machineChain)
	add.checkExpire, add.checkCN, add.checkName = add.checkExpire.Or(base.checkExpire), add.checkCN.Or(base.checkCN), add.checkName.Or(base.checkName)
	add.ready = new(readyProxy)
	return add
}

func setProxyVerify(c *proxyConfig, cmd *directives.Cmd, word string) error {
	v, err := parseVerify(cmd, word)
	c.verify = directives.Given(v)
	return err
}

func setProxyDepth(c *proxyConfig, cmd *directives.Cmd, text string) (err error) {
	c.depth, err = parseDepth(cmd, text)
	return err
}

func proxyFile(field func(*proxyConfig) *source) directives.Setter {
	return proxies.Take1(func(c *proxyConfig, cmd *directives.Cmd, name string) (err error) {
		*field(c), err = openFile(cmd, name)
		return err
	})
}

func proxyPath(field func(*proxyConfig) *source) directives.Setter {
	return proxies.Take1(func(c *proxyConfig, cmd *directives.Cmd, name string) (err error) {
		*field(c), err = openPath(cmd, name)
		return err
	})
}

// prepareProxies tries what each server and each of its <Proxy> sections says of
// backends, so that what cannot be had is an error of the start
// (ssl_proxy_section_post_config).
func prepareProxies(g *server.Generation, v *directives.Server) error {
	confs := []*directives.Conf{v.Defaults}
	for _, s := range server.ProxyServer.Of(v).Sections {
		if proxies.In(s.Conf) {
			confs = append(confs, directives.Merge(v.Defaults, s.Conf))
		}
	}
	for _, c := range confs {
		p := proxies.Of(c)
		if !p.on.Else(false) {
			continue
		}
		if p.ready == nil { // the only one of its kind, which was never merged
			p.ready = new(readyProxy)
		}
		if _, err := p.config(g, v); err != nil {
			return err
		}
	}
	for _, s := range server.ProxyServer.Of(v).Sections {
		// Where the defaults say nothing, a section's own value is what requests get.
		if p := proxies.Of(s.Conf); proxies.In(s.Conf) && p.ready == nil {
			p.ready = new(readyProxy)
		}
	}
	return nil
}

// config gives the tls.Config for backends.
func (p *proxyConfig) config(g *server.Generation, v *directives.Server) (*tls.Config, error) {
	p.ready.once.Do(func() { p.ready.conf, p.ready.err = p.load(g, v) })
	return p.ready.conf, p.ready.err
}

// load makes the tls.Config for backends.
func (p *proxyConfig) load(g *server.Generation, v *directives.Server) (*tls.Config, error) {
	s := server.ServerSubject(g, v)
	lowest, highest := p.protocols.Else(allProtocols).versions()
	if highest == 0 {
		elog.Emerg(s).Msg("AH02231: No SSL protocols available [hint: SSLProxyProtocol]")
		return nil, fatal(v)
	}
	spec := p.ciphers.old
	if spec == "" {
		spec = "DEFAULT"
	}
	conf := &tls.Config{MinVersion: lowest, MaxVersion: highest, CipherSuites: append(ciphersOf(spec), 0), InsecureSkipVerify: true,
		ClientSessionCache: tls.NewLRUClientSessionCache(64)}
	x := &sslContext{depth: p.depth.Else(1), crl: p.crlCheck.Else(revocation{})}
	cas, err := certificatesOf(p.caFile)
	if err == nil {
		var more []*x509.Certificate
		more, err = certificatesOf(p.caPath)
		cas = append(cas, more...)
	}
	if err != nil {
		elog.Emerg(s).Err(err).Msg("AH02210: Unable to configure verify locations for proxy")
		return nil, fatal(v)
	}
	x.cas = x509.NewCertPool()
	for _, ca := range cas {
		x.cas.AddCert(ca)
	}
	if x.crls, err = revocationsOf(p.crlFile, p.crlPath); err != nil {
		elog.Emerg(s).Err(err).Msg("AH01901: Unable to configure X.509 CRL storage for certificate revocation")
		return nil, fatal(v)
	}
	machines, err := p.machines()
	if err != nil {
		elog.Emerg(s).Err(err).Msg("AH02252: incomplete client cert configured for SSL proxy (missing or encrypted private key?)")
		return nil, fatal(v)
	}
	conf.GetClientCertificate = func(q *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		for i := range machines {
			if q.SupportsCertificate(&machines[i]) == nil {
				return &machines[i], nil
			}
		}
		if len(machines) == 0 {
			elog.Warn(s).Msgf("AH02268: Proxy client certificate callback: (%s) downstream server wanted client certificate but none are configured", server.NameAndPort(v))
		}
		return &tls.Certificate{}, nil
	}
	p.ready.trust = x
	return conf, nil
}

// judge is what is checked of a backend's certificate (ssl_callback_SSLVerify
// and ssl_io_filter_handshake for proxies).
// host is whom the request is for: a name, or an address.
func (p *proxyConfig) judge(x *sslContext, cs tls.ConnectionState, host string) error {
	c := cs.PeerCertificates[0]
	if v := p.verify.Else(verifyNone); v != verifyNone {
		between := x509.NewCertPool()
		for _, c := range cs.PeerCertificates[1:] {
			between.AddCert(c)
		}
		chains, err := c.Verify(x509.VerifyOptions{Roots: x.cas, Intermediates: between})
		if err != nil && v != verifyOptionalNoCA {
			return fmt.Errorf("AH02039: Certificate Verification: %w", err)
		}
		if err == nil && len(chains[0])-1 > x.depth {
			return fmt.Errorf("AH02040: Certificate Verification: Certificate Chain too long (chain has %d certificates, but maximum allowed are only %d)", len(chains[0])-1, x.depth)
		}
		if err == nil && x.crl.mode > 0 {
			if err := x.revoked(chains[0]); err != nil {
				return err
			}
		}
	}
	if p.checkExpire.Else(true) && (now().Before(c.NotBefore) || now().After(c.NotAfter)) {
		return errors.New("AH02004: SSL Proxy: Peer certificate is expired")
	}
	// SSLProxyCheckPeerCN Off alone turns both off; On alone counts only beside
	// SSLProxyCheckPeerName Off (ssl_io_filter_handshake).
	name, cn := p.checkName, p.checkCN
	byName := name.Else(true) && (cn.Else(true) || name.IsSet())
	byCN := cn.Else(false)
	switch {
	case byName:
		if c.VerifyHostname(host) != nil && !matchesCN(c, host) {
			return fmt.Errorf("AH02411: SSL Proxy: Peer certificate does not match for hostname %s", host)
		}
	case byCN:
		if !strings.EqualFold(c.Subject.CommonName, host) {
			return fmt.Errorf("AH02005: SSL Proxy: Peer certificate CN mismatch: Certificate CN: %s Requested hostname: %s", c.Subject.CommonName, host)
		}
	}
	return nil
}

// machines are the certificates that the proxy shows to backends, each in one
// file with its key.
func (p *proxyConfig) machines() (list []tls.Certificate, err error) {
	chain, err := certificatesOf(p.machineChain)
	if err != nil {
		return nil, err
	}
	for _, s := range []source{p.machineFile, p.machinePath} {
		for _, text := range s.texts {
			certs, err := certificatesIn(text)
			if err != nil || len(certs) == 0 {
				return nil, fmt.Errorf("%s: no certificate", s.path)
			}
			key, err := keyIn(text, nil)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.path, err)
			}
			m, err := pair(certs[:1], key, append(certs[1:], chain...))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.path, err)
			}
			list = append(list, m)
		}
	}
	return list, nil
}

// proxyTLS is how to speak to a backend called host; see [server.Request.ProxyTLS].
func proxyTLS(r *server.Request, host string) (*tls.Config, error) {
	p := proxies.Of(r.Dir)
	if !p.on.Else(false) {
		elog.Error(r).Msgf("AH01961: SSL Proxy requested for %s but not enabled [Hint: SSLProxyEngine]", server.NameAndPort(r.Server))
		return nil, server.ErrProxyTLSOff
	}
	ready, err := p.config(r.Gen, r.Server)
	if err != nil {
		return nil, err
	}
	conf := ready.Clone()
	conf.ServerName = host
	// Not ConnectionState.ServerName, which is empty where host is an address.
	conf.VerifyConnection = func(cs tls.ConnectionState) error {
		err := p.judge(p.ready.trust, cs, host)
		switch {
		case err == nil:
		case strings.HasPrefix(err.Error(), "AH02039") || strings.HasPrefix(err.Error(), "AH02040"):
			elog.Error(r).Msg(err.Error())
		default:
			elog.Info(r).Msg(err.Error())
		}
		return err
	}
	return conf, nil
}
