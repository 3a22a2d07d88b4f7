package authnz_fcgi

import (
	"encoding/base64"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// basicPassword gives the password of an Authorization field and makes its user
// the request's (ap_get_basic_auth_pw).
func basicPassword(r *server.Request) (string, bool) {
	field, _ := r.FieldIn("Authorization")
	scheme, rest, ok := strings.Cut(field, " ")
	if !ok || !strings.EqualFold(scheme, "Basic") {
		return "", false
	}
	plain, err := base64.StdEncoding.DecodeString(strings.TrimSpace(rest))
	if err != nil {
		return "", false
	}
	user, password, _ := strings.Cut(string(plain), ":")
	r.User, r.UserSet, r.AuthType = user, true, "Basic"
	return password, true
}

// checkAuthn is AuthnzFcgiCheckAuthnProvider (fcgi_check_authn).
func checkAuthn(r *server.Request) server.Status {
	c := slot.Of(r.Dir)
	yes := func(b bool) string {
		if b {
			return "yes"
		}
		return "no"
	}
	authType := r.AuthTypeName()
	elog.Debug(r).Msgf("AH02516: fcgi_check_authn, prov %s, authoritative %s, require-basic %s, user expr? %s type %s",
		c.name, yes(!c.notAuthoritative), yes(c.requireBasicAuth), yes(c.userExpr != nil), authType)
	password := ""
	if strings.EqualFold(authType, "Basic") {
		var ok bool
		if password, ok = basicPassword(r); !ok {
			elog.Debug(r).Msg("AH02517: fcgi_check_authn: couldn't retrieve basic auth password")
			if c.requireBasicAuth {
				r.NoteAuthFailure()
				return 401
			}
		}
	}
	p := find(r, c.name)
	if p == nil || !p.authn {
		elog.Crit(r).Msgf("AH02518: fcgi_check_authn: can't find config for provider %s", c.name)
		return 500
	}
	s, body := p.ask(r, password, authenticator)
	if s == 200 {
		if s = c.user(r); s == 200 {
			p.passed(r)
			return server.OK
		}
	} else if body != "" && c.notAuthoritative {
		elog.Warn(r).Msg("AH02522: fcgi_check_authn: Ignoring response body from non-authoritative authorizer")
	} else if body != "" {
		r.CustomResponse(s, body)
	}
	if c.notAuthoritative {
		return server.Declined
	}
	return s
}

// find gives a provider by its name.
func find(r *server.Request, name string) *provider {
	v := r.Server
	if v.Main != nil {
		v = v.Main
	}
	return (*providers.Of(v))[name]
}

// user finds who asks, by UserExpr.
func (c *config) user(r *server.Request) server.Status {
	if c.userExpr == nil {
		return 200
	}
	user, err := c.userExpr.Eval(r)
	switch {
	case err != nil:
		elog.Error(r).Msgf("AH02521: fcgi_check_authn: Failure extracting user after calling authorizer: %s", err)
		return 500
	case user != "":
		elog.Debug(r).Msgf("AH02519: fcgi_check_authn: Setting user to '%s'", user)
	case c.defaultUser != "":
		user = c.defaultUser
	default:
		elog.Error(r).Msg("AH02520: fcgi_check_authn: Failure extracting user after calling authorizer: " +
			"user expression yielded empty string (variable not set?)")
		return 500
	}
	r.User, r.UserSet = user, true
	return 200
}

// passed remembers that a combined provider has let the request through.
func (p *provider) passed(r *server.Request) {
	if p.authz && passes.Of(r) == nil {
		passes.Set(r, &passed{p.name})
	}
}

// checkPassword is for AuthBasicProvider (fcgi_check_password).
func (p *provider) checkPassword(r *server.Request, user, password string) server.AuthnResult {
	elog.Debug(r).Msgf("AH02524: fcgi_check_password(%s, XXX): provider %s", user, p.name)
	role := authenticator
	if p.authz {
		role = ""
	}
	switch s, _ := p.ask(r, password, role); s {
	case 200:
		p.passed(r)
		return server.AuthnGranted
	case 500:
		return server.AuthnError
	}
	return server.AuthnDenied
}

// checkAuthz is for Require (fcgi_authz_check).
func (p *provider) checkAuthz(r *server.Request) server.AuthzResult {
	elog.Debug(r).Msg("AH02527: fcgi_authz_check()")
	if r.User == "" && !r.UserSet {
		return server.AuthzDeniedNoUser
	}
	if p.authn {
		if m := passes.Of(r); m != nil && m.provider == p.name {
			return server.AuthzGranted
		}
		return server.AuthzDenied
	}
	switch s, _ := p.ask(r, "", authorizer); s {
	case 200:
		return server.AuthzGranted
	case 500:
		return server.AuthzError
	}
	return server.AuthzDenied
}
