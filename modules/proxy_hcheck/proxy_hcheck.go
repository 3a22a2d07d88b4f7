// Package proxy_hcheck asks the members of balancers now and then whether they
// are well (mod_proxy_hcheck). One that is not serves no requests until it is
// well again. One child does so for all.
package proxy_hcheck

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
)

// Module is proxy_hcheck_module.
var Module = server.Module{
	Name: "proxy_hcheck_module",
	Directives: directives.Table{
		{Name: "ProxyHCTemplate", In: directives.FileInfo, Forbid: directives.NotInHtaccess, Usage: "Health check template",
			Set: slot.Raw((*config).addTemplate)},
		{Name: "ProxyHCExpr", In: directives.FileInfo, Forbid: directives.NotInHtaccess, Usage: "Define a health check condition ruleset expression",
			Set: slot.Raw((*config).addCondition)},
		{Name: "ProxyHCTPsize", In: directives.InServer, Forbid: directives.GlobalOnly, Usage: "Set size of health check thread pool",
			Set: slot.Take1((*config).setSize)},
	},
	ProxyParam:  setParam,
	ProxyChecks: conditionsOf,
	Hooks: []server.Hook{
		server.ChildInit.Last(start),
		server.ChildExit.First(stop),
	},
}

var (
	// A virtual host has none of the main server's templates and conditions.
	slot = directives.NewServerSlot(func(_, add config) config { return add })
	elog = server.NewLog("proxy_hcheck")
)

type config struct {
	templates  []template
	conditions []condition
	size       directives.Opt[int] // checks at the same time; 0: one after the other. Of the main server
}

type template struct {
	name  string
	check server.ProxyHealthCheck
}

type condition struct {
	name, text string
	expr       *server.Expr
}

const (
	defaultSize = 16
	// leastInterval is how often the workers are looked at (AP_WD_TM_SLICE).
	leastInterval = 100 * time.Millisecond

	maxName = 16
	maxURI  = 64
)

func (c *config) addTemplate(cmd *directives.Cmd, args string) error {
	name, args := httpdconf.Getword(args)
	if name == "" {
		return errors.New("Missing template name for " + cmd.Name)
	}
	t := template{name: name}
	t.check.SetPasses(1)
	t.check.SetFails(1)
	t.check.Method, t.check.Interval = server.ProxyCheckTCP, server.DefaultCheckInterval
	for args != "" {
		var word string
		word, args = httpdconf.Getword(args)
		key, val, ok := strings.Cut(word, "=")
		if !ok {
			return errors.New("Invalid ProxyHCTemplate parameter. Parameter must be in the form 'key=value'")
		}
		if err := c.set(cmd, &t.check, key, val); err != nil {
			return fmt.Errorf("ProxyHCTemplate: %w %s=%s; %s", err, key, val, name)
		}
	}
	c.templates = append(c.templates, t)
	return nil
}

// setParam sets an hc parameter of a worker, and refuses all that nobody knows
// (set_worker_hc_param).
func setParam(cmd *directives.Cmd, p *server.ProxyParams, key, val string) (bool, error) {
	return true, slot.Edit(cmd).set(cmd, &p.HealthCheck, key, val)
}

func (c *config) set(cmd *directives.Cmd, to *server.ProxyHealthCheck, key, val string) error {
	n := server.Atoi(val)
	switch server.LowerASCII(key) {
	case "hctemplate":
		for _, t := range c.templates {
			if strings.EqualFold(t.name, val) {
				*to = t.check
				return nil
			}
		}
		return errors.New("Unknown ProxyHCTemplate name: " + val)
	case "hcmethod":
		for i, name := range server.ProxyCheckMethods {
			if !strings.EqualFold(name, val) {
				continue
			}
			if to.Method = server.ProxyCheckMethod(i); !to.Method.ImplementedBy(server.ActiveModules(cmd)) {
				return fmt.Errorf("Health check method %s not (yet) implemented", val)
			}
			return nil
		}
		return errors.New("Unknown method")
	case "hcinterval":
		d, err := server.ParseTimeout(val, time.Second)
		if err != nil {
			return errors.New("Unparse-able hcinterval setting")
		}
		if d < leastInterval {
			return fmt.Errorf("Interval must be a positive value greater than %dms", leastInterval.Milliseconds())
		}
		to.Interval = d
	case "hcpasses":
		if n < 0 {
			return errors.New("Passes must be a positive value")
		}
		to.SetPasses(n)
	case "hcfails":
		if n < 0 {
			return errors.New("Fails must be a positive value")
		}
		to.SetFails(n)
	case "hcuri":
		if len(val) >= maxURI {
			return fmt.Errorf("Health check uri length must be < %d characters", maxURI)
		}
		to.URI = val
	case "hcexpr":
		if c.condition(val) == nil {
			return errors.New("Unknown health check condition expr: " + val)
		}
		to.Expr = val
	default:
		return errors.New("unknown Worker hcheck parameter")
	}
	return nil
}

func (c *config) addCondition(cmd *directives.Cmd, args string) error {
	name, args := httpdconf.Getword(args)
	switch {
	case name == "":
		return errors.New("Missing expression name for " + cmd.Name)
	case len(name) >= maxName:
		return fmt.Errorf("Expression name limited to %d characters", maxName-1)
	}
	text, args := braced(args)
	if text == "" {
		return errors.New("Missing expression for " + cmd.Name)
	}
	e, err := server.CompileExprFor(cmd, text, 0)
	if err != nil {
		return fmt.Errorf("Could not parse expression \"%s\": %w", text, err)
	}
	if word, _ := httpdconf.Getword(args); word != "" {
		return errors.New("error: extra parameter(s)")
	}
	if old := c.condition(name); old != nil {
		old.text, old.expr = text, e
		return nil
	}
	c.conditions = append(c.conditions, condition{name, text, e})
	return nil
}

// braced takes the first word off a line, which may stand in braces
// (ap_getword_conf2).
func braced(s string) (word, rest string) {
	s = strings.TrimLeft(s, " \t")
	if !strings.HasPrefix(s, "{") {
		return httpdconf.Getword(s)
	}
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return s[1:i], strings.TrimLeft(s[i+1:], " \t")
			}
		}
	}
	return s[1:], ""
}

// condition finds one by its name, in any case.
func (c *config) condition(name string) *condition {
	for i := range c.conditions {
		if strings.EqualFold(c.conditions[i].name, name) {
			return &c.conditions[i]
		}
	}
	return nil
}

func conditionsOf(v *directives.Server) []server.ProxyCheckExpr {
	var list []server.ProxyCheckExpr
	for _, c := range slot.Of(v).conditions {
		list = append(list, server.ProxyCheckExpr{Name: c.name, Text: c.text})
	}
	return list
}

func (c *config) setSize(_ *directives.Cmd, arg string) error {
	n := server.Atoi(arg)
	if n < 0 {
		return errors.New("Invalid ProxyHCTPsize parameter. Parameter must be >= 0")
	}
	c.size = directives.Given(n)
	return nil
}
