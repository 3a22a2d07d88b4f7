package proxy

import (
	"errors"
	"fmt"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/pattern"
)

// addMember is BalancerMember (add_member).
func addMember(c *server.ProxyServerConfig, cmd *directives.Cmd, args string) error {
	balancer, name := cmd.Path, ""
	var params []param
	err := words(args, func(w string) error {
		key, val, ok := strings.Cut(w, "=")
		switch {
		case ok:
			params = setParam(params, key, val)
		case balancer == "":
			balancer = w
		case name == "":
			name = w
		case cmd.InSection():
			return errors.New("BalancerMember can not have a balancer name when defined in a location")
		default:
			return errors.New("Invalid BalancerMember parameter. Parameter must be in the form 'key=value'")
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case balancer == "":
		return errors.New("BalancerMember must define balancer name when outside <Proxy > section")
	case name == "":
		return errors.New("BalancerMember must define remote proxy server")
	}
	real, ok := withoutSocket(name)
	if !ok {
		return errors.New("BalancerMember uses an invalid \"unix:\" URL")
	}
	b, err := balancerFor(c, server.LowerASCII(balancer), "/")
	if err != nil {
		return fmt.Errorf("BalancerMember %w", err)
	}
	if w := c.FindWorker(b, real); w != nil {
		for _, p := range params {
			cmd.LogWarning("AH01150: Ignoring parameter '%s=%s' for worker '%s' because of worker sharing", p.key, p.val, w.FullName())
		}
		return nil
	}
	w, err := newWorker(cmd, name, false)
	if err != nil {
		return fmt.Errorf("BalancerMember %w", err)
	}
	w.Balancer = b
	b.Members = append(b.Members, w)
	for _, p := range params {
		if err := w.Params.Set(cmd, p.key, p.val); err != nil {
			return fmt.Errorf("BalancerMember %w", err)
		}
	}
	return nil
}

// target is a worker or a balancer whose parameters are set.
type target struct {
	worker   *server.ProxyWorker
	balancer *server.ProxyBalancer
	name     string
}

// set sets key=value words; what names the directive in errors.
func (t target) set(cmd *directives.Cmd, what, args string, form error) error {
	return words(args, func(w string) error {
		key, val, ok := strings.Cut(w, "=")
		if !ok {
			return form
		}
		var err error
		if t.worker != nil {
			err = t.worker.Params.Set(cmd, key, val)
		} else {
			err = t.balancer.Params.Set(cmd, key, val)
		}
		if err != nil {
			return fmt.Errorf("%s %w %s=%s; %s", what, err, key, val, t.name)
		}
		return nil
	})
}

// proxySet is ProxySet (set_proxy_param): in a <Proxy> section it makes what the
// section names.
func proxySet(c *server.ProxyServerConfig, cmd *directives.Cmd, args string) error {
	inSection, match := false, false
	t := target{}
	if p := cmd.Node.Parent; p != nil && p.Section && len(p.Name) >= 5 && strings.EqualFold(p.Name[:5], "Proxy") {
		inSection, match = true, strings.EqualFold(p.Name, "ProxyMatch")
		t.name, _ = getword(p.Args)
		t.name, _, _ = strings.Cut(t.name, ">")
	} else {
		t.name, args = getword(args)
	}
	var err error
	if isBalancer(t.name) {
		t.balancer = c.FindBalancer(t.name)
		if t.balancer == nil && !inSection {
			return errors.New("ProxySet can not find '" + t.name + "' Balancer.")
		}
		if t.balancer == nil {
			t.balancer, err = balancerFor(c, t.name, "/")
		}
	} else {
		real, ok := withoutSocket(t.name)
		if !ok {
			return errors.New("ProxySet uses an invalid \"unix:\" URL")
		}
		if inSection {
			t.worker = findKind(c, real, match)
		} else {
			t.worker = c.FindWorker(nil, real)
		}
		if t.worker == nil && !inSection {
			return errors.New("ProxySet can not find '" + t.name + "' Worker.")
		}
		if t.worker == nil {
			if t.worker, err = newWorker(cmd, t.name, match); err == nil {
				c.Workers = append(c.Workers, t.worker)
			}
		}
	}
	if err != nil {
		return fmt.Errorf("ProxySet %w", err)
	}
	return t.set(cmd, "ProxySet:", args, errors.New("Invalid ProxySet parameter. Parameter must be in the form 'key=value'"))
}

// section is <Proxy> and <ProxyMatch> (proxysection).
func section(match bool) func(*server.ProxyServerConfig, *directives.Cmd, string) error {
	return func(c *server.ProxyServerConfig, cmd *directives.Cmd, args string) error {
		if !cmd.Node.Closed {
			return cmd.Unclosed()
		}
		name, rest := getword(args)
		if len(name) >= len(prefix) && strings.EqualFold(name[:len(prefix)], prefix) {
			name = name[len(prefix):]
		}
		s := &server.ProxySection{Pattern: name, Glob: !match && pattern.HasGlob(name)}
		if match {
			re, err := pattern.Compile(name, pattern.DefaultFlags())
			if err != nil {
				return errors.New("Regex could not be compiled")
			}
			s.Regex = re
		}
		s.Conf = cmd.ProxySection(name)
		c.Sections = append(c.Sections, s)
		if rest == "" {
			return nil
		}
		return sectionParams(c, cmd, s, rest)
	}
}

func sectionParams(c *server.ProxyServerConfig, cmd *directives.Cmd, s *server.ProxySection, rest string) (err error) {
	t := target{name: s.Pattern}
	switch {
	case s.Regex != nil:
		return errors.New("Multiple <ProxyMatch> arguments not (yet) supported.")
	case s.Glob:
		return errors.New(cmd.Name + "> arguments are not supported for wildchar url.")
	case !strings.Contains(s.Pattern, ":"):
		return errors.New(cmd.Name + "> arguments are not supported for non url.")
	case isBalancer(s.Pattern):
		t.balancer, err = balancerFor(c, s.Pattern, "/")
	default:
		real, ok := withoutSocket(s.Pattern)
		if !ok {
			return errors.New("<Proxy/ProxyMatch > uses an invalid \"unix:\" URL")
		}
		if t.worker = findKind(c, real, false); t.worker == nil {
			if t.worker, err = newWorker(cmd, s.Pattern, false); err == nil {
				c.Workers = append(c.Workers, t.worker)
			}
		}
	}
	if err != nil {
		return fmt.Errorf("%s %w", cmd.Name, err)
	}
	return t.set(cmd, cmd.Name, rest, errors.New("Invalid Proxy parameter. Parameter must be in the form 'key=value'"))
}
