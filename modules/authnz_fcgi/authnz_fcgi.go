// Package authnz_fcgi asks FastCGI authorizers who a client is and what it may
// (mod_authnz_fcgi).
package authnz_fcgi

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is authnz_fcgi_module.
var Module = server.Module{
	Name: "authnz_fcgi_module",
	Directives: directives.Table{
		{Name: "AuthnzFcgiDefineProvider", In: directives.InServer, Forbid: directives.GlobalOnly, Usage: "Define a FastCGI authn and/or authz provider",
			Set: providers.TakeN(define)},
		{Name: "AuthnzFcgiCheckAuthnProvider", In: directives.FileInfo, Usage: "Enable/disable a FastCGI authorizer to handle check_authn phase",
			Set: slot.TakeN((*config).setProvider)},
	},
	Hooks: []server.Hook{
		server.CheckUserID.Middle(checkAuthn).Before("auth_basic_module").When(slot.If(func(c *config) bool {
			return c.name != "" && !strings.EqualFold(c.name, "None")
		})),
	},
}

var (
	slot = directives.NewDirSlot(func(base, add config) config {
		if add.name == "" {
			return base
		}
		return add
	})
	providers = directives.NewServerSlot(func(base, _ map[string]*provider) map[string]*provider { return base })
	elog      = server.NewLog("authnz_fcgi")
)

// config is AuthnzFcgiCheckAuthnProvider.
type config struct {
	name             string
	notAuthoritative bool
	requireBasicAuth bool
	defaultUser      string
	userExpr         *server.Expr
}

func (c *config) setProvider(cmd *directives.Cmd, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("%s: No provider given", cmd.Name)
	}
	*c = config{name: args[0]}
	args = args[1:]
	if strings.EqualFold(c.name, "None") && len(args) > 0 {
		return errors.New(`Options aren't supported with "None"`)
	}
	for len(args) > 0 {
		name := args[0]
		if len(args) == 1 {
			return fmt.Errorf("%s: %sneeds an argument", cmd.Name, name) // without a space, as Apache
		}
		value := args[1]
		args = args[2:]
		on, known := map[string]bool{"on": true, "off": false}[strings.ToLower(value)]
		switch strings.ToLower(name) {
		case "authoritative":
			c.notAuthoritative = !on
		case "requirebasicauth":
			c.requireBasicAuth = on
		case "defaultuser":
			c.defaultUser, known = value, true
		case "userexpr":
			e, err := server.CompileExprFor(cmd, value, server.ExprString|server.ExprNoVary)
			if err != nil {
				return fmt.Errorf("%s: Error parsing '%s': '%w'", cmd.Name, value, err)
			}
			c.userExpr, known = e, true
		default:
			return fmt.Errorf("%s: Unexpected option '%s'", cmd.Name, name)
		}
		if !known {
			return fmt.Errorf("%s: Bad argument '%s' to option '%s'", cmd.Name, value, name)
		}
	}
	return nil
}

// provider is an AuthnzFcgiDefineProvider.
type provider struct {
	name    string
	backend string
	addrs   []netip.AddrPort
	authn   bool
	authz   bool
}

var backendForm = regexp.MustCompile(`^fcgi://(.*):(\d{1,5})/?$`)

// lookupTime bounds the look-up of a provider's name when the configuration is read.
const lookupTime = 10 * time.Second

func define(all *map[string]*provider, cmd *directives.Cmd, args []string) error {
	fail := func(format string, a ...any) error { return fmt.Errorf(cmd.Name+": "+format, a...) }
	p := new(provider)
	switch {
	case len(args) == 0:
		return fail("No type given")
	case strings.EqualFold(args[0], "authn"):
		p.authn = true
	case strings.EqualFold(args[0], "authz"):
		p.authz = true
	case strings.EqualFold(args[0], "authnz"):
		p.authn, p.authz = true, true
	default:
		return fail("Invalid provider type %s", args[0])
	}
	switch len(args) {
	case 1:
		return fail("No provider name given")
	case 2:
		return fail("No backend-address given")
	case 3:
	default:
		return fail("Unexpected parameter %s", args[3])
	}
	p.name, p.backend = args[1], args[2]
	m := backendForm.FindStringSubmatch(p.backend)
	if m == nil {
		return fail("backend-address '%s' has invalid form", p.backend)
	}
	port, _ := strconv.Atoi(m[2])
	if port > 65535 {
		return fail("backend-address '%s' has invalid port", p.backend)
	}
	host := strings.Trim(m[1], "[]")
	addrs := []netip.Addr{}
	if a, err := netip.ParseAddr(host); err == nil {
		addrs = append(addrs, a)
	} else {
		ctx, cancel := context.WithTimeout(context.Background(), lookupTime)
		defer cancel()
		if addrs, err = server.Resolver().LookupNetIP(ctx, "ip", host); err != nil {
			return fail("Error resolving backend address")
		}
	}
	for _, a := range addrs {
		p.addrs = append(p.addrs, netip.AddrPortFrom(a.Unmap(), uint16(port)))
	}
	*all = directives.Overlay(*all, map[string]*provider{p.name: p})
	if p.authn {
		server.AddAuthn(cmd, &server.AuthnProvider{Name: p.name, CheckPassword: p.checkPassword})
	}
	if p.authz {
		server.AddAuthz(cmd, &server.AuthzProvider{Name: p.name, Parse: func(_ *directives.Cmd, args string) (server.AuthzCheck, error) {
			if args != "" {
				return nil, errors.New("mod_authnz_fcgi doesn't support restrictions on providers (i.e., multiple require args)")
			}
			return p.checkAuthz, nil
		}})
	}
	return nil
}
