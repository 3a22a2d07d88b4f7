package server

import (
	"net/http"
	"sync/atomic"
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

// ProxyCheckMethods are their names.
var ProxyCheckMethods = [...]string{"NONE", "TCP", "OPTIONS", "HEAD", "GET", "CPING", "PROVIDER", "OPTIONS11", "HEAD11", "GET11"}

func (m ProxyCheckMethod) String() string { return ProxyCheckMethods[int(m)%len(ProxyCheckMethods)] }

// ImplementedBy tells whether the active modules can check so: nobody can by
// PROVIDER, and by CPING only with a module for AJP.
func (m ProxyCheckMethod) ImplementedBy(active []*Module) bool {
	if m == ProxyCheckCPing {
		return proxyPing(active) != nil
	}
	return m != ProxyCheckProvider
}

func proxyPing(active []*Module) func(*ProxyConn) error {
	for _, m := range active {
		if m.ProxyScheme != nil && m.ProxyScheme.Ping != nil {
			return m.ProxyScheme.Ping
		}
	}
	return nil
}

// ProxyPing asks a backend whether it is there, on a connection to it.
func (g *Generation) ProxyPing(conn *ProxyConn) error { return proxyPing(g.Modules)(conn) }

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

// NewProxyCheck makes a call to a worker whose health is checked, about a request
// that no client has sent: its response's status and fields are for the
// conditions. The call's worker is a twin of w, so that what becomes of the
// check is no request's business.
func (g *Generation) NewProxyCheck(v *directives.Server, w *ProxyWorker, method string) *ProxyCall {
	twin := &ProxyWorker{Name: w.Name, Scheme: w.Scheme, Hostname: w.Hostname, Port: w.Port, Socket: w.Socket,
		Shared: &ProxyShared{make([]atomic.Uint64, proxyRowWords)}}
	twin.Params.Timeout, twin.Params.ConnectTimeout = w.Params.Timeout, w.Params.ConnectTimeout
	twin.Params.DisableReuse = directives.Given(true)
	twin.Shared.SetStatus(ProxyInitialized|ProxyIgnoreErrors|ProxyGeneric, 0)
	hr := &http.Request{Method: method, Header: http.Header{}, Proto: "HTTP/1.0", ProtoMajor: 1, Host: w.Hostname}
	c := &Conn{Gen: g, Server: v, ClientIP: w.Hostname, RemoteHost: "-"}
	r := &Request{Request: hr, Gen: g, Conn: c, Server: v, Dir: v.Defaults, ClientIP: w.Hostname, Status: 200, Received: time.Now(), Proxied: true}
	r.HeaderOnly = method == "HEAD" || method == "OPTIONS"
	return &ProxyCall{R: r, Conf: ProxyServer.Of(v), Worker: twin, URL: w.Name, Socket: w.Socket}
}
