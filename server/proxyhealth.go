package server

import (
	"time"

	"github.com/donjon-httpd/donjon/directives"
)

// ProxyCheckMethod is how a worker's health is checked (hcmethod_t).
type ProxyCheckMethod uint8

const (
	ProxyCheckNone ProxyCheckMethod = iota
	ProxyCheckTCP
	ProxyCheckOptions
	ProxyCheckHead
	ProxyCheckGet
	ProxyCheckCPing
	ProxyCheckProvider
	ProxyCheckOptions11
	ProxyCheckHead11
	ProxyCheckGet11
)

// ProxyCheckMethods are their names. PROVIDER is one that nothing implements.
var ProxyCheckMethods = [...]string{"NONE", "TCP", "OPTIONS", "HEAD", "GET", "CPING", "PROVIDER", "OPTIONS11", "HEAD11", "GET11"}

func (m ProxyCheckMethod) String() string { return ProxyCheckMethods[int(m)%len(ProxyCheckMethods)] }

// Implemented is false for PROVIDER.
func (m ProxyCheckMethod) Implemented() bool { return m != ProxyCheckProvider }

// ProxyHealthCheck is the hc parameters of a worker, which mod_proxy_hcheck
// reads. Where nothing is said, the standard counts.
type ProxyHealthCheck struct {
	Method   ProxyCheckMethod
	Interval time.Duration // 30 s
	Passes   int           // checks in a row after which a worker in error serves again
	Fails    int           // and after which it serves no more
	URI      string        // behind the worker's path
	Expr     string        // name of a ProxyHCExpr

	passes, fails bool // were given
}

// DefaultCheckInterval is the time between two checks of a worker.
const DefaultCheckInterval = 30 * time.Second

// SetPasses sets Passes, which is 1 unless it was set.
func (c *ProxyHealthCheck) SetPasses(n int) { c.Passes, c.passes = n, true }

// SetFails sets Fails, which is 1 unless it was set.
func (c *ProxyHealthCheck) SetFails(n int) { c.Fails, c.fails = n, true }

// filled has the standard in the place of what was not said.
func (c ProxyHealthCheck) filled() ProxyHealthCheck {
	if c.Interval == 0 {
		c.Interval = DefaultCheckInterval
	}
	if !c.passes {
		c.SetPasses(1)
	}
	if !c.fails {
		c.SetFails(1)
	}
	return c
}

// ProxyCheckExpr is a condition for health checks: ProxyHCExpr.
type ProxyCheckExpr struct{ Name, Text string }

// ProxyChecks tells the conditions of a server; active is false when no module
// checks health.
func (g *Generation) ProxyChecks(v *directives.Server) (list []ProxyCheckExpr, active bool) {
	if g.proxy.checks == nil {
		return nil, false
	}
	return g.proxy.checks(v), true
}
