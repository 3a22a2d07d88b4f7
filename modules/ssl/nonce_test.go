package ssl

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/donjon-httpd/donjon/directives"
)

// holder is a certificate with its key.
type holder struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// issue makes a certificate, by itself if by is nil.
func issue(t testing.TB, name string, by *holder, change func(*x509.Certificate)) *holder {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62))
	c := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true}
	if by == nil {
		c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign
	}
	if change != nil {
		change(c)
	}
	h := &holder{c, key}
	if by == nil {
		by = h
	}
	der, err := x509.CreateCertificate(rand.Reader, c, by.cert, &key.PublicKey, by.key)
	if err != nil {
		t.Fatal(err)
	}
	if h.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return h
}

// TestSigned: who may answer for an authority.
func TestSigned(t *testing.T) {
	ca, stranger := issue(t, "CA", nil, nil), issue(t, "stranger", nil, nil)
	forAnswers := func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning} }
	client, responder := issue(t, "client", ca, nil), issue(t, "responder", ca, forAnswers)
	old := issue(t, "old", ca, func(c *x509.Certificate) { forAnswers(c); c.NotAfter = time.Now().Add(-time.Minute) })
	foreign := issue(t, "foreign", stranger, forAnswers)
	for _, tt := range []struct {
		name    string
		by      *holder
		shown   bool // its certificate is in the answer
		trusted []*x509.Certificate
		ok      bool
	}{
		{"the authority", ca, true, nil, true},
		{"the authority, bare", ca, false, nil, true},
		{"who may", responder, true, nil, true},
		{"who may, bare", responder, false, nil, false},
		{"who may no longer", old, true, nil, false},
		{"another's client", client, true, nil, false},
		{"a stranger", stranger, true, nil, false},
		{"a stranger, bare", stranger, false, nil, false},
		{"whom a stranger lets", foreign, true, nil, false},
		{"a trusted stranger", stranger, true, []*x509.Certificate{stranger.cert}, true},
		{"a trusted stranger, bare", stranger, false, []*x509.Certificate{responder.cert, stranger.cert}, true},
		{"who may, beside a trusted one", responder, true, []*x509.Certificate{stranger.cert}, true},
	} {
		template := ocsp.Response{Status: ocsp.Good, SerialNumber: client.cert.SerialNumber, ThisUpdate: time.Now(), NextUpdate: time.Now().Add(time.Hour)}
		if tt.shown {
			template.Certificate = tt.by.cert
		}
		answer, err := ocsp.CreateResponse(ca.cert, tt.by.cert, template, tt.by.key)
		if err != nil {
			t.Fatal(err)
		}
		r, err := ocsp.ParseResponseForCert(answer, client.cert, nil)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		o := &ocspChecker{conf: &ocspConfig{}, trusted: tt.trusted}
		if err := o.signed(r, ca.cert); (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestNonce(t *testing.T) {
	ca := issue(t, "CA", nil, nil)
	client := issue(t, "client", ca, nil)
	question, err := ocsp.CreateRequest(client.cert, ca.cert, &ocsp.RequestOptions{Hash: crypto.SHA1})
	if err != nil {
		t.Fatal(err)
	}
	with, nonce, err := withNonce(question)
	if err != nil {
		t.Fatal(err)
	}
	q, err := ocsp.ParseRequest(with)
	if err != nil || q.SerialNumber.Cmp(client.cert.SerialNumber) != 0 {
		t.Errorf("the question asks about %v, %v", q, err)
	}
	if again, other, _ := withNonce(question); bytes.Equal(other, nonce) || bytes.Equal(again, with) {
		t.Error("two questions have one nonce")
	}
	answer := answerWith(t, ca, client, nonce)
	if err := hasNonce(answer, nonce); err != nil {
		t.Error(err)
	}
	if hasNonce(answer, append([]byte{4, 1}, 'x')) == nil || hasNonce(answerWith(t, ca, client, nil), nonce) == nil || hasNonce([]byte("nonsense"), nonce) == nil || hasNonce(ocsp.TryLaterErrorResponse, nonce) == nil {
		t.Error("an answer without the nonce is taken")
	}
}

// answerWith is an answer with a nonce put in, whose signature is not right then.
func answerWith(t testing.TB, ca, client *holder, nonce []byte) []byte {
	t.Helper()
	plain, err := ocsp.CreateResponse(ca.cert, ca.cert, ocsp.Response{Status: ocsp.Good, SerialNumber: client.cert.SerialNumber, ThisUpdate: time.Now()}, ca.key)
	if err != nil {
		t.Fatal(err)
	}
	var a ocspAnswer
	var b basicAnswer
	if _, err := asn1.Unmarshal(plain, &a); err != nil {
		t.Fatal(err)
	}
	if _, err := asn1.Unmarshal(a.Bytes.Data, &b); err != nil {
		t.Fatal(err)
	}
	if nonce != nil {
		b.Data.Extensions = []pkix.Extension{{Id: oidNonce, Value: nonce}}
	}
	if a.Bytes.Data, err = asn1.Marshal(b); err != nil {
		t.Fatal(err)
	}
	out, err := asn1.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// FuzzNonce: no answer breaks the search for a nonce, and one is found only
// where its bytes are.
func FuzzNonce(f *testing.F) {
	ca := issue(f, "CA", nil, nil)
	nonce := []byte{4, 4, 1, 2, 3, 4}
	f.Add(answerWith(f, ca, issue(f, "client", ca, nil), nonce))
	f.Add([]byte(ocsp.TryLaterErrorResponse))
	f.Add([]byte{0x30, 0x80})
	f.Fuzz(func(t *testing.T, answer []byte) {
		if hasNonce(answer, nonce) == nil && !bytes.Contains(answer, nonce) {
			t.Error("a nonce that is not there is found")
		}
	})
}

// TestBackendName: what SSLProxyCheckPeerName and SSLProxyCheckPeerCN make of a
// certificate, for names and for addresses.
func TestBackendName(t *testing.T) {
	ca := issue(t, "CA", nil, nil)
	h := issue(t, "cn.example", ca, func(c *x509.Certificate) { c.DNSNames = []string{"san.example", "*.wild.example"} })
	on, off, unset := directives.Given(true), directives.Given(false), directives.Opt[bool]{}
	for _, tt := range []struct {
		host     string
		name, cn directives.Opt[bool]
		ok       bool
	}{
		{"san.example", unset, unset, true}, {"SAN.example", unset, unset, true}, {"a.wild.example", unset, unset, true}, {"a.b.wild.example", unset, unset, false},
		{"cn.example", unset, unset, true}, {"other.example", unset, unset, false}, {"127.0.0.1", unset, unset, false}, {"::1", unset, unset, false},
		{"127.0.0.1", unset, off, true}, {"127.0.0.1", on, off, false}, {"127.0.0.1", off, unset, true}, {"127.0.0.1", off, on, false}, {"cn.example", off, on, true},
		{"san.example", off, on, false}, {"127.0.0.1", off, off, true},
	} {
		p := &proxyConfig{checkName: tt.name, checkCN: tt.cn}
		err := p.judge(&sslContext{}, tls.ConnectionState{PeerCertificates: []*x509.Certificate{h.cert}}, tt.host)
		if (err == nil) != tt.ok {
			t.Errorf("%s with name %v, CN %v: %v", tt.host, tt.name, tt.cn, err)
		}
	}
}
