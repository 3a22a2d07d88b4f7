package authz_core

import (
	"errors"
	"fmt"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
)

// aliases are the <AuthzProviderAlias> sections of the main server.
var aliases = directives.NewServerSlot(func(base, _ aliasConfig) aliasConfig { return base })

type aliasConfig struct {
	byName map[string]*server.AuthzProvider
}

// add declares a kind of Require: another kind with its arguments given, under
// which the directives of the section hold.
func (c *aliasConfig) add(cmd *directives.Cmd, args string) error {
	if err := cmd.Check(directives.GlobalOnly); err != nil {
		return err
	}
	if !cmd.Node.Closed {
		return cmd.Unclosed()
	}
	base, rest := httpdconf.Getword(args)
	name, rest := httpdconf.Getword(rest)
	params, rest := httpdconf.Getword(rest)
	if base == "" || name == "" {
		return errors.New(cmd.Name + "> directive requires additional arguments")
	}
	if extra, _ := httpdconf.Getword(rest); extra != "" {
		cmd.LogWarning("AH10142: When several arguments (%s %s...) are passed to a %s directive, they must be enclosed in quotation marks.  "+
			"Otherwise, only the first one is taken into account", params, extra, cmd.Name)
	}
	conf := cmd.Block(directives.AuthConfig | directives.InDir)
	p := lookup(cmd, base)
	if p == nil {
		return fmt.Errorf("Unknown Authz provider: %s", base)
	}
	check, err := p.Parse(cmd, params)
	if err != nil {
		return fmt.Errorf("Can't parse 'Require %s %s': %w", base, params, err)
	}
	if c.byName == nil {
		c.byName = map[string]*server.AuthzProvider{}
	}
	c.byName[name] = &server.AuthzProvider{Name: name, Parse: func(*directives.Cmd, string) (server.AuthzCheck, error) {
		return func(r *server.Request) server.AuthzResult {
			outer := r.Dir
			r.Dir = directives.Merge(outer, conf)
			defer func() { r.Dir = outer }()
			return check(r)
		}, nil
	}}
	return nil
}
