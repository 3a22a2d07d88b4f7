package authn_core

import (
	"errors"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
)

// addAlias makes a provider: another one under which the directives of the
// section hold.
func addAlias(_ *config, cmd *directives.Cmd, args string) error {
	if err := cmd.Check(directives.GlobalOnly); err != nil {
		return err
	}
	if !cmd.Node.Closed {
		return cmd.Unclosed()
	}
	name, rest := httpdconf.Getword(args)
	alias, _ := httpdconf.Getword(rest)
	switch {
	case name == "" || alias == "":
		return errors.New(cmd.Name + "> directive requires additional arguments")
	case strings.EqualFold(name, alias):
		return errors.New("The alias provider name must be different from the base provider name.")
	case server.FindAuthn(cmd, alias) != nil:
		return errors.New("The alias provider " + alias + " has already be registered previously as either a base provider or an alias provider.")
	}
	conf := cmd.Block(directives.AuthConfig | directives.InDir)
	base := server.FindAuthn(cmd, name)
	if base == nil {
		return server.ErrUnknownAuthn(name)
	}
	p := &server.AuthnProvider{Name: alias}
	if check := base.CheckPassword; check != nil {
		p.CheckPassword = func(r *server.Request, user, password string) server.AuthnResult {
			defer under(r, conf)()
			return check(r, user, password)
		}
	}
	if hash := base.RealmHash; hash != nil {
		p.RealmHash = func(r *server.Request, user, realm string) (string, server.AuthnResult) {
			defer under(r, conf)()
			return hash(r, user, realm)
		}
	}
	server.AddAuthn(cmd, p)
	return nil
}

// under lays conf over what holds for r, until the function that it gives is called.
func under(r *server.Request, conf *directives.Conf) func() {
	outer := r.Dir
	r.Dir = directives.Merge(outer, conf)
	return func() { r.Dir = outer }
}
