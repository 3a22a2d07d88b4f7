package server

import (
	"slices"

	"github.com/donjon-httpd/donjon/directives"
)

// ProxyScheme is what a module such as proxy_http does with URLs of its schemes.
type ProxyScheme struct {
	// First: it is asked before the others.
	First bool
	// Trans looks at a request whose URL a ProxyPass has made: a status ends the
	// search, Declined leaves it to others (check_trans); may be nil.
	Trans func(r *Request, url string) Status
	// Canon checks the URL behind "proxy:" and puts what is to be asked for into
	// r.Filename; Declined leaves it to others (canon_handler); may be nil.
	Canon func(r *Request, url string) Status
	// Serve has the backend answer; Declined leaves it to others (scheme_handler).
	Serve func(c *ProxyCall) Status
	// Ping asks a backend whether it is there, for health checks by CPING; may be nil.
	Ping func(conn *ProxyConn) error
}

// ProxyCall is one attempt to have a backend answer a request.
type ProxyCall struct {
	R        *Request
	Conf     *ProxyServerConfig
	Worker   *ProxyWorker
	Balancer *ProxyBalancer // nil for none
	URL      string         // without "proxy:" and without socket; a balancer puts its member's here
	Socket   string         // of "unix:": taken off the URL, or the worker's
	Remote   *ProxyRemote   // the proxy to go through; nil for none
	Attempt  int            // 0 for the first
	// Access is what the last attempt came to, for PostRequest.
	Access Status

	subject Subject // the server's, for the log
}

// ProxyPreRequest chooses the worker of a call to a balancer. It answers OK with
// Worker, URL and Balancer set, Declined when the URL is none of its business, or a status.
type ProxyPreRequest func(*ProxyCall) Status

// ProxyPostRequest is told when a call has ended: Access is its status.
type ProxyPostRequest func(*ProxyCall)

// ProxyLBMethod is a way of choosing among the workers of a balancer.
type ProxyLBMethod struct {
	Name string // as lbmethod= names it
	// Find is the worker to take now, or nil for none. The balancer is locked.
	Find func(r *Request, b *ProxyBalancer) *ProxyWorker
	// Reset forgets what the method knows of the members.
	Reset func(b *ProxyBalancer)
}

// Trans, Canon and Serve below ask the modules in the order of activation.

// ProxyTrans is the check_trans phase.
func (r *Request) ProxyTrans(url string) Status {
	for _, s := range r.Gen.proxy.schemes {
		if s.Trans != nil {
			if st := s.Trans(r, url); st != Declined {
				return st
			}
		}
	}
	return Declined
}

// ProxyCanon is the canon_handler phase.
func (r *Request) ProxyCanon(url string) Status {
	for _, s := range r.Gen.proxy.schemes {
		if s.Canon != nil {
			if st := s.Canon(r, url); st != Declined {
				return st
			}
		}
	}
	return Declined
}

// Serve is the scheme_handler phase.
func (c *ProxyCall) Serve() Status {
	for _, s := range c.R.Gen.proxy.schemes {
		if s.Serve == nil {
			continue
		}
		if st := s.Serve(c); st != Declined {
			return st
		}
	}
	return Declined
}

// PreRequest is the pre_request phase.
func (c *ProxyCall) PreRequest() Status {
	for _, f := range c.R.Gen.proxy.pre {
		if s := f(c); s != Declined {
			return s
		}
	}
	return Declined
}

// PostRequest is the post_request phase.
func (c *ProxyCall) PostRequest() {
	for _, f := range c.R.Gen.proxy.post {
		f(c)
	}
}

// proxyModules are the active modules' parts in proxying.
type proxyModules struct {
	schemes []*ProxyScheme
	pre     []ProxyPreRequest
	post    []ProxyPostRequest
	methods []*ProxyLBMethod
	define  func(g *Generation, url string) (*ProxyWorker, error)
	checks  func(*directives.Server) []ProxyCheckExpr
}

func (p *proxyModules) add(m *Module) {
	if m.ProxyScheme != nil {
		at := len(p.schemes)
		if m.ProxyScheme.First {
			at = 0
		}
		p.schemes = slices.Insert(p.schemes, at, m.ProxyScheme)
	}
	if m.ProxyPreRequest != nil {
		p.pre = append(p.pre, m.ProxyPreRequest)
	}
	if m.ProxyPostRequest != nil {
		p.post = append(p.post, m.ProxyPostRequest)
	}
	if m.ProxyLBMethod != nil {
		p.methods = append(p.methods, m.ProxyLBMethod)
	}
	if m.ProxyDefine != nil {
		p.define = m.ProxyDefine
	}
	if m.ProxyChecks != nil {
		p.checks = m.ProxyChecks
	}
}
