// Package proxy_wstunnel hands ws: and wss: connections on (mod_proxy_wstunnel).
// Where proxy_http is active, which knows upgrades itself, it leaves them to that
// unless ProxyWebsocketFallbackToProxyHttp says not to.
package proxy_wstunnel

import (
	"errors"
	"slices"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is proxy_wstunnel_module.
var Module = server.Module{
	Name: "proxy_wstunnel_module",
	Directives: directives.Table{
		{Name: "ProxyWebsocketFallbackToProxyHttp", In: directives.InServer | directives.InDir,
			Usage: "whether to let mod_proxy_http handle the upgrade and tunneling, On by default",
			Set:   slot.Flag(func(c *config, on bool) { c.fallback = directives.Given(on) })},
	},
	ProxyScheme: &server.ProxyScheme{First: true, Trans: trans, Canon: canon, Serve: serve},
}

var elog = server.NewLog("proxy_wstunnel")

type config struct{ fallback directives.Opt[bool] }

var slot = directives.NewDirSlot(func(base, add config) config { return config{add.fallback.Or(base.fallback)} })

// leaves tells whether proxy_http is to do it.
func leaves(r *server.Request) bool {
	return slot.Of(r.Dir).fallback.Else(true) &&
		slices.ContainsFunc(r.Gen.Modules, func(m *server.Module) bool { return m.Name == "proxy_http_module" })
}

// scheme takes ws or wss off a URL; "" for another.
func scheme(url string) (name, rest string, tls bool) {
	name, rest, _ = strings.Cut(url, ":")
	switch name = server.LowerASCII(name); name {
	case "ws":
		return name, rest, false
	case "wss":
		return name, rest, true
	}
	return "", url, false
}

// trans keeps a ProxyPass from requests that ask for no upgrade, so that another
// one may be for them.
func trans(r *server.Request, url string) server.Status {
	if leaves(r) {
		return server.Declined
	}
	if name, _, _ := scheme(url); name == "" {
		return server.Declined
	}
	if _, ok := r.FieldIn("Upgrade"); !ok {
		return 426
	}
	return server.OK
}

func canon(r *server.Request, url string) server.Status {
	if leaves(r) {
		return server.Declined
	}
	name, rest, tls := scheme(url)
	if name == "" {
		return server.Declined
	}
	elog.Trace(1, r).Msgf("canonicalising URL %s", url)
	standard := 80
	if tls {
		standard = 443
	}
	_, _, host, port, path, problem := server.ProxyNetloc(rest, false)
	if problem != "" {
		elog.Error(r).Msgf("AH02439: error parsing URL %s: %s", url, problem)
		return 400
	}
	path, query, s := r.ProxyPathOf(path, elog, "AH10419", "AH10409")
	if s != server.OK {
		return s
	}
	r.Filename = "proxy:" + name + "://" + server.ProxyHostPort(host, port, standard) + "/" + path + query
	return server.OK
}

// serve asks for the upgrade and hands on whatever is said from then on
// (proxy_wstunnel_handler).
func serve(c *server.ProxyCall) server.Status {
	r := c.R
	if leaves(r) {
		return server.Declined
	}
	name, _, tls := scheme(c.URL)
	if name == "" {
		elog.Debug(r).Msgf("AH02450: declining URL %s", c.URL)
		return server.Declined
	}
	elog.Trace(1, r).Msgf("serving URL %s", c.URL)
	asked, expected := r.Header.Get("Upgrade"), "WebSocket"
	if u := c.Worker.Params.Upgrade; u != "" {
		expected = u
	}
	if asked == "" || !c.Worker.CanUpgrade(asked, "WebSocket") {
		shown := asked
		if shown == "" {
			shown = "missing"
		}
		elog.Info(r).Msgf("AH02900: require upgrade for URL %s (Upgrade header is %s, expecting %s)", c.URL, shown, expected)
		r.ErrOut.Set("Connection", "Upgrade")
		r.ErrOut.Set("Upgrade", expected)
		return 426
	}
	elog.Debug(r).Msgf("AH02451: serving URL %s", c.URL)
	conn, s := c.Acquire(strings.ToUpper(name))
	if s != server.OK {
		return s
	}
	defer conn.Release()
	_, host, port, err := server.SplitProxyURL(c.URL)
	if err != nil {
		return r.ProxyError(400, "URI cannot be parsed: "+c.URL)
	}
	if err := c.Resolve(conn); err != nil {
		return r.ProxyErrorOf(500, err, "DNS lookup failure for: "+conn.Hostname)
	}
	if c.Blocked(host) {
		return r.ProxyError(403, "Connect to remote machine blocked")
	}
	conn.Reset() // a connection of its own
	if err := c.Connect(conn); err != nil {
		elog.Error(r).Msgf("AH02452: failed to make connection to backend: %s", host)
		return 503
	}
	conn.Close = true
	if tls {
		name := host
		if r.Hostname != "" && server.ProxyDir.Of(r.Dir).PreserveHost.Else(false) {
			name = r.Hostname
		}
		if err := conn.StartTLS(c, name); err != nil {
			if errors.Is(err, server.ErrProxyTLSOff) {
				return 500
			}
			return r.ProxyError(500, "Error during SSL Handshake with remote server")
		}
	}
	target := c.URL[strings.Index(c.URL, "://")+3:]
	if i := strings.IndexByte(target, '/'); i >= 0 {
		target = target[i:]
	} else {
		target = "/"
	}
	head := c.AppendHead(nil, server.ProxyHead{Target: target, Host: server.ProxyHostPort(host, port, 80)})
	if expected != "*" {
		asked = expected // as the configuration spells it
	}
	head = append(head, "Upgrade: "+asked+"\r\nConnection: Upgrade\r\n\r\n"...)
	if _, err := conn.Write(head); err != nil {
		return 502
	}
	r.Status = 101
	if err := r.Tunnel(name, conn, 0); err != nil {
		elog.Error(r).Err(server.ErrnoOf(err)).Msg("AH02443: error apr_pollset_create()")
		return 500
	}
	return server.OK
}
