package md

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"encoding/json"
	"math/big"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

// board is memory that all children share: what the one that asks the authority
// must have answered, by whichever is asked. The first word counts changes, and is
// odd while one is under way; the second is the length of the text behind.
type board struct{ words []atomic.Uint64 }

const mostAnswers = 64 << 10 // bytes

func boardOf(g *server.Generation) board { return board{g.Shared("md challenges")} }

// answer is what an authority wants to see.
type answer struct {
	Kind    string // http-01 or tls-alpn-01
	Domain  string
	Token   string
	KeyAuth string
}

// put replaces all answers. One process does so at a time.
func (b board) put(list []answer) {
	text, err := json.Marshal(list)
	if err != nil || len(b.words) == 0 || len(text) > min(mostAnswers, 8*(len(b.words)-2)) {
		return
	}
	n := b.words[0].Load() | 1
	b.words[0].Store(n)
	b.words[1].Store(uint64(len(text)))
	for i := 0; i < len(text); i += 8 {
		var w [8]byte
		copy(w[:], text[i:])
		b.words[2+i/8].Store(binary.LittleEndian.Uint64(w[:]))
	}
	b.words[0].Store(n + 1)
}

// list gives the answers; nil while they are being changed.
func (b board) list() []answer {
	if len(b.words) == 0 {
		return nil
	}
	for range 100 {
		n := b.words[0].Load()
		size := b.words[1].Load()
		if n&1 == 1 || size > mostAnswers || int(size) > 8*(len(b.words)-2) {
			time.Sleep(time.Millisecond)
			continue
		}
		text := make([]byte, 0, size+8)
		for i := 0; i < int(size); i += 8 {
			text = binary.LittleEndian.AppendUint64(text, b.words[2+i/8].Load())
		}
		if b.words[0].Load() != n {
			continue
		}
		var list []answer
		if size > 0 && json.Unmarshal(text[:size], &list) != nil {
			return nil
		}
		return list
	}
	return nil
}

const challengePrefix = "/.well-known/acme-challenge/"

// wellKnown answers an authority, and shows the status of a host's certificate.
func wellKnown(r *server.Request) server.Status {
	if strings.HasPrefix(r.URI, challengePrefix) {
		return answerHTTP(r)
	}
	if r.URI == statusPath {
		return certificateStatus(r)
	}
	return server.Declined
}

func answerHTTP(r *server.Request) server.Status {
	c := slot.Of(r.Gen.Config.Main)
	token := r.URI[len(challengePrefix):]
	if len(c.domains) == 0 || token == "" || strings.Contains(token, "/") || r.Method != "GET" && r.Method != "HEAD" {
		return server.Declined
	}
	r.Unrepeatable()
	for _, a := range boardOf(r.Gen).list() {
		if a.Kind == "http-01" && a.Token == token && strings.EqualFold(a.Domain, r.Hostname) {
			r.StartResponse()
			r.ContentType = "text/plain"
			if !r.HeaderOnly {
				r.WriteString(a.KeyAuth)
			}
			return server.OK
		}
	}
	for _, d := range c.domains {
		if d.covers(r.Hostname) && d.renews() {
			elog.Info(r).Msgf("AH10081: loading challenge %s from store", r.Hostname)
			return 404
		}
	}
	return server.Declined
}

// challengeCertificates remembers what was made for an answer.
var challengeCertificates struct {
	sync.Mutex
	of   string
	cert *tls.Certificate
}

func challengeCertificate(c *server.Conn, name string) *tls.Certificate {
	for _, a := range boardOf(c.Gen).list() {
		if a.Kind != "tls-alpn-01" || !strings.EqualFold(a.Domain, name) {
			continue
		}
		k := &challengeCertificates
		k.Lock()
		defer k.Unlock()
		if k.of != a.KeyAuth+" "+a.Domain {
			cert, err := alpnCertificate(a)
			if err != nil {
				return nil
			}
			k.of, k.cert = a.KeyAuth+" "+a.Domain, cert
		}
		return k.cert
	}
	if len(slot.Of(c.Gen.Config.Main).domains) > 0 {
		elog.Info(c).Msgf("AH10080: %s: unknown tls-alpn-01 challenge host", name)
	}
	return nil
}

// alpnCertificate is the one of RFC 8737, 3.
func alpnCertificate(a answer) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(a.KeyAuth))
	value, err := asn1.Marshal(sum[:])
	if err != nil {
		return nil, err
	}
	t := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ACME Challenge"}, DNSNames: []string{a.Domain},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 31}, Critical: true, Value: value}}}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
