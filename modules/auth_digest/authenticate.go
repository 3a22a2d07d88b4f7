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
	if _, ok := r.AuthName(); !ok {
		elog.Error(r).Msgf("AH01780: need AuthName: %s", r.URI)
		return 500
	}
	c, s := slot.Of(r.Dir), stateOf(r)
	again := func() server.Status {
		challenge(r, c, s, false)
		return 401
	}
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
	realm := c.realm.Else("")
	switch {
	case s.opaque.is && s.opaqueNumber == 0:
		elog.Error(r).Msgf("AH01787: received invalid opaque - got `%s'", s.opaque.v)
		return again()
	case !c.realm.IsSet():
		elog.Error(r).Msgf("AH02533: realm mismatch - got `%s' but no realm specified", s.realm.v)
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
	if !c.checkResponse(r, s) || !c.countAgrees(r, s) {
		return again()
	}
	return checkNonce(r, c, s) // last, so that stale=true means that all else was right
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

// checkResponse looks whether the client knows the password.
func (c *config) checkResponse(r *server.Request, s *state) bool {
	method := r.Top().Method
	ha2 := hexMD5(method + ":" + s.uri.v)
	if !s.qop.is { // RFC 2069
		if !same(hexMD5(s.ha1+":"+s.nonce.v+":"+ha2), s.response.v) {
			elog.Error(r).Msgf("AH01792: user %s: password mismatch: %s", r.User, r.URI)
			return false
		}
		return true
	}
	if !c.takesQop(s.qop.v) {
		elog.Error(r).Msgf("AH01793: invalid qop `%s' received: %s", s.qop.v, r.URI)
		return false
	}
	if !same(hexMD5(s.ha1+":"+s.nonce.v+":"+s.count.v+":"+s.cnonce.v+":"+s.qop.v+":"+ha2), s.response.v) {
		elog.Error(r).Msgf("AH01794: user %s: password mismatch: %s", r.User, r.URI)
		return false
	}
	return true
}

// takesQop tells whether AuthDigestQop names it; without one, auth is taken.
func (c *config) takesQop(name string) bool {
	if c.qop == nil {
		return strings.EqualFold(name, "auth")
	}
	for _, q := range c.qop {
		if strings.EqualFold(q, name) {
			return true
		}
	}
	return false
}

// countAgrees looks whether the client counts its requests as we do.
func (c *config) countAgrees(r *server.Request, s *state) bool {
	if !c.checkCount {
		return true
	}
	if clientsOf(r.Gen).words == nil {
		elog.Warn(r).Msg("AH01771: cannot check nonce count without shared memory")
		return true
	}
	if c.noQop() {
		if s.count.is {
			elog.Error(r).Msgf("AH01772: invalid nc %s received - no nonce count allowed when qop=none", s.count.v)
			return false
		}
		return true
	}
	n, rest := strtol(s.count.v, 16)
	if rest != "" && !isSpace(rest[0]) {
		elog.Error(r).Msgf("AH01773: invalid nc %s received - not a number", s.count.v)
		return false
	}
	if s.client == nil {
		return false
	}
	if want := s.client.count.Load(); uint64(n) != want {
		elog.Error(r).Msgf("AH01774: Warning, possible replay attack: nonce-count check failed: %d != %d", uint64(n), want)
		return false
	}
	return true
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
	if s == nil || !s.asked {
		return server.OK
	}
	c := slot.Of(r.Dir)
	next, lifetime := "", c.lifetime.Else(defaultLifetime)
	switch {
	case lifetime > 0:
		if now := r.Received.UnixMicro(); now-s.nonceTime > (lifetime-nextNonceWithin)*1e6 {
			next, _ = newNonce(r, c, now, s.opaque.v)
			if s.client != nil {
				s.client.count.Store(0)
			}
		}
	case lifetime == 0 && s.client != nil:
		var used int64
		next, used = newNonce(r, c, 0, s.opaque.v)
		s.client.last.Store(uint64(used) + 1)
	}
	if next != "" {
		next = `, nextnonce="` + next + `"`
	}
	info := next
	if !c.noQop() || s.qop.is {
		// The first parameter that is missing ends the text that is hashed.
		text := s.ha1 + ":" + s.nonce.v + ":"
		if s.count.is {
			text += s.count.v + ":"
			if s.cnonce.is {
				text += s.cnonce.v + ":" + s.qop.v + ":" + hexMD5(":"+s.uri.v)
			}
		}
		info = `rspauth="` + hexMD5(text) + `"` + next
		if s.cnonce.is {
			info += `, cnonce="` + server.EscapeQuotes(s.cnonce.v) + `"`
		}
		if s.count.is {
			info += ", nc=" + s.count.v
		}
		if s.qop.is {
			info += ", qop=" + s.qop.v
		}
	}
	if info != "" {
		r.Out.Merge("Authentication-Info", info)
	}
	return server.OK
}
