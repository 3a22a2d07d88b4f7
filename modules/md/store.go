package md

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

// store is the directory of the managed domains, laid out as Apache's:
//
//	md_store.json         what the store is
//	accounts/ID/          account.json, account.pem
//	domains/NAME/         md.json, pubcert.pem, privkey.pem and the fallbacks
//	staging/NAME/         bundle.json: what a child obtained, and job.json
//	archive/NAME.N/       what a domain had before
//
// Keys are PEM that only root may read.
type store struct{ dir string }

const storeVersion = 3

func (s store) path(parts ...string) string {
	return filepath.Join(append([]string{s.dir}, parts...)...)
}

// open makes what is missing.
func (s store) open() error {
	for _, d := range []string{"", "accounts", "domains", "staging", "archive", "challenges", "ocsp", "tmp"} {
		if err := os.MkdirAll(s.path(d), 0o700); err != nil {
			return err
		}
	}
	name := s.path("md_store.json")
	if _, err := os.Stat(name); err == nil {
		return nil
	}
	key := make([]byte, 48)
	rand.Read(key)
	return writeJSON(name, map[string]any{"version": storeVersion, "key": base64.RawURLEncoding.EncodeToString(key)})
}

func writeJSON(name string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return write(name, append(text, '\n'))
}

// write replaces a file, or leaves it as it was.
func write(name string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	tmp := name + ".tmp"
	if err := os.WriteFile(tmp, text, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, name)
}

// suffix is what stands in the names of files for a kind of key: nothing for RSA.
func (k keySpec) suffix() string {
	if k.curve == "" {
		return ""
	}
	return "." + strings.ToLower(k.curve)
}

// fileSafe has a name that is not one of a directory: of "*.example.org".
func fileSafe(name string) string { return strings.ReplaceAll(name, "/", "_") }

// pairs are a domain's certificates; nil where one is missing.
func (s store) pairs(d *domain) []server.KeyPair {
	var list []server.KeyPair
	for _, k := range d.keys {
		cert, err1 := os.ReadFile(s.path("domains", fileSafe(d.name), "pubcert"+k.suffix()+".pem"))
		key, err2 := os.ReadFile(s.path("domains", fileSafe(d.name), "privkey"+k.suffix()+".pem"))
		if err1 != nil || err2 != nil {
			return nil
		}
		if _, err := tls.X509KeyPair(cert, key); err != nil {
			return nil
		}
		list = append(list, server.KeyPair{Cert: string(cert), Key: string(key)})
	}
	return list
}

// fallback is a certificate that nobody vouches for, kept so that clients see the
// same one until the authority's is there.
func (s store) fallback(d *domain) (server.KeyPair, error) {
	certFile := s.path("domains", fileSafe(d.name), "fallback-pubcert.pem")
	keyFile := s.path("domains", fileSafe(d.name), "fallback-privkey.pem")
	cert, err1 := os.ReadFile(certFile)
	key, err2 := os.ReadFile(keyFile)
	if err1 == nil && err2 == nil {
		if pair, err := tls.X509KeyPair(cert, key); err == nil && time.Now().Before(pair.Leaf.NotAfter) && coversAll(pair.Leaf, d) {
			return server.KeyPair{Cert: string(cert), Key: string(key)}, nil
		}
	}
	p, err := selfSigned(d.names)
	if err != nil {
		return p, err
	}
	if err := write(keyFile, []byte(p.Key)); err != nil {
		return p, err
	}
	return p, write(certFile, []byte(p.Cert))
}

const fallbackLife = 14 * 24 * time.Hour

func selfSigned(names []string) (server.KeyPair, error) {
	key, err := rsa.GenerateKey(rand.Reader, defaultBits)
	if err != nil {
		return server.KeyPair{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 64))
	if err != nil {
		return server.KeyPair{}, err
	}
	t := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: "Apache Managed Domain Fallback"}, DNSNames: names,
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(fallbackLife), BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return server.KeyPair{}, err
	}
	text, err := encodeKey(key)
	return server.KeyPair{Cert: encodeCert(der), Key: text}, err
}

func encodeCert(der ...[]byte) string {
	var b strings.Builder
	for _, d := range der {
		_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: d})
	}
	return b.String()
}

func encodeKey(key crypto.Signer) (string, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), nil
}

func decodeKey(text string) (crypto.Signer, error) {
	b, _ := pem.Decode([]byte(text))
	if b == nil {
		return nil, errors.New("no PEM")
	}
	k, err := x509.ParsePKCS8PrivateKey(b.Bytes)
	if err != nil {
		return nil, err
	}
	s, ok := k.(crypto.Signer)
	if !ok {
		return nil, errors.New("the key does not sign")
	}
	return s, nil
}

// newKey makes a key of a kind.
func (k keySpec) newKey() (crypto.Signer, error) {
	switch strings.ToLower(k.curve) {
	case "":
		return rsa.GenerateKey(rand.Reader, k.bits)
	case "p-256", "secp256r1", "prime256v1":
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "p-384", "secp384r1":
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "p-521", "secp521r1":
		return ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	}
	return nil, fmt.Errorf("unsupported key type %s", k.curve)
}

// coversAll tells whether a certificate is one for all names of the domain.
func coversAll(c *x509.Certificate, d *domain) bool {
	for _, n := range d.names {
		host := strings.Replace(n, "*", "x", 1)
		if c.VerifyHostname(host) != nil {
			return false
		}
	}
	return true
}

// staged is what a child obtained for a domain.
type staged struct {
	Name  string           `json:"name"`
	Pairs []server.KeyPair `json:"pairs"`
	URL   string           `json:"url"` // where the authority has it
}

// activate makes what was staged the domain's, and what it had before an archive.
// It waits until that is older than delay (MDActivationDelay).
func (s store) activate(d *domain, delay time.Duration) (bool, error) {
	from := s.path("staging", fileSafe(d.name), "bundle.json")
	info, err := os.Stat(from)
	if err != nil || info.Size() == 0 || time.Since(info.ModTime()) < delay {
		return false, nil
	}
	text, err := os.ReadFile(from)
	if err != nil {
		return false, err
	}
	var b staged
	if err = json.Unmarshal(text, &b); err == nil {
		err = b.check(d)
	}
	if err != nil {
		_ = os.RemoveAll(filepath.Dir(from))
		return false, err
	}
	if err := s.archive(d); err != nil {
		return false, err
	}
	for i, p := range b.Pairs {
		suffix := d.keys[i].suffix()
		if err := write(s.path("domains", fileSafe(d.name), "privkey"+suffix+".pem"), []byte(p.Key)); err != nil {
			return false, err
		}
		if err := write(s.path("domains", fileSafe(d.name), "pubcert"+suffix+".pem"), []byte(p.Cert)); err != nil {
			return false, err
		}
	}
	return true, os.RemoveAll(filepath.Dir(from))
}

// check judges what was staged: a child wrote it, whose word is not enough.
func (b *staged) check(d *domain) error {
	if len(b.Pairs) != len(d.keys) {
		return fmt.Errorf("%d certificates, %d are wanted", len(b.Pairs), len(d.keys))
	}
	for _, p := range b.Pairs {
		pair, err := tls.X509KeyPair([]byte(p.Cert), []byte(p.Key))
		if err != nil {
			return err
		}
		if !coversAll(pair.Leaf, d) {
			return errors.New("the certificate does not cover all domains")
		}
	}
	return nil
}

// archive moves aside what the domain has.
func (s store) archive(d *domain) error {
	from := s.path("domains", fileSafe(d.name))
	if _, err := os.Stat(filepath.Join(from, "pubcert.pem")); err != nil && s.pairs(d) == nil {
		return nil
	}
	for n := 1; n < 1000; n++ {
		to := s.path("archive", fileSafe(d.name)+"."+strconv.Itoa(n))
		if _, err := os.Stat(to); err == nil {
			continue
		}
		return os.Rename(from, to)
	}
	return errors.New("the archive is full")
}

// save writes what the domain is.
func (s store) save(d *domain) error {
	state := 2 // complete
	if d.fallback {
		state = 1
	}
	return writeJSON(s.path("domains", fileSafe(d.name), "md.json"), map[string]any{
		"name": d.name, "domains": d.names, "contacts": []string{"mailto:" + d.contact}, "state": state,
		"ca":         map[string]any{"urls": d.authorities, "proto": "ACME", "agreement": d.agreement},
		"renew-mode": d.mode.Else(renewAuto), "must-staple": d.mustStaple.Else(false),
	})
}

// account is the key that the domain's authority knows us by. It is made when it
// is missing; the authority is told of it by the child that needs it.
func (s store) account(authority, contact string) (string, error) {
	u, err := url.Parse(authority)
	if err != nil {
		return "", err
	}
	dir := "ACME-" + strings.ReplaceAll(u.Host, ":", "_") + "-0000"
	name := s.path("accounts", dir, "account.pem")
	if text, err := os.ReadFile(name); err == nil {
		if _, err := decodeKey(string(text)); err == nil {
			return string(text), nil
		}
	}
	key, err := keySpec{curve: "P-256"}.newKey()
	if err != nil {
		return "", err
	}
	text, err := encodeKey(key)
	if err != nil {
		return "", err
	}
	if err := writeJSON(s.path("accounts", dir, "account.json"), map[string]any{"ca-url": authority, "contact": []string{"mailto:" + contact}, "status": 1}); err != nil {
		return "", err
	}
	return text, write(name, []byte(text))
}
