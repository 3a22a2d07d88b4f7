package auth_digest

import (
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// A nonce is the time of its making in base64 and a hash, by which it is
// known as ours: of the server's secret, the realm, that time and the client's number.

// newNonce makes one for a time in microseconds. Nonces that are for one
// request have a number instead.
func newNonce(r *server.Request, c *config, now int64, opaque string) string {
	if c.lifetime.Else(defaultLifetime) == 0 {
		if all := clientsOf(r.Gen); all.words != nil {
			now = int64(all.words[nextNonce].Add(1))
		}
	}
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(now))
	text := base64.StdEncoding.EncodeToString(b[:])
	return text + nonceHash(r, text, opaque)
}

func nonceHash(r *server.Request, time, opaque string) string {
	secret := r.Gen.Secret()
	realm, _ := r.AuthName()
	sum := sha1.Sum([]byte(string(secret[:]) + realm + time + opaque))
	return hex.EncodeToString(sum[:])
}

// challenge asks the client for a user. stale tells it that the password was
// not the problem. The status is 401, or 503 when there is no memory for a
// client that needs a number.
func challenge(r *server.Request, c *config, s *state, stale bool) server.Status {
	all, opaque := clientsOf(r.Gen), ""
	switch {
	case !s.opaque.is && !c.tracks():
	case s.opaque.is && known(r, all, s.number):
		opaque = s.opaque.v
	default:
		stale = stale || s.opaque.is // a client that was forgotten
		number := all.add(r)
		if number == 0 {
			return 503
		}
		opaque = strconv.FormatUint(uint64(number), 16)
	}
	realm, _ := r.AuthName()
	field := `Digest realm="` + realm + `", nonce="` + newNonce(r, c, r.Received.UnixMicro(), opaque) + `", algorithm=MD5`
	if opaque != "" {
		field += `, opaque="` + opaque + `"`
	}
	if c.domain != nil {
		field += `, domain="` + strings.Join(c.domain, " ") + `"`
	}
	if stale {
		field += ", stale=true"
	}
	r.ErrOut.Merge(r.ChallengeField(), field+`, qop="auth"`)
	return 401
}

func known(r *server.Request, all clients, number uint32) bool {
	if all.knows(number, r.Received) {
		elog.Debug(r).Msgf("AH01764: client %d found", number)
		return true
	}
	elog.Debug(r).Msgf("AH01765: client %d not found", number)
	return false
}

// checkNonce looks whether the nonce is ours and still good; the client has
// shown that it knows the password.
func checkNonce(r *server.Request, c *config, s *state) server.Status {
	nonce := s.nonce.v
	b, _ := base64.StdEncoding.DecodeString(nonce[:nonceTimeLen])
	var t [8]byte
	copy(t[:], b)
	s.nonceTime = int64(binary.LittleEndian.Uint64(t[:]))
	hash := nonceHash(r, nonce[:nonceTimeLen], s.opaque.v)
	if !same(hash, nonce[nonceTimeLen:]) {
		elog.Error(r).Msgf("AH01776: invalid nonce %s received - hash is not %s", nonce, hash)
		return challenge(r, c, s, true)
	}
	lifetime := c.lifetime.Else(defaultLifetime)
	age := r.Received.UnixMicro() - s.nonceTime
	switch {
	case lifetime <= 0: // it ends by use, or never
		return server.OK
	case age < 0:
		elog.Error(r).Msgf("AH01777: invalid nonce %s received - user attempted time travel", nonce)
	case age > lifetime*1e6:
		elog.Info(r).Msgf("AH01778: user %s: nonce expired (%d.00 seconds old - max lifetime %d.00) - sending new nonce", r.User, age/1e6, lifetime)
	default:
		return server.OK
	}
	return challenge(r, c, s, true)
}

// useNonce looks whether the client may use the nonce once more, and records that it did.
func useNonce(r *server.Request, c *config, s *state) server.Status {
	if !c.tracks() {
		return server.OK
	}
	n, rest := strtol(s.count.v, 16)
	if rest != "" && !isSpace(rest[0]) {
		elog.Error(r).Msgf("AH01773: invalid nc %s received - not a number", s.count.v)
		return challenge(r, c, s, false)
	}
	once := c.lifetime.Else(defaultLifetime) == 0
	state, tracked := clientsOf(r.Gen).use(s.number, r.Received, once, s.nonceTime, uint64(n))
	switch state {
	case accepted:
		return server.OK
	case unknownClient:
		elog.Info(r).Msgf("AH10618: client %d is no longer known - sending new nonce", s.number)
	case usedNonce:
		elog.Info(r).Msgf("AH01779: user %s: one-time-nonce %s already used - sending new nonce", r.User, s.nonce.v)
	default:
		elog.Error(r).Msgf("AH01774: Warning, possible replay attack: nonce-count check failed: %d is not above %d for nonce %s",
			uint64(n), tracked, s.nonce.v)
		return challenge(r, c, s, false)
	}
	return challenge(r, c, s, true)
}
