// Package auth_basic asks for users and passwords by the Basic scheme
// (mod_auth_basic). Who knows them are the providers of other modules.
package auth_basic

import (
	"fmt"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is auth_basic_module.
var Module = server.Module{
	Name: "auth_basic_module",
	Directives: directives.Table{
		{Name: "AuthBasicProvider", In: directives.AuthConfig, Usage: "specify the auth providers for a directory or location",
			Set: slot.Iterate((*config).addProvider)},
		{Name: "AuthBasicAuthoritative", In: directives.AuthConfig,
			Usage: "Set to 'Off' to allow access control to be passed along to lower modules if the UserID is not known to this module",
			Set:   slot.Flag(func(c *config, on bool) { c.authoritative = directives.Given(on) })},
		{Name: "AuthBasicFake", In: directives.AuthConfig,
			Usage: "Fake basic authentication using the given expressions for username and password, 'off' to disable. Password defaults to 'password' if missing.",
			Set:   slot.Take12((*config).setFake)},
		{Name: "AuthBasicUseDigestAlgorithm", In: directives.AuthConfig,
			Usage: "Set to 'MD5' to use the auth provider's authentication check for digest auth, using a hash of 'user:realm:pass'",
			Set:   slot.Take1((*config).setAlgorithm)},
	},
	Hooks: []server.Hook{
		server.CheckUserID.Middle(authenticate),
		server.Fixups.Last(addFake).When(slot.If(func(c *config) bool { return c.fake.Else(fake{}).user != nil })),
	},
	NoteAuthFailure: func(r *server.Request, authType string) bool {
		if !strings.EqualFold(authType, scheme) {
			return false
		}
		challenge(r)
		return true
	},
}

const scheme = "Basic"

var (
	slot = directives.NewDirSlot(merge)
	elog = server.NewLog("auth_basic")
)

type config struct {
	providers     []*server.AuthnProvider
	authoritative directives.Opt[bool]
	fake          directives.Opt[fake]
	digest        directives.Opt[bool] // AuthBasicUseDigestAlgorithm MD5
}

// fake is whom AuthBasicFake puts into the request; a nil user is "off".
type fake struct{ user, password *server.Expr }

func merge(base, add config) config {
	m := config{
		providers: add.providers, authoritative: add.authoritative.Or(base.authoritative),
		fake: add.fake.Or(base.fake), digest: add.digest.Or(base.digest),
	}
	if m.providers == nil {
		m.providers = base.providers
	}
	return m
}

func (c *config) addProvider(cmd *directives.Cmd, name string) error {
	p := server.FindAuthn(cmd, name)
	switch {
	case p == nil:
		return server.ErrUnknownAuthn(name)
	case p.CheckPassword == nil:
		return fmt.Errorf("The '%s' Authn provider doesn't support Basic Authentication", name)
	}
	c.providers = append(c.providers, p)
	return nil
}

func (c *config) setFake(cmd *directives.Cmd, user, password string) error {
	if strings.EqualFold(user, "off") {
		c.fake = directives.Given(fake{})
		return nil
	}
	if password == "" {
		password = "password"
	}
	u, err := server.CompileExprFor(cmd, user, server.ExprString)
	if err != nil {
		return fmt.Errorf("Could not parse fake username expression '%s': %w", user, err)
	}
	p, err := server.CompileExprFor(cmd, password, server.ExprString)
	if err != nil {
		return fmt.Errorf("Could not parse fake password expression associated to user '%s': %w", user, err)
	}
	c.fake = directives.Given(fake{u, p})
	return nil
}

func (c *config) setAlgorithm(_ *directives.Cmd, name string) error {
	switch strings.ToLower(name) {
	case "off":
		c.digest = directives.Given(false)
	case "md5":
		c.digest = directives.Given(true)
	default:
		return fmt.Errorf("Invalid algorithm in AuthBasicUseDigestAlgorithm: %s", name)
	}
	return nil
}
