package md

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/acme"

	"github.com/donjon-httpd/donjon/server"
)

// account is us at an authority.
type account struct {
	*acme.Client
	w *driver
}

// loadAuthorities has the system's certificate authorities in memory before the
// jail closes.
func loadAuthorities() error {
	_, err := x509.SystemCertPool()
	return err
}

const (
	requestLimit = time.Minute
	renewLimit   = 10 * time.Minute
)

// httpClient asks authorities: from the jail, through the proxy if there is one.
func (c *config) httpClient() (*http.Client, error) {
	t := &http.Transport{
		TLSClientConfig:       &tls.Config{},
		ResponseHeaderTimeout: requestLimit,
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			host, port, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			n, err := strconv.Atoi(port)
			if err != nil {
				return nil, err
			}
			return server.DialTCP(ctx, host, n)
		},
	}
	for _, text := range []*string{c.ca, c.proxyCA} {
		if text == nil {
			continue
		}
		if t.TLSClientConfig.RootCAs == nil {
			t.TLSClientConfig.RootCAs = x509.NewCertPool()
		}
		if !t.TLSClientConfig.RootCAs.AppendCertsFromPEM([]byte(*text)) {
			return nil, errors.New("the file of MDCACertificateFile holds no certificate")
		}
	}
	if c.proxy != "" {
		u, err := url.Parse(c.proxy)
		if err != nil {
			return nil, err
		}
		t.Proxy = http.ProxyURL(u)
	}
	return &http.Client{Transport: t, Timeout: requestLimit}, nil
}

// account registers us, or finds that we are.
func (w *driver) account(ctx context.Context, d *domain, authority string) (*account, error) {
	key, err := decodeKey(d.accounts[authority])
	if err != nil {
		return nil, fmt.Errorf("key of the account at %s: %w", authority, err)
	}
	client, err := w.c.httpClient()
	if err != nil {
		return nil, err
	}
	a := &account{&acme.Client{Key: key, DirectoryURL: authority, HTTPClient: client, UserAgent: "mod_md/2.6"}, w}
	who := &acme.Account{}
	if d.contact != "" {
		who.Contact = []string{"mailto:" + d.contact}
	}
	if b, ok := d.binding.Get(); ok && b.keyID != "" {
		mac, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(b.hmac, "="))
		if err != nil {
			return nil, errors.New("external account binding HMAC value is not valid base64")
		}
		who.ExternalAccountBinding = &acme.ExternalAccountBinding{KID: b.keyID, Key: mac}
	}
	_, err = a.Register(ctx, who, func(terms string) bool {
		return strings.EqualFold(d.agreement, "accepted") || d.agreement == terms
	})
	if err != nil && !errors.Is(err, acme.ErrAccountAlreadyExists) {
		return nil, fmt.Errorf("account at %s: %w", authority, err)
	}
	return a, nil
}

// obtain has the names of a domain validated, and a certificate made.
func (a *account) obtain(ctx context.Context, d *domain, k keySpec) (p server.KeyPair, location string, err error) {
	if d.profile != "" && d.profileMandatory.Else(false) {
		return p, "", fmt.Errorf("order: MDProfileMandatory is on, and orders cannot ask for a profile (%s) here", d.profile)
	}
	ctx, cancel := context.WithTimeout(ctx, renewLimit)
	defer cancel()
	order, err := a.AuthorizeOrder(ctx, acme.DomainIDs(d.names...))
	if err != nil {
		return p, "", fmt.Errorf("order: %w", err)
	}
	if err := a.validate(ctx, d, order); err != nil {
		return p, "", err
	}
	if order, err = a.WaitOrder(ctx, order.URI); err != nil {
		return p, "", fmt.Errorf("order: %w", err)
	}
	key, err := k.newKey()
	if err != nil {
		return p, "", err
	}
	request := &x509.CertificateRequest{Subject: pkix.Name{CommonName: d.names[0]}, DNSNames: d.names}
	if len(d.names[0]) > 64 {
		request.Subject = pkix.Name{}
	}
	if d.mustStaple.Else(false) {
		// TLS Feature: status_request (RFC 7633).
		request.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 24}, Value: []byte{0x30, 3, 2, 1, 5}}}
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, request, key)
	if err != nil {
		return p, "", err
	}
	chain, location, err := a.CreateOrderCert(ctx, order.FinalizeURL, csr, true)
	if err != nil {
		// The library waits at the address that the answer says, which some leave out.
		if o, again := a.WaitOrder(ctx, order.URI); again == nil && o.CertURL != "" {
			location = o.CertURL
			chain, err = a.FetchCert(ctx, location, true)
		}
	}
	if err != nil {
		return p, "", fmt.Errorf("certificate: %w", err)
	}
	p.Key, err = encodeKey(key)
	p.Cert = encodeCert(chain...)
	return p, location, err
}

// validate shows the authority that the names are ours.
func (a *account) validate(ctx context.Context, d *domain, order *acme.Order) error {
	b := boardOf(a.w.g)
	defer b.put(nil)
	var answers []answer
	type pending struct {
		authz *acme.Authorization
		with  *acme.Challenge
	}
	var todo []pending
	defer func() {
		for _, t := range todo {
			if t.with.Type == "dns-01" {
				_ = a.dns(d, "teardown", t.authz.Identifier.Value, t.with)
			}
		}
	}()
	for _, url := range order.AuthzURLs {
		z, err := a.GetAuthorization(ctx, url)
		if err != nil {
			return fmt.Errorf("authorization: %w", err)
		}
		if z.Status == acme.StatusValid {
			continue
		}
		with := a.choose(d, z)
		if with == nil {
			return fmt.Errorf("None of offered challenge types for domain %s are supported. The server offered '%s' and available are: '%s'.",
				z.Identifier.Value, strings.Join(offered(z), " "), strings.Join(d.challenges, " "))
		}
		response, err := a.HTTP01ChallengeResponse(with.Token)
		if err != nil {
			return err
		}
		if with.Type == "dns-01" {
			if err := a.dns(d, "setup", z.Identifier.Value, with); err != nil {
				return err
			}
		}
		answers = append(answers, answer{with.Type, z.Identifier.Value, with.Token, response})
		todo = append(todo, pending{z, with})
	}
	b.put(answers)
	for _, t := range todo {
		if _, err := a.Accept(ctx, t.with); err != nil {
			return fmt.Errorf("challenge '%s' for %s: %w", t.with.Type, t.authz.Identifier.Value, err)
		}
		if _, err := a.WaitAuthorization(ctx, t.authz.URI); err != nil {
			return fmt.Errorf("domain authorization for %s failed, CA considers answer to challenge invalid: %w", t.authz.Identifier.Value, err)
		}
	}
	return nil
}

func offered(z *acme.Authorization) (list []string) {
	for _, c := range z.Challenges {
		list = append(list, c.Type)
	}
	return list
}

// choose takes the first of the domain's kinds of challenge that the authority
// offers and that can be answered.
func (a *account) choose(d *domain, z *acme.Authorization) *acme.Challenge {
	for _, kind := range d.challenges {
		switch {
		case kind == "http-01" && (a.w.c.ports.http < 0 || z.Wildcard),
			kind == "tls-alpn-01" && (a.w.c.ports.https < 0 || z.Wildcard || !d.speaksChallenge()),
			kind == "dns-01" && d.dns01 == "":
			continue
		}
		if i := slices.IndexFunc(z.Challenges, func(c *acme.Challenge) bool { return c.Type == kind }); i >= 0 {
			return z.Challenges[i]
		}
	}
	return nil
}

// speaksChallenge tells whether Protocols has "acme-tls/1" on a host of the domain.
func (d *domain) speaksChallenge() bool {
	for _, v := range d.hosts {
		if slices.Contains(server.CoreServer.Of(v).Protocols, server.ALPNChallenge) {
			return true
		}
	}
	return false
}

// dns has a program put the answer into the name's zone, or take it out.
func (a *account) dns(d *domain, what, name string, c *acme.Challenge) error {
	response, err := a.HTTP01ChallengeResponse(c.Token)
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(response))
	args := []string{what, name}
	if what == "setup" || d.dnsVersion == 2 {
		args = append(args, base64.RawURLEncoding.EncodeToString(sum[:]))
	}
	if err := a.w.command(d.dns01, args...); err != nil {
		return fmt.Errorf("%s: dns-01 %s command failed: %w", name, what, err)
	}
	return nil
}
