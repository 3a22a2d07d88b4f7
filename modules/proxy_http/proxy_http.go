// Package proxy_http asks HTTP servers on behalf of clients (mod_proxy_http):
// http, https, ws and wss URLs, and other URLs through a remote proxy. What is
// sent on is never a copy of what came: head and body are written anew from what
// was understood, so that no other reader can understand it otherwise.
package proxy_http

import (
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// Module is proxy_http_module.
var Module = server.Module{
	Name:        "proxy_http_module",
	ProxyScheme: &server.ProxyScheme{Canon: canon, Serve: serve},
}

var elog = server.NewLog("proxy_http")

// scheme takes the scheme off a URL; "" when it is none of ours.
func scheme(url string) (name, rest string, tls bool) {
	name, rest, ok := strings.Cut(url, ":")
	if !ok {
		return "", url, false
	}
	switch name = server.LowerASCII(name); name {
	case "http", "ws":
		return name, rest, false
	case "https", "wss":
		return name, rest, true
	}
	return "", url, false
}

// canon writes a URL in its canonical form (proxy_http_canon).
func canon(r *server.Request, url string) server.Status {
	name, rest, tls := scheme(url)
	if name == "" {
		return server.Declined
	}
	if e := elog.Trace(1, r); e != nil {
		e.Msgf("HTTP: canonicalising URL %s", url)
	}
	standard := 80
	if tls {
		standard = 443
	}
	_, _, host, port, path, problem := server.ProxyNetloc(rest, false)
	if problem != "" {
		elog.Error(r).Msgf("AH01083: error parsing URL %s: %s", url, problem)
		return 400
	}
	path, query, s := r.ProxyPathOf(path, elog, "AH10415", "AH10408")
	if s != server.OK {
		return s
	}
	r.Filename = "proxy:" + name + "://" + server.ProxyHostPort(host, port, standard) + "/" + path + query
	return server.OK
}

// serve asks the server that the call's URL names (proxy_http_handler).
func serve(c *server.ProxyCall) server.Status {
	r := c.R
	name, rest, tls := scheme(c.URL)
	if name == "" && c.Remote != nil && len(c.URL) > 4 && strings.EqualFold(c.URL[:4], "ftp:") {
		name, rest = "ftp", c.URL[4:]
	}
	if name == "" || !strings.HasPrefix(rest, "//") || len(rest) == 2 {
		if e := elog.Debug(r); e != nil {
			e.Msgf("AH01113: HTTP: declining URL %s", c.URL)
		}
		return server.Declined
	}
	if tls && !r.Gen.SpeaksProxyTLS() {
		if e := elog.Debug(r); e != nil {
			e.Msgf("AH01112: HTTP: declining URL %s (mod_ssl not configured?)", c.URL)
		}
		return server.Declined
	}
	if e := elog.Trace(1, r); e != nil {
		e.Msgf("HTTP: serving URL %s", c.URL)
	}
	conn, s := c.Acquire(name)
	if s != server.OK {
		return s
	}
	x := exchanges.Get().(*exchange)
	*x = exchange{call: c, r: r, conn: conn, scheme: name, tls: tls, dir: server.ProxyDir.Of(r.Dir)}
	s = x.run()
	if x.conn != nil {
		if s != server.OK {
			x.conn.Close = true
		}
		x.conn.Release()
	}
	*x = exchange{}
	exchanges.Put(x)
	return s
}
