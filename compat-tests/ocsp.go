package compattests

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ocsp"
)

// A case with a section "ocsp" has an authority of its own, whose certificates
// lie below tls/, and its responder on PORT2:
//
//	ocsp-ca.pem                    the authority
//	ocsp-server.pem, .key          for localhost, with the authority's behind it; its responder is /server
//	ocsp-client.pem                a client, with its key; its responder is /client
//	ocsp-other.pem                 a client whose certificate names no responder
//	ocsp-signer.pem                may sign answers in the authority's name
//
// A line of the section says what the responder answers under a path: PATH and
// words out of good, revoked, unknown (the status), old, early, endless, aged
// (times), nononce (the nonce of the question is left out), delegated,
// stranger (who signs), trylater, malformed, garbage, error, redirect (instead of
// an answer). responder_log tells each question: method, path, and whether it has a nonce.
type ocspAuthority struct {
	ca, signer, known, stranger *signer
	answers                     map[string][]string
	log                         *os.File
	server                      *http.Server
}

// signer is a certificate with its key.
type signer struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

var ocspWords = strings.Fields("good revoked unknown old early endless aged nononce delegated impostor stranger bare trylater malformed garbage error redirect")

func parseOCSP(text string) (map[string][]string, error) {
	m := map[string][]string{}
	for _, l := range lines(text) {
		w := strings.Fields(l)
		for _, x := range w[1:] {
			if !slices.Contains(ocspWords, x) {
				return nil, fmt.Errorf("ocsp: %q: unknown word %q", l, x)
			}
		}
		m[w[0]] = w[1:]
	}
	return m, nil
}

// startOCSP makes the certificates and starts the responder.
func (c *testCase) startOCSP(dir string) (stop func(), err error) {
	a := &ocspAuthority{answers: c.ocsp}
	if a.log, err = os.Create(filepath.Join(dir, "responder_log")); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(dir, "tls"), 0o755); err != nil {
		return nil, err
	}
	serial := int64(0)
	make := func(name string, by *signer, change func(*x509.Certificate)) *signer {
		serial++
		key, e := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		err = errors.Join(err, e)
		t := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{Organization: []string{"Example"}, CommonName: name},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), KeyUsage: x509.KeyUsageDigitalSignature}
		change(t)
		s := &signer{t, key}
		if by == nil {
			by = s
		}
		der, e := x509.CreateCertificate(rand.Reader, t, by.cert, &key.PublicKey, by.key)
		err = errors.Join(err, e)
		if err == nil {
			s.cert, err = x509.ParseCertificate(der)
		}
		return s
	}
	authority := func(t *x509.Certificate) {
		t.IsCA, t.BasicConstraintsValid, t.KeyUsage = true, true, x509.KeyUsageCertSign|x509.KeyUsageDigitalSignature
	}
	at := fmt.Sprintf("http://127.0.0.1:%d/", c.port2)
	a.ca, a.stranger = make("OCSP Test CA", nil, authority), make("Stranger", nil, authority)
	server := make("localhost", a.ca, func(t *x509.Certificate) {
		t.DNSNames, t.OCSPServer, t.ExtKeyUsage = []string{"localhost"}, []string{at + "server"}, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	})
	client := func(url ...string) func(t *x509.Certificate) {
		return func(t *x509.Certificate) {
			t.OCSPServer, t.ExtKeyUsage = url, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		}
	}
	known, other := make("Known", a.ca, client(at+"client")), make("Other", a.ca, client())
	a.known = known
	a.signer = make("Signer", a.ca, func(t *x509.Certificate) { t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning} })
	if err != nil {
		return nil, err
	}
	files := map[string][]*signer{"ca.pem": {a.ca}, "server.pem": {server, a.ca}, "client.pem": {known}, "other.pem": {other}, "signer.pem": {a.signer}, "leaf.pem": {server}}
	keys := map[string]*signer{"server.key": server, "client.pem": known, "other.pem": other}
	for name, list := range files {
		var b bytes.Buffer
		for _, s := range list {
			pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: s.cert.Raw})
		}
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, "tls", "ocsp-"+name), b.Bytes(), 0o644))
	}
	for name, s := range keys {
		der, e := x509.MarshalPKCS8PrivateKey(s.key)
		f, e2 := os.OpenFile(filepath.Join(dir, "tls", "ocsp-"+name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err = errors.Join(err, e, e2); err != nil {
			return nil, err
		}
		pem.Encode(f, &pem.Block{Type: "PRIVATE KEY", Bytes: der})
		err = errors.Join(err, f.Close())
	}
	l, e := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", c.port2))
	if err = errors.Join(err, e); err != nil {
		return nil, err
	}
	a.server = &http.Server{Handler: a}
	go a.server.Serve(l) //nolint:errcheck // it ends by Close
	return func() {
		a.server.Close()
		a.log.Close()
	}, nil
}

// The structures of RFC 6960 section 4 that package ocsp does not give.
type (
	ocspQuestion struct {
		TBS struct {
			Version    int           `asn1:"explicit,tag:0,default:0,optional"`
			Requestor  asn1.RawValue `asn1:"explicit,tag:1,optional"`
			List       []ocspItem
			Extensions []pkix.Extension `asn1:"explicit,tag:2,optional"`
		}
		Signature asn1.RawValue `asn1:"explicit,tag:0,optional"`
	}
	ocspItem   struct{ Cert ocspCertID }
	ocspCertID struct {
		Hash              pkix.AlgorithmIdentifier
		NameHash, KeyHash []byte
		Serial            *big.Int
	}
	ocspBasic struct {
		TBS       asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
		Certs     []asn1.RawValue `asn1:"explicit,tag:0,optional"`
	}
	ocspData struct {
		Responder  asn1.RawValue
		Produced   time.Time `asn1:"generalized"`
		Responses  []ocspSingle
		Extensions []pkix.Extension `asn1:"explicit,tag:1,optional"`
	}
	ocspSingle struct {
		Cert   ocspCertID
		Status asn1.RawValue
		This   time.Time `asn1:"generalized"`
		Next   time.Time `asn1:"generalized,explicit,tag:0,optional"`
	}
	ocspEnvelope struct {
		Status asn1.Enumerated
		Bytes  struct {
			Type asn1.ObjectIdentifier
			Data []byte
		} `asn1:"explicit,tag:0"`
	}
)

var (
	oidNonce  = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 2}
	oidBasic  = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 1}
	oidSHA256 = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2} // ecdsa-with-SHA256
)

func (a *ocspAuthority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	words, known := a.answers[r.URL.Path]
	body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<16))
	var q ocspQuestion
	_, err := asn1.Unmarshal(body, &q)
	i := slices.IndexFunc(q.TBS.Extensions, func(e pkix.Extension) bool { return e.Id.Equal(oidNonce) })
	fmt.Fprintf(a.log, "%s %s %s, nonce %v\n", r.Method, r.URL.Path, r.Header.Get("Content-Type"), i >= 0)
	has := func(word string) bool { return slices.Contains(words, word) }
	switch {
	case !known:
		http.NotFound(w, r)
		return
	case has("error"):
		http.Error(w, "an error", 500)
		return
	case has("redirect"):
		http.Redirect(w, r, "/client", http.StatusTemporaryRedirect)
		return
	}
	w.Header().Set("Content-Type", "application/ocsp-response")
	switch {
	case has("garbage"):
		io.WriteString(w, "this is no answer")
	case has("trylater"):
		w.Write(ocsp.TryLaterErrorResponse)
	case has("malformed"), err != nil, len(q.TBS.List) != 1:
		w.Write(ocsp.MalformedRequestErrorResponse)
	default:
		d := &ocspData{}
		if i >= 0 && !has("nononce") {
			d.Extensions = []pkix.Extension{q.TBS.Extensions[i]}
		}
		answer, err := a.answer(d, q.TBS.List[0].Cert, has)
		if err != nil {
			http.Error(w, err.Error(), 500)
			return
		}
		w.Write(answer)
	}
}

// answer signs what the words say of a certificate.
func (a *ocspAuthority) answer(d *ocspData, id ocspCertID, has func(string) bool) ([]byte, error) {
	now := time.Now().UTC().Truncate(time.Second)
	single := ocspSingle{Cert: id, This: now.Add(-time.Minute), Next: now.Add(time.Hour), Status: asn1.RawValue{Class: 2, Tag: 0}}
	switch {
	case has("revoked"):
		when, _ := asn1.MarshalWithParams(now.Add(-time.Hour), "generalized")
		single.Status = asn1.RawValue{Class: 2, Tag: 1, IsCompound: true, Bytes: when}
	case has("unknown"):
		single.Status = asn1.RawValue{Class: 2, Tag: 2}
	}
	switch {
	case has("old"):
		single.This, single.Next = now.Add(-3*time.Hour), now.Add(-2*time.Hour)
	case has("early"):
		single.This = now.Add(30 * time.Minute)
	case has("endless"):
		single.Next = time.Time{}
	case has("aged"):
		single.This = now.Add(-2 * time.Hour)
	}
	by := a.ca
	switch {
	case has("delegated"):
		by = a.signer
	case has("impostor"):
		by = a.known
	case has("stranger"):
		by = a.stranger
	}
	pub, err := by.key.PublicKey.Bytes()
	if err != nil {
		return nil, err
	}
	hash := sha1.Sum(pub) // KeyHash: of the key's bits, RFC 6960 section 4.2.1
	key, err := asn1.Marshal(hash[:])
	if err != nil {
		return nil, err
	}
	d.Responder, d.Produced, d.Responses = asn1.RawValue{Class: 2, Tag: 2, IsCompound: true, Bytes: key}, now, []ocspSingle{single}
	tbs, err := asn1.Marshal(*d)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(tbs)
	sig, err := by.key.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		return nil, err
	}
	basic := ocspBasic{TBS: asn1.RawValue{FullBytes: tbs}, Algorithm: pkix.AlgorithmIdentifier{Algorithm: oidSHA256}, Signature: asn1.BitString{Bytes: sig, BitLength: 8 * len(sig)}}
	if !has("bare") {
		basic.Certs = []asn1.RawValue{{FullBytes: by.cert.Raw}}
	}
	var e ocspEnvelope
	e.Bytes.Type = oidBasic
	if e.Bytes.Data, err = asn1.Marshal(basic); err != nil {
		return nil, err
	}
	return asn1.Marshal(e)
}

// stapled says in words what a server sent about its certificate.
func stapled(b []byte) string {
	if len(b) == 0 {
		return "nothing"
	}
	r, err := ocsp.ParseResponse(b, nil)
	var status ocsp.ResponseError
	switch {
	case errors.As(err, &status):
		return status.Status.String()
	case err != nil:
		return err.Error()
	}
	return [...]string{"good", "revoked", "unknown"}[r.Status]
}
