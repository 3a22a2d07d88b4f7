// Package auth_form asks for users by a form of HTML and remembers them in a
// session (mod_auth_form).
package auth_form

import (
	"errors"
	"fmt"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is auth_form_module.
var Module = server.Module{
	Name: "auth_form_module",
	Directives: directives.Table{
		{Name: "AuthFormProvider", In: directives.AuthConfig, Usage: "specify the auth providers for a directory or location",
			Set: slot.Iterate((*config).addProvider)},
		{Name: "AuthFormUsername", In: directives.AuthConfig, Usage: "The field of the login form carrying the username",
			Set: field(func(c *config) *directives.Opt[string] { return &c.username })},
		{Name: "AuthFormPassword", In: directives.AuthConfig, Usage: "The field of the login form carrying the password",
			Set: field(func(c *config) *directives.Opt[string] { return &c.password })},
		{Name: "AuthFormLocation", In: directives.AuthConfig, Usage: "The field of the login form carrying the URL to redirect on successful login.",
			Set: field(func(c *config) *directives.Opt[string] { return &c.location })},
		{Name: "AuthFormMethod", In: directives.AuthConfig, Usage: "The field of the login form carrying the original request method.",
			Set: field(func(c *config) *directives.Opt[string] { return &c.method })},
		{Name: "AuthFormMimetype", In: directives.AuthConfig, Usage: "The field of the login form carrying the original request mimetype.",
			Set: field(func(c *config) *directives.Opt[string] { return &c.mimetype })},
		{Name: "AuthFormBody", In: directives.AuthConfig, Usage: "The field of the login form carrying the urlencoded original request body.",
			Set: field(func(c *config) *directives.Opt[string] { return &c.body })},
		{Name: "AuthFormSize", In: directives.InDir, Usage: "Maximum size of body parsed by the form parser",
			Set: slot.Take1((*config).setSize)},
		{Name: "AuthFormLoginRequiredLocation", In: directives.AuthConfig,
			Usage: "If set, redirect the browser to this URL rather than return 401 Not Authorized.",
			Set:   location("login required", func(c *config) **server.Expr { return &c.loginRequired })},
		{Name: "AuthFormLoginSuccessLocation", In: directives.AuthConfig,
			Usage: "If set, redirect the browser to this URL when a login processed by the login handler is successful.",
			Set:   location("login success", func(c *config) **server.Expr { return &c.loginSuccess })},
		{Name: "AuthFormLogoutLocation", In: directives.AuthConfig,
			Usage: "The URL of the logout successful page. An attempt to access an URL handled by the handler " + logoutHandler + " will result in an redirect to this page after logout.",
			Set:   location("logout required", func(c *config) **server.Expr { return &c.logout })},
		{Name: "AuthFormSitePassphrase", In: directives.AuthConfig,
			Usage: "If set, use this passphrase to determine whether the user should be authenticated. Bypasses the user authentication check on every website hit, and is useful for high traffic sites.",
			Set:   slot.Take1(func(c *config, _ *directives.Cmd, s string) error { c.site = directives.Given(s); return nil })},
		{Name: "AuthFormAuthoritative", In: directives.AuthConfig,
			Usage: "Set to 'Off' to allow access control to be passed along to lower modules if the UserID is not known to this module",
			Set:   slot.Flag(func(c *config, on bool) { c.authoritative = directives.Given(on) })},
		{Name: "AuthFormFakeBasicAuth", In: directives.AuthConfig,
			Usage: "Set to 'On' to pass through authentication to the rest of the server as a basic authentication header.",
			Set:   slot.Flag(func(c *config, on bool) { c.fakeBasic = directives.Given(on) })},
		{Name: "AuthFormDisableNoStore", In: directives.AuthConfig,
			Usage: "Set to 'on' to stop the sending of a Cache-Control no-store header with the login screen. This allows the browser to cache the credentials, but at the risk of it being possible for the login form to be resubmitted and revealed to the backend server through XSS. Use at own risk.",
			Set:   slot.Flag(func(c *config, on bool) { c.disableNoStore = directives.Given(on) })},
	},
	Hooks: []server.Hook{
		server.PostConfig.Middle(checkModules),
		server.CheckUserID.Middle(authenticate),
		server.Handler.Named(loginHandler, login),
		server.Handler.Named(logoutHandler, logout),
		server.Handler.Named(redirectHandler, replay),
	},
	NoteAuthFailure: func(r *server.Request, authType string) bool {
		if !strings.EqualFold(authType, scheme) {
			return false
		}
		slot.Of(r.Dir).noteFailure(r)
		return true
	},
}

const (
	scheme          = "form"
	loginHandler    = "form-login-handler"
	logoutHandler   = "form-logout-handler"
	redirectHandler = "form-redirect-handler"
)

var (
	slot = directives.NewDirSlot(merge)
	elog = server.NewLog("auth_form")
)

type config struct {
	providers                                            []*server.AuthnProvider
	username, password, location, method, mimetype, body directives.Opt[string] // names of fields
	size                                                 directives.Opt[int64]  // of a form, in bytes
	loginRequired, loginSuccess, logout                  *server.Expr           // URLs; nil: none
	site                                                 directives.Opt[string]
	authoritative, fakeBasic, disableNoStore             directives.Opt[bool]
}

// Defaults of the names of fields.
const (
	defaultUsername = "httpd_username"
	defaultPassword = "httpd_password"
	defaultLocation = "httpd_location"
	defaultMethod   = "httpd_method"
	defaultMimetype = "httpd_mimetype"
	defaultBody     = "httpd_body"
	defaultSize     = 8192 // bytes
)

func merge(base, add config) config {
	m := config{
		providers: add.providers,
		username:  add.username.Or(base.username), password: add.password.Or(base.password),
		location: add.location.Or(base.location), method: add.method.Or(base.method),
		mimetype: add.mimetype.Or(base.mimetype), body: add.body.Or(base.body), size: add.size.Or(base.size),
		loginRequired: add.loginRequired, loginSuccess: add.loginSuccess, logout: add.logout,
		site: add.site.Or(base.site), authoritative: add.authoritative.Or(base.authoritative),
		fakeBasic: add.fakeBasic.Or(base.fakeBasic), disableNoStore: add.disableNoStore.Or(base.disableNoStore),
	}
	if m.providers == nil {
		m.providers = base.providers
	}
	if m.loginRequired == nil {
		m.loginRequired = base.loginRequired
	}
	if m.loginSuccess == nil {
		m.loginSuccess = base.loginSuccess
	}
	if m.logout == nil {
		m.logout = base.logout
	}
	return m
}

func (c *config) addProvider(cmd *directives.Cmd, name string) error {
	p := server.FindAuthn(cmd, name)
	switch {
	case p == nil:
		return server.ErrUnknownAuthn(name)
	case p.CheckPassword == nil:
		return fmt.Errorf("The '%s' Authn provider doesn't support Form Authentication", name)
	}
	c.providers = append(c.providers, p)
	return nil
}

// field sets the name of a field of the form.
func field(of func(*config) *directives.Opt[string]) directives.Setter {
	return slot.Take1(func(c *config, cmd *directives.Cmd, name string) error {
		if name == "" || strings.ContainsAny(name, "=&") {
			return errors.New(cmd.Name + " cannot be empty, or contain '=' or '&'.")
		}
		*of(c) = directives.Given(name)
		return nil
	})
}

// location sets a URL, which is an expression.
func location(what string, of func(*config) **server.Expr) directives.Setter {
	return slot.Take1(func(c *config, cmd *directives.Cmd, text string) error {
		e, err := server.CompileExprFor(cmd, text, server.ExprString)
		if err != nil {
			return fmt.Errorf("Could not parse %s expression '%s': %w", what, text, err)
		}
		*of(c) = e
		return nil
	})
}

func (c *config) setSize(_ *directives.Cmd, text string) error {
	n, _, ok := server.Strtoff(text)
	if !ok || n < 0 {
		return errors.New("AuthCookieFormSize must be a size in bytes, or zero.")
	}
	c.size = directives.Given(n)
	return nil
}

// checkModules wants the modules that this one cannot do without.
func checkModules(g *server.Generation) error {
	for _, need := range []struct{ module, number, name string }{
		{"session_module", "AH02617", "mod_session"}, {"request_module", "AH02618", "mod_request"},
	} {
		found := false
		for _, m := range g.Modules {
			found = found || m.Name == need.module
		}
		if !found {
			return fmt.Errorf("%s: You must load %s to enable the mod_auth_form functions", need.number, need.name)
		}
	}
	return nil
}
