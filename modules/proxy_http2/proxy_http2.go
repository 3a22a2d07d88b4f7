// Package proxy_http2 asks backends that speak HTTP/2 (mod_proxy_http2): h2 URLs
// over TLS, h2c URLs in clear. A connection carries one request at a time, and is
// kept for the next.
package proxy_http2

import (
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// Module is proxy_http2_module.
var Module = server.Module{
	Name:        "proxy_http2_module",
	ProxyScheme: &server.ProxyScheme{Canon: canon, Serve: serve},
	Hooks:       []server.Hook{server.PostConfig.Middle(started)},
}

var elog = server.NewLog("proxy_http2")

func started(g *server.Generation) error {
	elog.Info(server.ServerSubject(g, g.Config.Main)).Msg("AH03349: mod_proxy_http2 (v2.0.42), initializing...")
	return nil
}

// scheme takes the scheme off a URL; "" when it is none of ours.
func scheme(url string) (name, rest string) {
	name, rest, _ = strings.Cut(url, ":")
	if name = server.LowerASCII(name); (name == "h2" || name == "h2c") && strings.HasPrefix(rest, "//") {
		return name, rest
	}
	return "", url
}

// canon writes a URL in its canonical form (proxy_http2_canon).
func canon(r *server.Request, url string) server.Status {
	name, rest := scheme(url)
	if name == "" {
		return server.Declined
	}
	if e := elog.Trace(1, r); e != nil {
		e.Msgf("HTTP2: canonicalising URL %s", url)
	}
	_, _, host, port, path, problem := server.ProxyNetloc(rest, false)
	if problem != "" {
		elog.Error(r).Msgf("AH03350: error parsing URL %s: %s", url, problem)
		return 400
	}
	path, query, s := r.ProxyPathOf(path, elog, "AH10420", "AH10412")
	if s != server.OK {
		return s
	}
	r.Filename = "proxy:" + name + "://" + server.ProxyHostPort(host, port, server.ProxyPort(name)) + "/" + path + query
	return server.OK
}

// maxAttempts is how often a request is sent that the backend has not begun to
// answer (h2_proxy_reconnect).
const maxAttempts = 2

// serve has the server answer that the call's URL names (proxy_http2_handler).
func serve(c *server.ProxyCall) server.Status {
	r := c.R
	name, rest := scheme(c.URL)
	if name == "" || len(rest) == 2 {
		return server.Declined
	}
	if e := elog.Trace(1, r); e != nil {
		e.Msgf("H2: serving URL %s", c.URL)
	}
	x := &exchange{call: c, r: r, dir: server.ProxyDir.Of(r.Dir), scheme: name, status: r.Status, line: r.StatusLine}
	for attempt := 1; ; attempt++ {
		s, again := x.attempt()
		if !again || attempt >= maxAttempts || x.bodyGone.Load() || r.HeadSent {
			if again && attempt >= maxAttempts {
				elog.Info(r).Msgf("AH10023: giving up after %d reconnects, request-done=%d", attempt, 0)
			}
			return s
		}
	}
}
