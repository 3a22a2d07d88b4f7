package ldap

import (
	"sync"
	"time"

	ldapv3 "github.com/go-ldap/ldap/v3"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// service is what other modules ask.
type service struct{}

// pool is a child's connections. Those that nobody uses wait in it.
type pool struct {
	mu   sync.Mutex
	idle []*conn
}

// pools are of servers: a virtual host shares none with another.
var pools sync.Map // *directives.Server to *pool

func poolOf(v *directives.Server) *pool {
	if p, ok := pools.Load(v); ok {
		return p.(*pool)
	}
	p, _ := pools.LoadOrStore(v, &pool{})
	return p.(*pool)
}

// conn is a connection that is kept between requests.
type conn struct {
	to       server.LDAPTarget
	security server.LDAPSecurity
	section  *directives.Conf // whose client certificates and referrals hold
	pool     *pool

	ldap   *ldapv3.Conn
	bound  bool // as to.BindDN
	rebind bool // a user's password was tried with it since
	used   time.Time
	reason string // how its last use ended
	home   string // the host that answered
}

// handle is a connection while one request uses it.
type handle struct {
	*conn
	r      *server.Request
	server *serverConfig
	ended  string // the reason, once the connection was given back
}

var _ server.LDAPConn = (*handle)(nil)

func (service) Find(r *server.Request, to server.LDAPTarget) server.LDAPConn {
	h := &handle{r: r, server: settings.Of(r.Server)}
	security := to.Security
	if security == server.LDAPTrusted {
		security = h.server.mode.Else(server.LDAPClear)
	}
	p := poolOf(r.Server)
	h.conn = p.take(r, to, security)
	if h.conn == nil {
		h.conn = &conn{to: to, security: security, section: r.Dir, pool: p}
	}
	if ttl, given := h.server.poolTTL.Get(); given && ttl >= 0 && h.bound && time.Since(h.used) > ttl {
		elog.Trace(2, r).Msgf("Removing LDAP connection last used %d seconds ago", int64(time.Since(h.used).Seconds()))
		h.unbind()
	}
	return h
}

// take gives a connection that waits: one that is bound as the same user, or
// else one to the same directory.
func (p *pool) take(r *server.Request, to server.LDAPTarget, security server.LDAPSecurity) *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	same := func(c *conn) bool {
		return c.to.Hosts == to.Hosts && c.to.Port == to.Port && c.to.Deref == to.Deref && c.security == security &&
			sameCertificates(slot.Of(c.section).clients, slot.Of(r.Dir).clients)
	}
	at := -1
	for i, c := range p.idle {
		if !same(c) {
			continue
		}
		if at = i; c.to.BindDN == to.BindDN && c.to.BindPW == to.BindPW && !c.rebind {
			break
		}
	}
	if at < 0 {
		return nil
	}
	c := p.idle[at]
	p.idle = append(p.idle[:at], p.idle[at+1:]...)
	if c.to.BindDN != to.BindDN || c.to.BindPW != to.BindPW {
		c.rebind = true
	}
	c.to, c.section = to, r.Dir
	return c
}

func sameCertificates(a, b []certificate) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// mostIdle bounds what waits in a child; the one that waited longest is closed.
const mostIdle = 64

// Release gives the connection back.
func (h *handle) Release() {
	c := h.conn
	if c == nil {
		return
	}
	h.conn, h.ended = nil, c.reason
	if h.server.poolTTL.Else(-1) == 0 || c.ldap == nil {
		c.unbind()
		return
	}
	c.used = time.Now()
	c.pool.mu.Lock()
	c.pool.idle = append(c.pool.idle, c)
	var old *conn
	if len(c.pool.idle) > mostIdle {
		old, c.pool.idle = c.pool.idle[0], c.pool.idle[1:]
	}
	c.pool.mu.Unlock()
	if old != nil {
		old.unbind()
	}
}

func (h *handle) Reason() string {
	if h.conn == nil {
		return h.ended
	}
	return h.reason
}

func (c *conn) unbind() {
	if c.ldap != nil {
		c.ldap.Close()
		c.ldap = nil
	}
	c.bound, c.rebind = false, false
}
