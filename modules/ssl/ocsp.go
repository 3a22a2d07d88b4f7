package ssl

import (
	"bytes"
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
)

// ocspConfig is how clients' certificates are asked about.
type ocspConfig struct {
	mode      uint8 // 0 off, 1 leaf, 2 chain
	noOCSPFor bool  // a certificate without responder is taken
	given     bool
	responder string
	override  directives.Opt[bool]
	skew      directives.Opt[int]
	maxAge    directives.Opt[int]
	timeout   directives.Opt[int]
	noVerify  directives.Opt[bool]
	nonce     directives.Opt[bool]
	proxy     string
	trusted   source
}

// stapling is how answers about the server's own certificates are sent along.
type stapling struct {
	use, returnErrors, tryLater            directives.Opt[bool]
	skew, timeout, maxAge, keep, keepError directives.Opt[int]
	forceURL                               string
}

func mergeStapling(base, add stapling) stapling {
	add.use, add.returnErrors, add.tryLater = add.use.Or(base.use), add.returnErrors.Or(base.returnErrors), add.tryLater.Or(base.tryLater)
	add.skew, add.timeout, add.maxAge = add.skew.Or(base.skew), add.timeout.Or(base.timeout), add.maxAge.Or(base.maxAge)
	add.keep, add.keepError = add.keep.Or(base.keep), add.keepError.Or(base.keepError)
	if add.forceURL == "" {
		add.forceURL = base.forceURL
	}
	return add
}

func mergeOCSP(base, add ocspConfig) ocspConfig {
	if !add.given {
		add.mode, add.noOCSPFor, add.given = base.mode, base.noOCSPFor, base.given
	}
	if add.responder == "" {
		add.responder = base.responder
	}
	if add.proxy == "" {
		add.proxy = base.proxy
	}
	add.override, add.noVerify, add.nonce = add.override.Or(base.override), add.noVerify.Or(base.noVerify), add.nonce.Or(base.nonce)
	add.skew, add.maxAge, add.timeout = add.skew.Or(base.skew), add.maxAge.Or(base.maxAge), add.timeout.Or(base.timeout)
	add.trusted = add.trusted.or(base.trusted)
	return add
}

func setOCSP(c *config, cmd *directives.Cmd, args string) error {
	for i, w := range httpdconf.Words(args) {
		switch lower := strings.ToLower(w); {
		case i == 0 && lower == "off":
			c.ocsp.mode = 0
		case i == 0 && lower == "leaf":
			c.ocsp.mode = 1
		case i == 0 && lower == "on":
			c.ocsp.mode = 2
		case i > 0 && lower == "no_ocsp_for_cert_ok":
			c.ocsp.noOCSPFor = true
		default:
			return fmt.Errorf("%s: Invalid argument '%s'", cmd.Name, w)
		}
		c.ocsp.given = true
	}
	return nil
}

func setOCSPProxy(c *config, _ *directives.Cmd, text string) error {
	c.ocsp.proxy = text
	return nil
}

// ocspChecker asks responders about certificates of clients.
type ocspChecker struct {
	conf    *ocspConfig
	trusted []*x509.Certificate
}

// check asks about the certificates of a verified chain.
func (o *ocspChecker) check(chain []*x509.Certificate) error {
	last := 1
	if o.conf.mode == 2 {
		last = len(chain) - 1
	}
	for i := 0; i < last && i+1 < len(chain); i++ {
		if err := o.ask(chain[i], chain[i+1]); err != nil {
			return err
		}
	}
	return nil
}

func (o *ocspChecker) ask(c, issuer *x509.Certificate) error {
	at := o.conf.responder
	if !o.conf.override.Else(false) && len(c.OCSPServer) > 0 {
		at = c.OCSPServer[0]
	}
	if at == "" {
		if o.conf.noOCSPFor {
			return nil
		}
		return errors.New("no OCSP responder specified in certificate and no default configured")
	}
	request, err := ocsp.CreateRequest(c, issuer, &ocsp.RequestOptions{Hash: crypto.SHA1})
	if err != nil {
		return err
	}
	var nonce []byte
	if o.conf.nonce.Else(true) {
		if request, nonce, err = withNonce(request); err != nil {
			return err
		}
	}
	answer, err := fetch(at, o.conf.proxy, request, time.Duration(o.conf.timeout.Else(10))*time.Second)
	if err != nil {
		return fmt.Errorf("could not get the OCSP response: %w", err)
	}
	r, err := ocsp.ParseResponseForCert(answer, c, nil)
	if err != nil {
		return fmt.Errorf("AH01922: OCSP response not successful: %w", err)
	}
	if nonce != nil {
		if err := hasNonce(answer, nonce); err != nil {
			return err
		}
	}
	if !o.conf.noVerify.Else(false) {
		if err := o.signed(r, issuer); err != nil {
			return err
		}
	}
	if err := timely(r, o.conf.skew.Else(300), o.conf.maxAge.Else(-1)); err != nil {
		return err
	}
	if r.Status != ocsp.Good {
		return fmt.Errorf("certificate status in the OCSP response: %d", r.Status)
	}
	return nil
}

// signed tells who may answer for an issuer: a certificate that the
// configuration trusts, the issuer itself, and whom it has given a certificate
// for that (RFC 6960 section 4.2.2.2). That it has signed somebody's certificate
// is not enough.
func (o *ocspChecker) signed(r *ocsp.Response, issuer *x509.Certificate) error {
	for _, t := range o.trusted {
		if r.CheckSignatureFrom(t) == nil {
			return nil
		}
	}
	by := r.Certificate // by which its signature has been checked, nil if there is none in it
	if by == nil || by.Equal(issuer) {
		if err := r.CheckSignatureFrom(issuer); err != nil {
			return fmt.Errorf("AH01925: failed to verify the OCSP response: %w", err)
		}
		return nil
	}
	switch {
	case by.CheckSignatureFrom(issuer) != nil:
		return errors.New("AH01925: failed to verify the OCSP response: it is signed by somebody unknown")
	case !slices.Contains(by.ExtKeyUsage, x509.ExtKeyUsageOCSPSigning):
		return errors.New("AH01925: failed to verify the OCSP response: its signer's certificate is not for that")
	case now().Before(by.NotBefore) || now().After(by.NotAfter):
		return errors.New("AH01925: failed to verify the OCSP response: its signer's certificate has expired")
	}
	return nil
}

// timely judges the times of an answer; skew and maxAge are seconds.
func timely(r *ocsp.Response, skew, maxAge int) error {
	slack := time.Duration(skew) * time.Second
	switch t := now(); {
	case r.ThisUpdate.After(t.Add(slack)):
		return errors.New("OCSP response is not valid yet")
	case !r.NextUpdate.IsZero() && r.NextUpdate.Before(t.Add(-slack)):
		return errors.New("OCSP response has expired")
	case maxAge >= 0 && t.Sub(r.ThisUpdate) > time.Duration(maxAge)*time.Second+slack:
		return errors.New("OCSP response is too old")
	}
	return nil
}

// mostAnswer bounds an answer of a responder, in bytes.
const mostAnswer = 64 << 10

// dialResponder connects to a responder, from the jail too.
func dialResponder(ctx context.Context, _, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return nil, err
	}
	return server.DialTCP(ctx, host, n)
}

// fetch posts a request to a responder.
func fetch(at, proxy string, request []byte, limit time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "POST", at, bytes.NewReader(request))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/ocsp-request")
	// Nothing comes from the environment, and nobody leads elsewhere.
	transport := &http.Transport{DisableKeepAlives: true, DialContext: dialResponder}
	if proxy != "" {
		u, err := url.Parse(proxy)
		if err != nil {
			return nil, err
		}
		transport.Proxy = http.ProxyURL(u)
	}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 {
		return nil, fmt.Errorf("the responder answers %s", resp.Status)
	}
	return io.ReadAll(io.LimitReader(resp.Body, mostAnswer))
}

// staple is an answer about one of the server's certificates.
type staple struct {
	answer []byte // nil: there is none
	until  time.Time
}

// tryLater is the OCSP answer tryLater, for SSLStaplingFakeTryLater.
var tryLater = []byte{0x30, 0x03, 0x0a, 0x01, 0x03}

// stapled chooses a certificate as package tls does, with the answer about it.
// An answer that has become old is replaced beside the handshakes; only the
// first one is waited for.
func (x *sslContext) stapled(conf *stapling) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	var mu sync.Mutex
	busy := make([]bool, len(x.certs))
	renew := func(i int) {
		defer func() { mu.Lock(); busy[i] = false; mu.Unlock() }()
		answer, err := x.askAbout(i, conf)
		keep := time.Duration(conf.keep.Else(3600)) * time.Second
		if err != nil {
			elog.Error(nil).Err(err).Msg("AH01941: stapling_renew_response: responder error")
			keep = time.Duration(conf.keepError.Else(600)) * time.Second
			switch {
			case errors.Is(err, errNotAsked) || !conf.returnErrors.Else(true):
				answer = nil
			case answer == nil && conf.tryLater.Else(true):
				answer = tryLater
			}
		}
		x.staple[i].Store(&staple{answer, now().Add(keep)})
	}
	return func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
		i := 0
		for j := range x.certs {
			if h.SupportsCertificate(&x.certs[j]) == nil {
				i = j
				break
			}
		}
		s := x.staple[i].Load()
		if s == nil || now().After(s.until) {
			mu.Lock()
			mine := !busy[i]
			busy[i] = true
			mu.Unlock()
			switch {
			case mine && s == nil:
				renew(i)
				s = x.staple[i].Load()
			case mine:
				go renew(i)
			}
		}
		if s == nil || s.answer == nil {
			return &x.certs[i], nil
		}
		c := x.certs[i]
		c.OCSPStaple = s.answer
		return &c, nil
	}
}

// errNotAsked says that there is nobody who could be asked about a certificate.
var errNotAsked = errors.New("no stapling for this certificate")

// askAbout gets the answer about a certificate of the server. An answer that
// comes with an error is one that says so itself or is not of this time; clients
// are to judge it, as they are to judge its signature.
func (x *sslContext) askAbout(i int, conf *stapling) ([]byte, error) {
	c := x.certs[i].Leaf
	at := conf.forceURL
	if at == "" && len(c.OCSPServer) > 0 {
		at = c.OCSPServer[0]
	}
	if at == "" {
		return nil, fmt.Errorf("%w: AH02218: no OCSP URI in it, and no SSLStaplingForceURL", errNotAsked)
	}
	if len(x.certs[i].Certificate) < 2 {
		return nil, fmt.Errorf("%w: AH02217: can't retrieve its issuer's certificate", errNotAsked)
	}
	issuer, err := x509.ParseCertificate(x.certs[i].Certificate[1])
	if err != nil {
		return nil, err
	}
	request, err := ocsp.CreateRequest(c, issuer, nil)
	if err != nil {
		return nil, err
	}
	answer, err := fetch(at, "", request, time.Duration(conf.timeout.Else(10))*time.Second)
	if err != nil {
		return nil, err
	}
	r, err := ocsp.ParseResponseForCert(answer, c, nil)
	var refused ocsp.ResponseError
	switch {
	case errors.As(err, &refused):
		return answer, err
	case err != nil:
		return nil, err
	}
	return answer, timely(r, conf.skew.Else(300), conf.maxAge.Else(-1))
}

// revocationsIn reads the lists of a PEM text, or the one of a DER one.
func revocationsIn(text string) (list []*x509.RevocationList, err error) {
	rest, found := []byte(text), false
	for {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			break
		}
		if found = true; b.Type != "X509 CRL" {
			continue
		}
		l, err := x509.ParseRevocationList(b.Bytes)
		if err != nil {
			return nil, err
		}
		list = append(list, l)
	}
	if !found {
		l, err := x509.ParseRevocationList([]byte(text))
		if err != nil {
			return nil, err
		}
		list = append(list, l)
	}
	return list, nil
}
