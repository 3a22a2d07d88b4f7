package compattests

import (
	"crypto/tls"
	"fmt"
	"path/filepath"
)

// tlsClient is how a request's connection is encrypted.
type tlsClient struct {
	name        string // that it gives for the server; "" for none
	version     uint16 // the only one that it speaks; 0: 1.2 and 1.3
	certificate string // file below tls/
	staple      bool   // the answer begins with what the server says of its certificate
	stapled     string // that, of the last handshake
}

// noTLS stands for the answer of a server that ends the handshake.
const noTLS = "<no encrypted connection>\n"

func (t *tlsClient) set(key, value string) error {
	switch key {
	case "tls":
		if value != "-" {
			t.name = value
		}
	case "tls-version":
		v, ok := map[string]uint16{"1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}[value]
		if !ok {
			return fmt.Errorf("tls-version: want 1.1, 1.2 or 1.3")
		}
		t.version = v
	case "tls-certificate":
		t.certificate = value
	case "tls-staple":
		t.staple = value == "show"
	}
	return nil
}

// in is the client's configuration for a case that lies in dir. Of TLS 1.2 it
// knows one cipher, so that both servers choose the same.
func (t *tlsClient) in(dir string) *tls.Config {
	if t == nil {
		return nil
	}
	c := &tls.Config{ServerName: t.name, InsecureSkipVerify: true, MinVersion: tls.VersionTLS12,
		CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}}
	if t.version != 0 {
		c.MinVersion, c.MaxVersion = t.version, t.version
	}
	if t.staple {
		t.stapled = ""
		c.VerifyConnection = func(cs tls.ConnectionState) error {
			t.stapled = fmt.Sprintf("<stapled: %s>\n", stapled(cs.OCSPResponse))
			return nil
		}
	}
	if t.certificate != "" {
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			file := filepath.Join(dir, "tls", t.certificate)
			x, err := tls.LoadX509KeyPair(file, file)
			return &x, err
		}
	}
	return c
}
