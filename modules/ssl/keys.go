package ssl

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/youmark/pkcs8"
)

// errEncrypted is a key that wants a pass phrase, or another one.
var errEncrypted = errors.New("the private key is encrypted")

// certificatesIn reads the certificates of a PEM text, or the one of a DER one.
func certificatesIn(text string) ([]*x509.Certificate, error) {
	var list []*x509.Certificate
	rest, found := []byte(text), false
	for {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			break
		}
		found = true
		if b.Type != "CERTIFICATE" && b.Type != "X509 CERTIFICATE" && b.Type != "TRUSTED CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(b.Bytes)
		if err != nil {
			return list, err
		}
		list = append(list, c)
	}
	if !found {
		c, err := x509.ParseCertificate([]byte(text))
		if err != nil {
			return nil, err
		}
		return []*x509.Certificate{c}, nil
	}
	return list, nil
}

// keyIn reads the first private key of a PEM text, or that of a DER one.
func keyIn(text string, phrase []byte) (crypto.Signer, error) {
	rest, found := []byte(text), false
	for {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			break
		}
		found = true
		der := b.Bytes
		switch b.Type {
		case "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY":
			//lint:ignore SA1019 OpenSSL still writes such files
			if x509.IsEncryptedPEMBlock(b) {
				if phrase == nil {
					return nil, errEncrypted
				}
				var err error
				//lint:ignore SA1019 as above
				if der, err = x509.DecryptPEMBlock(b, phrase); err != nil {
					return nil, errEncrypted
				}
			}
			return parseKey(der)
		case "ENCRYPTED PRIVATE KEY":
			if phrase == nil {
				return nil, errEncrypted
			}
			k, err := pkcs8.ParsePKCS8PrivateKey(der, phrase)
			if err != nil {
				return nil, errEncrypted
			}
			return signer(k)
		}
	}
	if found {
		return nil, errors.New("no private key in the file")
	}
	return parseKey([]byte(text))
}

func parseKey(der []byte) (crypto.Signer, error) {
	if k, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		return signer(k)
	}
	if k, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return k, nil
	}
	return x509.ParseECPrivateKey(der)
}

func signer(k any) (crypto.Signer, error) {
	s, ok := k.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a private key of the kind %T cannot sign", k)
	}
	return s, nil
}

// keyKind is what Apache calls the kind of a key.
func keyKind(pub any) string {
	switch pub.(type) {
	case *rsa.PublicKey:
		return "RSA"
	case *ecdsa.PublicKey:
		return "ECC"
	case ed25519.PublicKey:
		return "ED25519"
	}
	return "UNKNOWN"
}

// pair puts a certificate, its key and its chain together.
func pair(certs []*x509.Certificate, key crypto.Signer, chain []*x509.Certificate) (tls.Certificate, error) {
	pub, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !pub.Equal(certs[0].PublicKey) {
		return tls.Certificate{}, errors.New("the certificate and the private key do not belong together")
	}
	c := tls.Certificate{PrivateKey: key, Leaf: certs[0]}
	for _, x := range certs {
		c.Certificate = append(c.Certificate, x.Raw)
	}
	for _, x := range chain {
		c.Certificate = append(c.Certificate, x.Raw)
	}
	return c, nil
}
