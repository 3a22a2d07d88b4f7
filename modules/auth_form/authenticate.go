package auth_form

import (
	"crypto/md5"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// authenticate finds out who asks: from what this request has already shown,
// from the session, or from a form that was posted to the very page.
func authenticate(r *server.Request) server.Status {
	authType := r.AuthTypeName()
	if !strings.EqualFold(authType, scheme) {
		return server.Declined
	}
	// A forward proxy's pages are everybody's: their scripts would read the session.
	if r.Forward {
		elog.Error(r).Msgf("AH01809: form auth cannot be used for proxy requests due to XSS risk, access denied: %s", r.URI)
		return 500
	}
	realm, ok := r.AuthName()
	if !ok {
		elog.Error(r).Msgf("AH01810: need AuthName: %s", r.URI)
		return 500
	}
	r.AuthType = authType
	c := slot.Of(r.Dir)
	sent := noted(r, realm)
	site := ""
	if sent.user == "" || sent.password == "" {
		sent, site = fromSession(r, realm)
	}
	status := server.Status(401)
	if sent.hasUser && sent.hasPassword {
		if site != "" && c.siteAgrees(sent.user, site) {
			c.addBasic(r, sent)
			return server.OK
		}
		if status = c.check(r, sent.user, sent.password); status == server.OK {
			c.addBasic(r, sent)
			return server.OK
		}
	}
	if status == 401 && r.Method == "POST" && r.Initial() {
		if status = c.inline(r, realm, &sent); status == 302 {
			return status
		}
	}
	if status == 401 && c.loginRequired != nil {
		return redirect(r, c.loginRequired, "AH02340: Can't evaluate login required expression: %s")
	}
	if sent.hasLocation {
		r.Out.Set("Location", sent.location)
		status = 302
	}
	// A browser that goes back must not send the form again.
	if status == 401 && !c.disableNoStore.Else(false) {
		r.Out.Add("Cache-Control", "no-store")
		r.ErrOut.Add("Cache-Control", "no-store")
	}
	return status
}

// inline takes a login from a form that was posted to a protected page. The
// form may hold the request that it stands in for; else the page is answered as
// if nothing had been posted.
func (c *config) inline(r *server.Request, realm string, sent *credentials) server.Status {
	status := c.readForm(r, realm, sent, true)
	if sent.hasBody && sent.hasMimetype {
		r.SetFieldIn("Content-Type", sent.mimetype)
		r.KeptBody = []byte(sent.body)
	} else {
		r.KeptBody = []byte{}
	}
	if sent.hasMethod && sent.method != r.Method {
		r.Handler = redirectHandler
	}
	if status != server.OK {
		return status
	}
	if status = c.check(r, sent.user, sent.password); status != server.OK {
		return status
	}
	c.addBasic(r, *sent)
	c.remember(r, realm, sent.user, sent.password)
	return c.welcome(r, sent, server.OK, "AH02339: Can't evaluate login success expression: %s")
}

// welcome sends the client where a login leads to; else otherwise.
func (c *config) welcome(r *server.Request, sent *credentials, otherwise server.Status, failure string) server.Status {
	if sent.hasLocation {
		r.Out.Set("Location", sent.location)
		return 302
	}
	if c.loginSuccess != nil {
		return redirect(r, c.loginSuccess, failure)
	}
	return otherwise
}

func redirect(r *server.Request, to *server.Expr, failure string) server.Status {
	url, err := to.Eval(r)
	if err != nil {
		elog.Error(r).Msgf(failure, err)
		return 500
	}
	r.Out.Set("Location", url)
	return 302
}

// noteFailure sends a client to the page of the form, if AuthFormLocation is a URL.
func (c *config) noteFailure(r *server.Request) {
	if l := c.location.Else(defaultLocation); strings.Contains(l, ":") {
		r.ErrOut.Set("Location", l)
	}
}

// siteHash is what stands in a session for a user who was checked once.
func siteHash(user, passphrase string) string {
	sum := md5.Sum([]byte(user + ":" + passphrase))
	return hex.EncodeToString(sum[:])
}

func (c *config) siteAgrees(user, hash string) bool {
	passphrase, ok := c.site.Get()
	return ok && subtle.ConstantTimeCompare([]byte(hash), []byte(siteHash(user, passphrase))) == 1
}

// check asks the providers for a user; OK, Declined when others may be asked, or
// what to answer.
func (c *config) check(r *server.Request, user, password string) server.Status {
	switch result := c.ask(r, user, password); {
	case result == server.AuthnGranted:
		return server.OK
	case !c.authoritative.Else(true) && result != server.AuthnDenied:
		return server.Declined
	case result == server.AuthnDenied:
		elog.Error(r).Msgf("AH01807: user '%s': authentication failure for \"%s\": password Mismatch", user, r.URI)
	case result == server.AuthnUserNotFound:
		elog.Error(r).Msgf("AH01808: user '%s' not found: %s", user, r.URI)
	default:
		return 500 // whoever failed has said why
	}
	c.noteFailure(r)
	return 401
}

// ask goes through the providers until one knows the user.
func (c *config) ask(r *server.Request, user, password string) server.AuthnResult {
	providers := c.providers
	if providers == nil {
		p := r.DefaultAuthnProvider()
		if p == nil || p.CheckPassword == nil {
			elog.Error(r).Msg("AH01806: no authn provider configured")
			return server.AuthnError
		}
		providers = []*server.AuthnProvider{p}
	}
	result := server.AuthnUserNotFound
	for _, p := range providers {
		if result = p.CheckPassword(r, user, password); result != server.AuthnUserNotFound {
			break
		}
	}
	return result
}

// addBasic shows the login to programs and servers behind as one of the Basic scheme.
func (c *config) addBasic(r *server.Request, sent credentials) {
	if c.fakeBasic.Else(false) {
		r.SetFieldIn("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(sent.user+":"+sent.password)))
	}
}
