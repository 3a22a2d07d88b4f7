// Package proxy_connect is a forward proxy's CONNECT (mod_proxy_connect): a
// tunnel to a host and port, for clients that speak TLS with it.
package proxy_connect

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is proxy_connect_module.
var Module = server.Module{
	Name: "proxy_connect_module",
	Directives: directives.Table{
		{Name: "AllowCONNECT", In: directives.InServer, Usage: "A list of ports or port ranges which CONNECT may connect to",
			Set: slot.Iterate(allow)},
	},
	ProxyScheme: &server.ProxyScheme{Canon: canon, Serve: serve},
}

var elog = server.NewLog("proxy_connect")

type ports struct{ first, last int }

type config struct{ allowed []ports }

// merge adds the main server's ports to those of a virtual host.
var slot = directives.NewServerSlot(func(base, add config) config {
	return config{directives.Append(base.allowed, add.allowed)}
})

// standard are the ports of HTTPS and NNTPS, allowed where nothing is said.
var standard = []ports{{443, 443}, {563, 563}}

func allow(c *config, _ *directives.Cmd, arg string) error {
	if arg[0] < '0' || arg[0] > '9' {
		return errors.New("AllowCONNECT: port numbers must be numeric")
	}
	first, last, ranged := strings.Cut(arg, "-")
	a, err := strconv.Atoi(first)
	b := a
	if err == nil && ranged {
		b, err = strconv.Atoi(last)
	}
	if err != nil {
		if ranged {
			arg = last
		}
		return fmt.Errorf("Cannot parse '%s' as port number", arg)
	}
	c.allowed = append(c.allowed, ports{a, b})
	return nil
}

func (c *config) allows(port int) bool {
	list := c.allowed
	if len(list) == 0 {
		list = standard
	}
	for _, p := range list {
		if p.first <= port && port <= p.last {
			return true
		}
	}
	return false
}

func canon(r *server.Request, url string) server.Status {
	if r.Method != "CONNECT" {
		return server.Declined
	}
	elog.Trace(1, r).Msgf("canonicalising URL %s", url)
	return server.OK
}

// serve makes the tunnel (proxy_connect_handler).
func serve(c *server.ProxyCall) server.Status {
	r := c.R
	if r.Method != "CONNECT" {
		elog.Trace(1, r).Msgf("declining URL %s", c.URL)
		return server.Declined
	}
	elog.Trace(1, r).Msgf("serving URL %s", c.URL)
	host, port, ok := hostInfo(c.URL)
	if !ok {
		return r.ProxyError(400, "URI cannot be parsed: "+c.URL)
	}
	elog.Debug(r).Msgf("AH01019: connecting %s to %s:%d", c.URL, host, port)
	if !slot.Of(r.Server).allows(port) {
		// Before anything is looked up: what is not allowed must not make the
		// resolver ask other servers. Apache looks up first.
		return r.ProxyError(403, "Connect to remote machine blocked")
	}
	conn, s := c.Acquire("CONNECT")
	if s != server.OK {
		return s
	}
	defer conn.Release()
	conn.Close = true
	next, nextPort := host, port
	if c.Remote != nil {
		next, nextPort = c.Remote.Host, c.Remote.Port
	}
	conn.Aim(next, nextPort)
	if err := c.ResolveAimed(conn); err != nil {
		elog.Error(r).Err(err).Msgf("AH02327: failed to resolve hostname '%s'", next)
		return r.ProxyErrorOf(502, err, "DNS lookup failure for: "+next)
	}
	if c.Blocked(host) {
		return r.ProxyError(403, "Connect to remote machine blocked")
	}
	elog.Trace(2, r).Msgf("connecting to remote proxy %s on port %d", next, nextPort)
	if err := c.ConnectAimed(conn); err != nil {
		if c.Remote != nil {
			return server.Declined
		}
		return 503
	}
	conn.Close = true
	r.Notes.Set("proxy-source-port", conn.LocalPort())
	var first []byte
	if c.Remote != nil {
		elog.Trace(1, r).Msg("sending the CONNECT request to the remote proxy")
		ask := "CONNECT " + c.URL + " HTTP/1.0\r\nProxy-agent: " + r.Gen.Banner() + "\r\n\r\n"
		if _, err := conn.Write([]byte(ask)); err != nil {
			return 503
		}
	} else {
		r.Status = 200
		first = []byte("HTTP/1.0 200 Connection Established\r\nProxy-agent: " + r.Gen.Banner() + "\r\n\r\n")
	}
	timeout := max(c.Timeout(), server.CoreServer.Of(r.Server).Timeout.Else(server.DefaultTimeout))
	if err := r.Tunnel("CONNECT", conn, timeout, first...); err != nil {
		elog.Error(r).Err(server.ErrnoOf(err)).Msgf("AH10208: can't create tunnel for %s (%s)", conn.Address(), next)
		return 500
	}
	return server.OK
}

// hostInfo reads "host:port" (apr_uri_parse_hostinfo).
func hostInfo(s string) (host string, port int, ok bool) {
	i := strings.LastIndexByte(s, ':')
	if i <= 0 || i <= strings.LastIndexByte(s, ']') {
		return "", 0, false
	}
	n, err := strconv.ParseUint(s[i+1:], 10, 16)
	if err != nil {
		return "", 0, false
	}
	host = s[:i]
	if strings.HasPrefix(host, "[") {
		host = strings.Trim(host, "[]")
		if _, err := netip.ParseAddr(host); err != nil {
			return "", 0, false
		}
	}
	return host, int(n), true
}
