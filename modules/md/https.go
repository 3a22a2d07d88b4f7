package md

import (
	"fmt"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

const hstsAge = 15768000 // seconds

// requireHTTPS sends clients to the encrypted form of a managed host
// (MDRequireHttps), and answers none whose only certificate is the fallback.
func requireHTTPS(r *server.Request) server.Status {
	c := slot.Of(r.Gen.Config.Main)
	if len(c.domains) == 0 {
		return server.Declined
	}
	d := domainOf(r.Gen, r.Server)
	if d == nil {
		for _, other := range c.domains {
			if other.covers(r.Hostname) {
				d = other
				break
			}
		}
		if d == nil {
			return server.Declined
		}
	}
	mode := d.require.Else(requireOff)
	if r.Conn.TLS {
		if d.fallback {
			r.Unrepeatable()
			return 503
		}
		if mode == requirePermanent && !r.Out.Has("Strict-Transport-Security") {
			r.Out.Set("Strict-Transport-Security", fmt.Sprintf("max-age=%d", hstsAge))
		}
		return server.Declined
	}
	if mode == requireOff || strings.HasPrefix(r.URI, "/.well-known/") || !d.encrypted(r.Gen) {
		return server.Declined
	}
	r.Out.Set("Location", "https://"+r.Hostname+r.UnparsedURI)
	get := r.Method == "GET" || r.Method == "HEAD"
	switch {
	case mode == requirePermanent && get:
		return 301
	case mode == requirePermanent:
		return 308
	case get:
		return 302
	}
	return 307
}

// encrypted tells whether a host of the domain speaks TLS.
func (d *domain) encrypted(g *server.Generation) bool {
	for _, v := range d.hosts {
		for _, a := range hostPorts(v) {
			if a == 443 || a == slot.Of(g.Config.Main).ports.https {
				return true
			}
		}
	}
	return false
}

func hostPorts(v *directives.Server) (list []int) {
	for _, a := range server.CoreServer.Of(v).Addrs {
		list = append(list, int(a.Port))
	}
	return list
}
