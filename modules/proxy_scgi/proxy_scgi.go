// Package proxy_scgi has SCGI servers answer (mod_proxy_scgi).
package proxy_scgi

import (
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is proxy_scgi_module.
var Module = server.Module{
	Name: "proxy_scgi_module",
	Directives: directives.Table{
		{Name: "ProxySCGISendfile", In: directives.InServer | directives.InDir,
			Usage: "The name of the X-Sendfile pseudo response header or On or Off",
			Set: slot.Take1(func(c *config, _ *directives.Cmd, a string) error {
				c.sendfile = directives.Given(field(a, "X-Sendfile"))
				return nil
			})},
		{Name: "ProxySCGIInternalRedirect", In: directives.InServer | directives.InDir,
			Usage: "The name of the pseudo response header or On or Off",
			Set: slot.Take1(func(c *config, _ *directives.Cmd, a string) error {
				c.redirect = directives.Given(field(a, "Location"))
				return nil
			})},
	},
	ProxyScheme: &server.ProxyScheme{Canon: canon, Serve: serve},
}

var (
	slot = directives.NewDirSlot(func(base, add config) config {
		return config{sendfile: add.sendfile.Or(base.sendfile), redirect: add.redirect.Or(base.redirect)}
	})
	elog = server.NewLog("proxy_scgi")
)

// config has names of fields; "" is Off.
type config struct {
	sendfile, redirect directives.Opt[string]
}

func field(arg, standard string) string {
	switch {
	case strings.EqualFold(arg, "off"):
		return ""
	case strings.EqualFold(arg, "on"):
		return standard
	}
	return arg
}

const (
	defaultPort = 4000
	scheme      = "scgi://"
)

// canon writes a URL in its canonical form (scgi_canon).
func canon(r *server.Request, url string) server.Status {
	if len(url) < len(scheme) || !strings.EqualFold(url[:len(scheme)], scheme) {
		return server.Declined
	}
	_, _, host, port, path, problem := server.ProxyNetloc(url[len("scgi:"):], false)
	if problem != "" {
		elog.Error(r).Msgf("AH00857: error parsing URL %s: %s", url[len("scgi:"):], problem)
		return 400
	}
	path, ok := server.ProxyEncode(path, server.ProxyPath, r.Forward, false)
	if !ok {
		return 400
	}
	r.Filename = "proxy:" + scheme + server.ProxyHostPort(host, port, defaultPort) + "/" + path
	if r.Env.Has("proxy-scgi-pathinfo") {
		r.PathInfo = "/" + path
	}
	return server.OK
}
