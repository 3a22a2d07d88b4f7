// Package authz_host brings the kinds of Require that look at the client's
// address (mod_authz_host): ip, host, forward-dns and local.
package authz_host

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
)

var Module = server.Module{
	Name: "authz_host_module",
	Authz: []server.AuthzProvider{
		{Name: "ip", Parse: parseIP},
		{Name: "host", Parse: parseHost},
		{Name: "forward-dns", Parse: parseForwardDNS},
		{Name: "local", Parse: func(*directives.Cmd, string) (server.AuthzCheck, error) { return local, nil }},
	},
}

var elog = server.NewLog("authz_host")

func parseIP(_ *directives.Cmd, args string) (server.AuthzCheck, error) {
	var nets []server.Subnet
	for w := range words(args) {
		n, err := server.ParseSubnet(w)
		switch {
		case errors.Is(err, server.ErrNotSubnet):
			return nil, fmt.Errorf("ip address '%s' appears to be invalid", w)
		case err != nil:
			return nil, fmt.Errorf("ip address '%s' appears to be invalid: %w", w, err)
		}
		nets = append(nets, n)
	}
	if nets == nil {
		return nil, errors.New("'require ip' requires an argument")
	}
	return func(r *server.Request) server.AuthzResult {
		r.DependsOnClient()
		return granted(slices.ContainsFunc(nets, func(n server.Subnet) bool { return n.Contains(r.Client) }))
	}, nil
}

func parseHost(_ *directives.Cmd, args string) (server.AuthzCheck, error) {
	e, err := compile(args)
	if err != nil {
		return nil, err
	}
	return func(r *server.Request) server.AuthzResult {
		host, ok := r.ClientHostDouble()
		if !ok {
			elog.Error(r).Msgf("AH01753: access check of '%s' to %s failed, reason: unable to get the remote host name", args, r.URI)
			return server.AuthzDenied
		}
		names, err := e.eval(r)
		if err != nil {
			elog.Error(r).Msgf("AH02593: authz_host authorize: require host: Can't evaluate require expression: %s", err)
			return server.AuthzDenied
		}
		if before, _, comment := strings.Cut(names, "#"); comment {
			if before == "" {
				elog.Error(r).Msgf("AH10120: authz_host authorize: dubious empty 'Require host %s' with only comment", names)
				return server.AuthzDenied
			}
			elog.Warn(r).Msgf("AH10121: authz_host authorize: ignoring comment in 'Require host %s'", names)
			names = before
		}
		for w := range words(names) {
			if server.InDomain(w, host) {
				return server.AuthzGranted
			}
		}
		return server.AuthzDenied
	}, nil
}

func parseForwardDNS(_ *directives.Cmd, args string) (server.AuthzCheck, error) {
	e, err := compile(args)
	if err != nil {
		return nil, err
	}
	return func(r *server.Request) server.AuthzResult {
		names, err := e.eval(r)
		if err != nil {
			elog.Error(r).Msgf("AH03354: authz_host authorize: require forward-dns: Can't evaluate require expression: %s", err)
			return server.AuthzDenied
		}
		names, _, _ = strings.Cut(names, "#")
		for w := range words(names) {
			if matchesName(r, w) {
				return server.AuthzGranted
			}
		}
		return server.AuthzDenied
	}, nil
}

// matchesName tells whether one of the name's addresses is the client's.
func matchesName(r *server.Request, name string) bool {
	addrs, err := server.Resolver().LookupNetIP(context.Background(), "ip", name)
	if err != nil {
		elog.Warn(r).Msgf("AH03356: No sockaddr info for \"%s\"", name)
		return false
	}
	r.Unrepeatable() // names change
	client := r.Client.Unmap()
	return slices.ContainsFunc(addrs, func(a netip.Addr) bool {
		same := a.Unmap() == client
		if e := elog.Debug(r); e != nil {
			e.Msgf("AH03355: access check for %s as '%s': %s", r.ClientIP, name, map[bool]string{true: "yes", false: "no"}[same])
		}
		return same
	})
}

var loopback4 = netip.MustParsePrefix("127.0.0.0/8")

// local is for clients on this machine.
func local(r *server.Request) server.AuthzResult {
	r.DependsOnClient()
	c := r.Client.Unmap()
	return granted(c == r.Conn.Local.Addr().Unmap() || loopback4.Contains(c) || c == netip.IPv6Loopback())
}

func granted(ok bool) server.AuthzResult {
	if ok {
		return server.AuthzGranted
	}
	return server.AuthzDenied
}

// names is a list of names, with %{variables} or without.
type names struct {
	text string
	expr *server.Expr
}

func compile(args string) (names, error) {
	if !strings.Contains(args, "%") {
		return names{text: args}, nil
	}
	e, err := server.CompileExpr(args, server.ExprString)
	if err != nil {
		return names{}, fmt.Errorf("Cannot parse expression in require line: %w", err)
	}
	return names{expr: e}, nil
}

func (n names) eval(r *server.Request) (string, error) {
	if n.expr == nil {
		return n.text, nil
	}
	return n.expr.Eval(r)
}

func words(args string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for args != "" {
			var w string
			if w, args = httpdconf.Getword(args); w == "" || !yield(w) {
				return
			}
		}
	}
}
