package proxy

import (
	"errors"
	"fmt"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/pattern"
)

var getword = httpdconf.Getword

var errPassParam = errors.New("Invalid ProxyPass|ProxyPassMatch parameter. Parameter must be in the form 'key=value'.")

// passLine is a ProxyPass as it was written.
type passLine struct {
	fake, real string
	match      bool
	flags      server.ProxyAliasFlags
	params     []param
}

func parsePass(cmd *directives.Cmd, args string, match bool) (p passLine, err error) {
	p.match = match
	p.fake = cmd.Path
	hasReal := false
	err = words(args, func(w string) error {
		switch {
		case p.fake == "":
			if w == "~" {
				if match {
					return errors.New("ProxyPassMatch invalid syntax ('~' usage).")
				}
				p.match = true
				return nil
			}
			p.fake = w
		case !hasReal:
			p.real, hasReal = w, true
		case strings.EqualFold(w, "nocanon"):
			p.flags |= server.ProxyPassNocanon
		case strings.EqualFold(w, "interpolate"):
			p.flags |= server.ProxyPassInterpolate
		case strings.EqualFold(w, "noquery"):
			p.flags |= server.ProxyPassNoquery
		default:
			key, val, ok := strings.Cut(w, "=")
			switch {
			case !ok && cmd.InSection() && strings.HasPrefix(p.real, "/"):
				return errors.New("ProxyPass|ProxyPassMatch can not have a path when defined in a location.")
			case !ok:
				return errPassParam
			case !strings.EqualFold(key, "mapping"):
				p.setParam(key, val)
			case strings.EqualFold(val, "encoded"):
				p.flags |= server.ProxyMapEncoded
			case strings.EqualFold(val, "servlet"):
				p.flags |= server.ProxyMapServlet | server.ProxyMapEncoded
			default:
				return errors.New("unknown mapping")
			}
		}
		return nil
	})
	if err == nil && !hasReal {
		err = errors.New("ProxyPass|ProxyPassMatch needs a path when not defined in a location")
	}
	return p, err
}

// setParam keeps the last value of a key, at the place of the first.
func (p *passLine) setParam(key, val string) { p.params = setParam(p.params, key, val) }

func setParam(list []param, key, val string) []param {
	for i := range list {
		if strings.EqualFold(list[i].key, key) {
			list[i].val = val
			return list
		}
	}
	return append(list, param{key, val})
}

// addPass is ProxyPass and ProxyPassMatch (add_pass).
func addPass(match bool) func(*server.ProxyDirConfig, *directives.Cmd, string) error {
	return func(dir *server.ProxyDirConfig, cmd *directives.Cmd, args string) error {
		if err := cmd.Check(directives.NotInDirectory | directives.NotInFiles); err != nil {
			return err
		}
		c := serverSlot.Edit(cmd)
		p, err := parsePass(cmd, args, match)
		if err != nil {
			return err
		}
		real, ok := withoutSocket(p.real)
		if !ok {
			return errors.New("ProxyPass|ProxyPassMatch uses an invalid \"unix:\" URL")
		}
		a := &server.ProxyAlias{Fake: p.fake, Real: real, Flags: p.flags}
		if cmd.InSection() {
			dir.Alias = a
			p.match = p.match || pattern.HasGlob(p.fake)
		} else {
			c.Aliases = append(c.Aliases, a)
		}
		if p.match {
			if a.Regex, err = pattern.Compile(p.fake, pattern.DefaultFlags()); err != nil {
				return errors.New("Regular expression could not be compiled.")
			}
		}
		if p.real == "!" {
			return nil
		}
		if err := passTo(c, cmd, a, p); err != nil {
			return fmt.Errorf("ProxyPass %w", err)
		}
		return nil
	}
}

// passTo finds or makes the worker or balancer that is asked.
func passTo(c *server.ProxyServerConfig, cmd *directives.Cmd, a *server.ProxyAlias, p passLine) (err error) {
	if isBalancer(p.real) {
		fake := p.fake
		if p.match {
			fake = ""
		}
		known := c.FindBalancer(p.real)
		if a.Balancer, err = balancerFor(c, p.real, fake); err != nil {
			return err
		}
		if known != nil && fake != "" {
			updateBalancer(a.Balancer, fake)
		}
		for _, q := range p.params {
			if err := a.Balancer.Params.Set(cmd, q.key, q.val); err != nil {
				return err
			}
		}
		return nil
	}
	a.Worker = findKind(c, a.Real, p.match)
	if a.Worker != nil {
		for _, q := range p.params {
			cmd.LogWarning("AH01146: Ignoring parameter '%s=%s' for worker '%s' because of worker sharing", q.key, q.val, a.Worker.FullName())
		}
		return nil
	}
	if a.Worker, err = newWorker(cmd, p.real, p.match); err != nil {
		return err
	}
	c.Workers = append(c.Workers, a.Worker)
	for _, q := range p.params {
		if err := a.Worker.Params.Set(cmd, q.key, q.val); err != nil {
			return err
		}
	}
	return nil
}

// findKind finds a worker for a URL among those of patterns, or those of plain URLs.
func findKind(c *server.ProxyServerConfig, url string, match bool) *server.ProxyWorker {
	some := server.ProxyServerConfig{}
	for _, w := range c.Workers {
		if w.Glob == match {
			some.Workers = append(some.Workers, w)
		}
	}
	return some.FindWorker(nil, url)
}
