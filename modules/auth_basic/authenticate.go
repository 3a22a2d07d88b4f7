package auth_basic

import (
	"crypto/md5"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// challenge asks the client for a user.
func challenge(r *server.Request) {
	realm, _ := r.AuthName()
	r.ErrOut.Set(r.ChallengeField(), `Basic realm="`+realm+`"`)
}

// authenticate finds out who asks.
func authenticate(r *server.Request) server.Status {
	authType := r.AuthTypeName()
	if !strings.EqualFold(authType, scheme) {
		return server.Declined
	}
	realm, ok := r.AuthName()
	if !ok {
		elog.Error(r).Msgf("AH01615: need AuthName: %s", r.URI)
		return 500
	}
	r.AuthType = authType
	field, ok := r.FieldIn(r.AuthorizationField())
	if !ok {
		challenge(r)
		return 401
	}
	user, password, ok := parse(field)
	if !ok {
		elog.Error(r).Msgf("AH01614: client used wrong authentication scheme: %s", r.URI)
		challenge(r)
		return 401
	}
	r.User, r.UserSet = user, true // whom the log names, whatever comes of it
	c := slot.Of(r.Dir)
	switch result := c.ask(r, realm, user, password); {
	case result == server.AuthnGranted:
		return server.OK
	case !c.authoritative.Else(true) && result != server.AuthnDenied:
		return server.Declined
	case result == server.AuthnDenied:
		elog.Error(r).Msgf("AH01617: user %s: authentication failure for \"%s\": Password Mismatch", user, r.URI)
	case result == server.AuthnUserNotFound:
		elog.Error(r).Msgf("AH01618: user %s not found: %s", user, r.URI)
	default:
		return 500 // whoever failed has said why
	}
	challenge(r)
	return 401
}

// parse takes an Authorization field apart; false when its scheme is another.
func parse(field string) (user, password string, ok bool) {
	name, rest, _ := strings.Cut(field, " ")
	if !strings.EqualFold(name, scheme) {
		return "", "", false
	}
	user, password, _ = strings.Cut(decode(strings.TrimLeft(rest, " \t")), ":")
	return user, password, true
}

// decode ends at the first zero byte.
func decode(s string) string {
	text, _, _ := strings.Cut(string(server.DecodeBase64(s)), "\x00")
	return text
}

// ask goes through the providers until one knows the user.
func (c *config) ask(r *server.Request, realm, user, password string) server.AuthnResult {
	providers := c.providers
	if providers == nil {
		p := r.DefaultAuthnProvider()
		if p == nil || p.CheckPassword == nil {
			elog.Error(r).Msg("AH01616: No Authn provider configured")
			return server.AuthnError
		}
		providers = []*server.AuthnProvider{p}
	}
	result := server.AuthnUserNotFound
	for _, p := range providers {
		if !c.digest.Else(false) {
			result = p.CheckPassword(r, user, password)
		} else if p.RealmHash == nil {
			elog.Error(r).Msg("AH02493: Authn provider does not support AuthBasicUseDigestAlgorithm")
			return server.AuthnError
		} else {
			result = checkHash(r, p, realm, user, password)
		}
		if result != server.AuthnUserNotFound {
			return result
		}
	}
	return result
}

func checkHash(r *server.Request, p *server.AuthnProvider, realm, user, password string) server.AuthnResult {
	want, result := p.RealmHash(r, user, realm)
	if result != server.AuthnUserFound {
		return result
	}
	sum := md5.Sum([]byte(user + ":" + realm + ":" + password))
	if subtle.ConstantTimeCompare([]byte(hex.EncodeToString(sum[:])), []byte(want)) == 0 {
		return server.AuthnDenied
	}
	return server.AuthnGranted
}

// addFake puts a user into the request for programs and servers behind this one.
func addFake(r *server.Request) server.Status {
	f := slot.Of(r.Dir).fake.Else(fake{})
	user, err := f.user.Eval(r)
	if err != nil {
		elog.Error(r).Msgf("AH02455: AuthBasicFake: could not evaluate user expression for URI '%s': %s", r.URI, err)
		return 500
	}
	if user == "" {
		elog.Info(r).Msgf("AH02458: AuthBasicFake: empty username expression for URI '%s', ignoring", r.URI)
		r.UnsetFieldIn("Authorization")
		return server.Declined
	}
	password, err := f.password.Eval(r)
	if err != nil {
		elog.Error(r).Msgf("AH02456: AuthBasicFake: could not evaluate password expression for URI '%s': %s", r.URI, err)
		return 500
	}
	if password == "" {
		elog.Info(r).Msgf("AH02459: AuthBasicFake: empty password expression for URI '%s', ignoring", r.URI)
		r.UnsetFieldIn("Authorization")
		return server.Declined
	}
	field := "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
	r.SetFieldIn("Authorization", field)
	elog.Info(r).Msgf("AH02457: AuthBasicFake: \"Authorization: %s\"", field)
	return server.OK
}
