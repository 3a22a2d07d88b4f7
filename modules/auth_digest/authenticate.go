package auth_digest

import (
	"crypto/md5"
	"crypto/subtle"
	"encoding/hex"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// stateOf is what the client's own request said, for one that it led to as well.
func stateOf(r *server.Request) *state {
	top := r.Top()
	s := states.Of(top)
	if s == nil {
		s = &state{}
		states.Set(top, s)
	}
	s.asked = true
	return s
}

func noteFailure(r *server.Request, authType string) bool {
	if !strings.EqualFold(authType, scheme) {
		return false
	}
	challenge(r, slot.Of(r.Dir), stateOf(r), false)
	return true
}

// authenticate finds out who asks.
func authenticate(r *server.Request) server.Status {
	if !strings.EqualFold(r.AuthTypeName(), scheme) {
		return server.Declined
	}
	realm, ok := r.AuthName()
	if !ok {
		elog.Error(r).Msgf("AH01780: need AuthName: %s", r.URI)
		return 500
	}
	c, s := slot.Of(r.Dir), stateOf(r)
	again := func() server.Status { return challenge(r, c, s, false) }
	if !s.valid {
		switch {
		case !s.sent:
		case !s.digest():
			elog.Error(r).Msgf("AH01781: client used wrong authentication scheme `%s': %s", s.scheme, r.URI)
		default:
			elog.Error(r).Msgf("AH01782: missing user, realm, nonce, uri, digest, cnonce, or nonce_count in authorization header: %s", r.URI)
		}
		return again()
	}
	r.User, r.UserSet, r.AuthType = s.username.v, true, scheme
	if status := checkURI(r, s.uri.v); status != server.OK {
		return status
	}
	switch {
	case s.opaque.is && s.number == 0:
		elog.Error(r).Msgf("AH01787: received invalid opaque - got `%s'", s.opaque.v)
		return again()
	case s.realm.v != realm:
		elog.Error(r).Msgf("AH01788: realm mismatch - got `%s' but expected `%s'", s.realm.v, realm)
		return again()
	case s.algorithm.is && !strings.EqualFold(s.algorithm.v, "MD5"):
		elog.Error(r).Msgf("AH01789: unknown algorithm `%s' received: %s", s.algorithm.v, r.URI)
		return again()
	}
	var result server.AuthnResult
	switch s.ha1, result = c.hash(r, realm); result {
	case server.AuthnUserFound:
	case server.AuthnUserNotFound:
		elog.Error(r).Msgf("AH01790: user `%s' in realm `%s' not found: %s", r.User, realm, r.URI)
		return again()
	case server.AuthnDenied:
		elog.Error(r).Msgf("AH01791: user `%s' in realm `%s' denied by provider: %s", r.User, realm, r.URI)
		return again()
	default:
		return 500 // whoever failed has said why
	}
	switch {
	case !strings.EqualFold(s.qop.v, "auth"):
		qop := s.qop.v
		if !s.qop.is {
			qop = "(null)"
		}
		elog.Error(r).Msgf("AH10560: invalid or missing qop value '%s', RFC 2069 is no longer supported: %s", qop, r.URI)
		return again()
	case !same(s.expect(r.Top().Method), s.response.v):
		elog.Error(r).Msgf("AH01794: user %s: password mismatch: %s", r.User, r.URI)
		return again()
	}
	// The nonce comes first: with an old one the client is asked anew, which is no replay.
	if status := checkNonce(r, c, s); status != server.OK {
		return status
	}
	return useNonce(r, c, s)
}

// hash asks the providers until one knows the user.
func (c *config) hash(r *server.Request, realm string) (string, server.AuthnResult) {
	providers := c.providers
	if providers == nil {
		p := r.DefaultAuthnProvider()
		if p == nil || p.RealmHash == nil {
			elog.Error(r).Msg("AH01770: No Authn provider configured")
			return "", server.AuthnError
		}
		providers = []*server.AuthnProvider{p}
	}
	for _, p := range providers {
		if hash, result := p.RealmHash(r, r.User, realm); result != server.AuthnUserNotFound {
			return hash, result
		}
	}
	return "", server.AuthnUserNotFound
}

// expect is the response of a client that knows the password; without a method, the server's own.
func (s *state) expect(method string) string {
	return hexMD5(s.ha1 + ":" + s.nonce.v + ":" + s.count.v + ":" + s.cnonce.v + ":" + s.qop.v + ":" + hexMD5(method+":"+s.uri.v))
}

func hexMD5(s string) string {
	sum := md5.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// nextNonceWithin is how many seconds before its end a nonce is replaced.
const nextNonceWithin = 30

// addInfo answers the client's challenge, and gives it a new nonce in time.
func addInfo(r *server.Request) server.Status {
	s := states.Of(r)
	if s == nil || !s.asked || !s.qop.is || r.ErrOut.Has(r.ChallengeField()) {
		return server.OK
	}
	c := slot.Of(r.Dir)
	next, now := "", r.Received.UnixMicro()
	lifetime := c.lifetime.Else(defaultLifetime)
	if lifetime > 0 && now-s.nonceTime > (lifetime-nextNonceWithin)*1e6 || lifetime == 0 && s.number != 0 {
		next = `, nextnonce="` + newNonce(r, c, now, s.opaque.v) + `"`
	}
	r.Out.Merge(r.AuthInfoField(), `rspauth="`+s.expect("")+`"`+next+
		`, cnonce="`+server.EscapeQuotes(s.cnonce.v)+`", nc=`+s.count.v+", qop="+s.qop.v)
	return server.OK
}
