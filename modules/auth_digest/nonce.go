package auth_digest

import (
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// A nonce is the time of its making in base64 and a hash, by which it is
// known as ours: of the server's secret, the realm, that time and the client's number.

// newNonce makes one for time in microseconds, unless nonces are for one
// request: these have a number instead. used is what it holds.
func newNonce(r *server.Request, c *config, time int64, opaque string) (nonce string, used int64) {
	if c.lifetime.Else(defaultLifetime) == 0 {
		time = 42
		if all := clientsOf(r.Gen); all.words != nil {
			time = int64(all.words[nextNonce].Add(1) - 1)
		}
	}
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(time))
	text := base64.StdEncoding.EncodeToString(b[:])
	return text + nonceHash(r, c, text, opaque), time
}

func nonceHash(r *server.Request, c *config, time, opaque string) string {
	secret := r.Gen.Secret()
	sum := sha1.Sum([]byte(string(secret[:]) + c.realm.Else("") + time + opaque))
	return hex.EncodeToString(sum[:])
}

// challenge asks the client for a user. stale tells it that the password was
// not the problem.
func challenge(r *server.Request, c *config, s *state, stale bool) {
	var opaque string
	switch {
	case !s.opaque.is:
		if c.checkCount || c.lifetime.Else(defaultLifetime) == 0 {
			s.client = clientsOf(r.Gen).add(r)
			opaque = s.client.opaque()
		}
	case s.client == nil: // forgotten
		s.client = clientsOf(r.Gen).add(r)
		opaque = s.client.opaque()
		stale = stale || s.client != nil
	default:
		opaque = s.opaque.v
		s.client.count.Store(0)
	}
	nonce, used := newNonce(r, c, r.Received.UnixMicro(), opaque)
	if s.client != nil && c.lifetime.Else(defaultLifetime) == 0 {
		s.client.last.Store(uint64(used) + 1)
	}
	realm, _ := r.AuthName()
	algorithm := c.algorithm
	if algorithm == "" {
		algorithm = "MD5"
	}
	field := `Digest realm="` + realm + `", nonce="` + nonce + `", algorithm=` + algorithm
	if opaque != "" {
		field += `, opaque="` + opaque + `"`
	}
	if c.domain != nil {
		field += `, domain="` + strings.Join(c.domain, " ") + `"`
	}
	if stale {
		field += ", stale=true"
	}
	switch {
	case c.qop == nil:
		field += `, qop="auth"`
	case !c.noQop():
		field += `, qop="` + strings.Join(c.qop, ",") + `"`
	}
	r.ErrOut.Merge("WWW-Authenticate", field)
}

// checkNonce looks whether the nonce is ours and still good; the client has
// shown that it knows the password.
func checkNonce(r *server.Request, c *config, s *state) server.Status {
	nonce := s.nonce.v
	b, _ := base64.StdEncoding.DecodeString(nonce[:nonceTimeLen])
	var t [8]byte
	copy(t[:], b)
	s.nonceTime = int64(binary.LittleEndian.Uint64(t[:]))
	hash := nonceHash(r, c, nonce[:nonceTimeLen], s.opaque.v)
	if subtle.ConstantTimeCompare([]byte(hash), []byte(nonce[nonceTimeLen:])) == 0 {
		elog.Error(r).Msgf("AH01776: invalid nonce %s received - hash is not %s", nonce, hash)
		challenge(r, c, s, true)
		return 401
	}
	lifetime := c.lifetime.Else(defaultLifetime)
	age := r.Received.UnixMicro() - s.nonceTime
	switch {
	case lifetime > 0 && age < 0:
		elog.Error(r).Msgf("AH01777: invalid nonce %s received - user attempted time travel", nonce)
	case lifetime > 0 && age > lifetime*1e6:
		elog.Info(r).Msgf("AH01778: user %s: nonce expired (%d.00 seconds old - max lifetime %d.00) - sending new nonce", r.User, age/1e6, lifetime)
	case lifetime == 0 && s.client != nil && s.client.last.Load() != uint64(s.nonceTime)+1:
		elog.Info(r).Msgf("AH01779: user %s: one-time-nonce mismatch - sending new nonce", r.User)
	default:
		return server.OK
	}
	challenge(r, c, s, true)
	return 401
}
