package server

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server/pattern"
)

// vhosts finds the server for an address and a name (Apache's vhost.c). An
// address leads to a list of virtual hosts in the order of the text; the first
// is the default for names that match none.
type vhosts struct {
	byAddr map[netip.AddrPort]*nameChain // port 0: any
	any    map[uint16]*nameChain         // * and _default_
}

// nameChain is the virtual hosts of one address.
type nameChain struct {
	hosts  []*directives.Server
	given  []string // host part of the address as each was given
	byName map[string]*directives.Server
	wild   []wildName
	paths  []*directives.Server // those with a ServerPath
}

type wildName struct {
	pattern string
	order   int
	server  *directives.Server
}

// vhostTable builds the table of a configuration.
func vhostTable(cfg *directives.Config) *vhosts {
	t := &vhosts{map[netip.AddrPort]*nameChain{}, map[uint16]*nameChain{}}
	for _, v := range cfg.Hosts {
		for _, a := range CoreServer.Of(v).Addrs {
			var chain *nameChain
			if a.Addr.IsValid() {
				key := netip.AddrPortFrom(a.Addr.Unmap(), uint16(a.Port))
				if chain = t.byAddr[key]; chain == nil {
					chain = &nameChain{}
					t.byAddr[key] = chain
				}
			} else if chain = t.any[uint16(a.Port)]; chain == nil {
				chain = &nameChain{}
				t.any[uint16(a.Port)] = chain
			}
			chain.hosts = append(chain.hosts, v)
			chain.given = append(chain.given, a.Given)
		}
	}
	for _, c := range t.byAddr {
		c.index()
	}
	for _, c := range t.any {
		c.index()
	}
	return t
}

// index makes look-ups of exact names one step; wildcards are tried in order,
// and only those that stand before the exact match's host.
func (c *nameChain) index() {
	c.byName = map[string]*directives.Server{}
	order := map[*directives.Server]int{}
	put := func(name string, v *directives.Server) {
		if name = strings.ToLower(name); name != "" && c.byName[name] == nil {
			c.byName[name] = v
		}
	}
	for i, v := range c.hosts {
		if _, seen := order[v]; !seen {
			order[v] = i
		}
		conf := CoreServer.Of(v)
		host, _, _ := strings.Cut(c.given[i], ":")
		if !strings.ContainsAny(host, "*[") {
			put(host, v)
		}
		put(conf.ServerName, v)
		for _, n := range conf.Names {
			put(n, v)
		}
		for _, w := range conf.WildNames {
			c.wild = append(c.wild, wildName{strings.ToLower(w), i, v})
		}
		if conf.ServerPath != "" {
			c.paths = append(c.paths, v)
		}
	}
}

func (c *nameChain) lookup(name string) *directives.Server {
	exact := c.byName[name]
	for _, w := range c.wild {
		if exact != nil && c.before(exact, w.order) {
			break
		}
		if pattern.Wild(w.pattern, name, false) {
			return w.server
		}
	}
	return exact
}

// before tells whether v stands in the chain at or before position i.
func (c *nameChain) before(v *directives.Server, i int) bool {
	for j := 0; j <= i; j++ {
		if c.hosts[j] == v {
			return true
		}
	}
	return false
}

func (t *vhosts) chain(local netip.AddrPort) *nameChain {
	addr, port := local.Addr().Unmap(), local.Port()
	for _, p := range []uint16{port, 0} {
		if c := t.byAddr[netip.AddrPortFrom(addr, p)]; c != nil {
			return c
		}
	}
	for _, p := range []uint16{port, 0} {
		if c := t.any[p]; c != nil {
			return c
		}
	}
	return nil
}

// BaseServer is the server that an address chooses before any name is known.
func (g *Generation) BaseServer(local netip.AddrPort) *directives.Server {
	if c := g.vhosts.chain(local); c != nil {
		return c.hosts[0]
	}
	return g.Config.Main
}

// HostNamed is the virtual host of an address that has a name, in lower case;
// nil for none.
func (g *Generation) HostNamed(local netip.AddrPort, name string) *directives.Server {
	if c := g.vhosts.chain(local); c != nil {
		return c.lookup(name)
	}
	if mainNames(g.Config.Main, name) {
		return g.Config.Main
	}
	return nil
}

// NameAndPort is the name and port of a server that encrypts, as messages say
// them: 443 where ServerName has no port.
func NameAndPort(v *directives.Server) string {
	c := CoreServer.Of(v)
	port := c.ServerPort
	if port == 0 {
		port = 443
	}
	return c.ServerName + ":" + strconv.Itoa(port)
}

// ChooseServer finds the virtual host by the request's Host, which it checks
// (ap_update_vhost_from_headers).
func (g *Generation) ChooseServer(r *Request) Status {
	host := r.Request.Host
	if r.ProtoAtLeast(1, 1) && !r.Simple && (host == "" || r.Header["Host"] == nil) {
		// Even a target with a host of its own wants the field.
		corelog.Info(r).Msg("AH00569: client sent HTTP/1.1 request without hostname (see RFC2616 section 14.23): " + r.UnparsedURI)
		return 400
	}
	if host != "" {
		if s := r.fixHostname(host); s != OK {
			return s
		}
		if field := r.Header["Host"]; len(field) == 1 && field[0] != host {
			// The target names another host: the field says the same from here on
			// (RFC 9112 3.2.2).
			r.Header["Host"] = []string{r.hostField()}
		}
	}
	if r.URL != nil && r.URL.Scheme != "" && r.URL.Host != host {
		// A URL that is not this server's: its port is told all the same (ap_get_server_port).
		_, _, r.Port, _ = SplitProxyURL(r.URL.Scheme + "://" + r.URL.Host)
	}
	c := g.vhosts.chain(r.Conn.Local)
	if c != nil {
		if r.Hostname != "" {
			v := c.lookup(r.Hostname)
			if v != nil {
				r.Server = v
			}
			if r.explain != nil {
				r.explain.chose(r, c, v != nil)
			}
			if v == nil && CoreServer.Of(r.Server).StrictHostCheck.Else(false) {
				return r.wrongHost()
			}
		} else {
			r.byServerPath(c)
		}
	} else if r.Hostname != "" && CoreServer.Of(r.Server).StrictHostCheck.Else(false) && !mainNames(r.Server, r.Hostname) {
		return r.wrongHost()
	}
	r.Dir = r.Server.Defaults
	if r.explain != nil && r.explain.Host == nil {
		r.explain.chose(r, c, false)
	}
	return OK
}

func (r *Request) wrongHost() Status {
	corelog.Error(r).Msgf("AH10156: No matching vhost found for %s", r.Hostname)
	return 400
}

func mainNames(v *directives.Server, name string) bool {
	c := CoreServer.Of(v)
	if strings.EqualFold(c.ServerName, name) {
		return true
	}
	for _, n := range append(append([]string{}, c.Names...), c.WildNames...) {
		if pattern.Wild(n, name, true) {
			return true
		}
	}
	return false
}

// byServerPath serves clients without a Host field.
func (r *Request) byServerPath(c *nameChain) {
	for _, v := range c.paths {
		p := CoreServer.Of(v).ServerPath
		if strings.HasPrefix(r.URI, p) && (strings.HasSuffix(p, "/") || len(r.URI) == len(p) || r.URI[len(p)] == '/') {
			r.Server = v
			return
		}
	}
}

// fixHostname checks a host and takes its port off (fix_hostname).
func (r *Request) fixHostname(host string) Status {
	bad := func() Status {
		corelog.Error(r).Msgf("AH00550: Client sent malformed Host header: %s", host)
		r.Hostname = ""
		return 400
	}
	name, port := host, ""
	if strings.HasPrefix(host, "[") {
		end := strings.IndexByte(host, ']')
		if end < 0 {
			return bad()
		}
		if _, err := netip.ParseAddr(host[1:end]); err != nil {
			return bad()
		}
		name = host[:end+1]
		if rest := host[end+1:]; rest != "" {
			if len(rest) < 2 || rest[0] != ':' {
				return bad()
			}
			port = rest[1:]
		}
	} else if i := strings.IndexByte(host, ':'); i >= 0 {
		if name, port = host[:i], host[i+1:]; port == "" {
			return bad()
		}
	}
	if port != "" {
		n, err := strconv.Atoi(port)
		if err != nil || n < 1 || n > 65535 || port[0] == '+' {
			return bad()
		}
		r.Port = n
	}
	if !strings.HasPrefix(name, "[") {
		unsafe := CoreServer.Of(r.Server).Unsafe.Else(false)
		if !validHost(name, unsafe) {
			return bad()
		}
		name = strings.TrimSuffix(name, ".")
	} else {
		name = name[1 : len(name)-1]
	}
	r.Hostname = strings.ToLower(name)
	return OK
}

// hostField is the Host field for what the target says (construct_host_header).
func (r *Request) hostField() string {
	name := r.Hostname
	if strings.Contains(name, ":") {
		name = "[" + name + "]"
	}
	if r.Port != 0 {
		name += ":" + strconv.Itoa(r.Port)
	}
	return name
}

// validHost wants letters, digits, hyphens, underscores and single dots.
func validHost(name string, unsafe bool) bool {
	if name == "" || name == "." {
		return false
	}
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c == '.':
			if i+1 < len(name) && name[i+1] == '.' {
				return false
			}
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			if !unsafe || c == '/' || c == '\\' || c <= ' ' || c == 0x7f {
				return false
			}
		}
	}
	return true
}
