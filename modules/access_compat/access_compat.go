// Package access_compat keeps the access control of Apache 2.2 (mod_access_compat):
// Order, Allow, Deny and Satisfy, each limited to methods by <Limit>.
package access_compat

import (
	"errors"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

var Module = server.Module{
	Name: "access_compat_module",
	Directives: directives.Table{
		{Name: "order", In: directives.Limit, Usage: "'allow,deny', 'deny,allow', or 'mutual-failure'",
			Set: slot.Take1((*config).setOrder)},
		{Name: "allow", In: directives.Limit, Usage: "'from' followed by hostnames or IP-address wildcards",
			Set: slot.Iterate2(func(c *config, cmd *directives.Cmd, from, where string) error {
				return addRule(&c.allows, cmd, from, where)
			})},
		{Name: "deny", In: directives.Limit, Usage: "'from' followed by hostnames or IP-address wildcards",
			Set: slot.Iterate2(func(c *config, cmd *directives.Cmd, from, where string) error {
				return addRule(&c.denies, cmd, from, where)
			})},
		{Name: "Satisfy", In: directives.AuthConfig, Usage: "access policy if both allow and require used ('all' or 'any')",
			Set: slot.Take1((*config).setSatisfy)},
	},
	Hooks: []server.Hook{
		server.AccessChecker.Middle(checkAccess).Plain().When(func(c *directives.Conf) bool { return slot.In(c) }),
	},
	Satisfy: func(r *server.Request) server.Satisfy { return slot.Of(r.Dir).satisfy.of(r.MethodBit()) },
}

// The module's configuration is not merged: a section that uses any of its
// directives forgets those around it, as Apache's module without a merge
// function does.
var slot = directives.NewDirSlot(func(_, add config) config { return add })

type order uint8

const (
	denyAllow order = iota // the default: a client is let in unless denied
	allowDeny
	mutualFailure
)

type config struct {
	order   perMethod[order]
	satisfy perMethod[server.Satisfy]
	allows  []rule
	denies  []rule
}

// perMethod is a setting that <Limit> may give to some methods only: the last
// one that names the method counts.
type perMethod[T any] []limited[T]

type limited[T any] struct {
	methods int64 // bits; -1 all
	value   T
}

func (p perMethod[T]) of(bit int64) (v T) {
	for _, l := range p {
		if l.methods&bit != 0 {
			v = l.value
		}
	}
	return v
}

func (c *config) setOrder(cmd *directives.Cmd, arg string) error {
	var o order
	switch strings.ToLower(arg) {
	case "allow,deny":
		o = allowDeny
	case "deny,allow":
		o = denyAllow
	case "mutual-failure":
		o = mutualFailure
	default:
		return errors.New("unknown order")
	}
	c.order = append(c.order, limited[order]{cmd.Limited, o})
	return nil
}

func (c *config) setSatisfy(cmd *directives.Cmd, arg string) error {
	var s server.Satisfy
	switch strings.ToLower(arg) {
	case "all":
		s = server.SatisfyAll
	case "any":
		s = server.SatisfyAny
	default:
		return errors.New("Satisfy either 'any' or 'all'.")
	}
	c.satisfy = append(c.satisfy, limited[server.Satisfy]{cmd.Limited, s})
	return nil
}

// rule is one word behind "Allow from" or "Deny from".
type rule struct {
	methods int64
	all     bool
	env     string
	notEnv  bool
	net     *server.Subnet
	host    string
}

func addRule(list *[]rule, cmd *directives.Cmd, from, where string) error {
	if !strings.EqualFold(from, "from") {
		return errors.New("allow and deny must be followed by 'from'")
	}
	r := rule{methods: cmd.Limited}
	lower := strings.ToLower(where)
	switch {
	case strings.HasPrefix(lower, "env=!"):
		r.env, r.notEnv = where[5:], true
	case strings.HasPrefix(lower, "env="):
		r.env = where[4:]
	case lower == "all":
		r.all = true
	default:
		n, err := server.ParseSubnet(where)
		switch {
		case err == nil:
			r.net = &n
		case !errors.Is(err, server.ErrNotSubnet):
			return err
		case strings.Contains(where, "/"):
			return errors.New("An IP address was expected")
		case strings.Contains(where, "#"):
			return errors.New("No comments are allowed here")
		default:
			r.host = where
		}
	}
	*list = append(*list, r)
	return nil
}

// checkAccess applies Order, Allow and Deny.
func checkAccess(r *server.Request) server.Status {
	c := slot.Of(r.Dir)
	var ok bool
	switch c.order.of(r.MethodBit()) {
	case allowDeny:
		ok = anyRule(c.allows, r) && !anyRule(c.denies, r)
	case denyAllow:
		ok = !anyRule(c.denies, r) || anyRule(c.allows, r)
	case mutualFailure:
		ok = anyRule(c.allows, r) && !anyRule(c.denies, r)
	}
	if ok {
		return server.OK
	}
	what := r.Filename
	if what == "" {
		what = "uri " + r.URI
	}
	elog.Error(r).Msgf("AH01797: client denied by server configuration: %s", what)
	return 403
}

var elog = server.NewLog("access_compat")

func anyRule(rules []rule, r *server.Request) bool {
	bit := r.MethodBit()
	for i := range rules {
		rule := &rules[i]
		if rule.methods&bit == 0 {
			continue
		}
		switch {
		case rule.all:
			return true
		case rule.net != nil:
			r.DependsOnClient()
			if rule.net.Contains(r.Client) {
				return true
			}
		case rule.host != "":
			if host, ok := r.ClientHostDouble(); ok && server.InDomain(rule.host, host) {
				return true
			}
		default:
			if r.Env.Has(rule.env) != rule.notEnv {
				return true
			}
		}
	}
	return false
}
