package ssl

import (
	"bytes"
	"crypto/rand"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
)

// What package ocsp does not have: the nonce that ties an answer to its question
// (RFC 8954).

var (
	oidNonce = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 2}
	oidBasic = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 1}
)

// ocspQuestion is an OCSPRequest (RFC 6960 section 4.1.1).
type ocspQuestion struct {
	TBS struct {
		Version    int           `asn1:"explicit,tag:0,default:0,optional"`
		Requestor  asn1.RawValue `asn1:"explicit,tag:1,optional"`
		List       []asn1.RawValue
		Extensions []pkix.Extension `asn1:"explicit,tag:2,optional"`
	}
}

// withNonce puts a nonce into a question. It gives the nonce as it stands in the
// extension.
func withNonce(question []byte) (with, nonce []byte, err error) {
	var q ocspQuestion
	if _, err := asn1.Unmarshal(question, &q); err != nil {
		return nil, nil, err
	}
	value := make([]byte, 16)
	if _, err := rand.Read(value); err != nil {
		return nil, nil, err
	}
	if nonce, err = asn1.Marshal(value); err != nil {
		return nil, nil, err
	}
	q.TBS.Extensions = append(q.TBS.Extensions, pkix.Extension{Id: oidNonce, Value: nonce})
	with, err = asn1.Marshal(q)
	return with, nonce, err
}

// ocspAnswer is an OCSPResponse, basicAnswer what it holds, and answerData what
// is signed of that (RFC 6960 section 4.2.1).
type (
	ocspAnswer struct {
		Status asn1.Enumerated
		Bytes  struct {
			Type asn1.ObjectIdentifier
			Data []byte
		} `asn1:"explicit,tag:0,optional"`
	}
	basicAnswer struct {
		Data      answerData
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}
	answerData struct {
		Version    int `asn1:"explicit,tag:0,default:0,optional"`
		Responder  asn1.RawValue
		Produced   asn1.RawValue
		Responses  []asn1.RawValue
		Extensions []pkix.Extension `asn1:"explicit,tag:1,optional"`
	}
)

var errNonce = errors.New("AH01924: Bad OCSP responder answer (bad nonce)")

// hasNonce is an error unless an answer has that nonce.
func hasNonce(answer, nonce []byte) error {
	var a ocspAnswer
	var b basicAnswer
	if _, err := asn1.Unmarshal(answer, &a); err != nil {
		return err
	}
	if !a.Bytes.Type.Equal(oidBasic) {
		return errNonce
	}
	if _, err := asn1.Unmarshal(a.Bytes.Data, &b); err != nil {
		return err
	}
	for _, e := range b.Data.Extensions {
		if e.Id.Equal(oidNonce) && bytes.Equal(e.Value, nonce) {
			return nil
		}
	}
	return errNonce
}
