// Package proxy_ajp has servlet containers answer over AJP 1.3 (mod_proxy_ajp).
package proxy_ajp

import (
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// Module is proxy_ajp_module.
var Module = server.Module{
	Name:        "proxy_ajp_module",
	ProxyScheme: &server.ProxyScheme{Canon: canon, Serve: serve, Ping: ping},
}

var elog = server.NewLog("proxy_ajp")

const defaultPort = 8009

// canon writes a URL in its canonical form (proxy_ajp_canon).
func canon(r *server.Request, url string) server.Status {
	if len(url) < 4 || !strings.EqualFold(url[:4], "ajp:") {
		return server.Declined
	}
	elog.Trace(1, r).Msgf("canonicalising URL %s", url[4:])
	_, _, host, port, path, problem := server.ProxyNetloc(url[4:], false)
	if problem != "" {
		elog.Error(r).Msgf("AH00867: error parsing URL %s: %s", url[4:], problem)
		return 400
	}
	path, query, s := r.ProxyPathOf(path, elog, "AH10418", "AH10406")
	if s != server.OK {
		return s
	}
	r.Filename = "proxy:ajp://" + server.ProxyHostPort(host, port, defaultPort) + "/" + path + query
	return server.OK
}

// request writes the message that forwards the request (ajp_marshal_into_msgb).
func (x *exchange) request() *writer {
	r, w := x.r, newWriter(x.size)
	code := methods[r.Method]
	if code == 0 {
		code = methodAttribute
	}
	path, query, hasQuery := strings.Cut(x.path(), "?")
	w.byte(forwardRequest)
	w.byte(code)
	w.text(r.Proto)
	w.text(path)
	w.text(r.ClientIP)
	if host := r.ClientHost(); host != r.ClientIP {
		w.text(host)
	} else {
		w.null()
	}
	w.text(r.ServerName())
	w.number(r.Conn.Local.Port())
	tls := byte(0)
	if r.Conn.TLS {
		tls = 1
	}
	w.byte(tls)
	w.number(uint16(len(r.FieldOrder)))
	for _, name := range r.FieldOrder {
		value, _ := r.FieldIn(name)
		if code, ok := requestFields[server.LowerASCII(name)]; ok {
			w.number(code)
		} else {
			w.text(name)
		}
		w.text(value)
	}
	if s := x.call.Worker.Params.Secret; s != "" {
		w.attribute(attrSecret, s)
	}
	if r.User != "" || r.UserSet {
		w.attribute(attrRemoteUser, r.User)
	}
	if r.AuthType != "" {
		w.attribute(attrAuthType, r.AuthType)
	}
	if hasQuery {
		w.attribute(attrQuery, query)
	}
	if route, ok := r.Notes.Lookup("session-route"); ok {
		w.attribute(attrRoute, route)
	}
	if code == methodAttribute {
		w.attribute(attrMethod, r.Method)
	}
	w.named("AJP_REMOTE_PORT", portText(r.Conn.Remote.Port()))
	w.named("AJP_LOCAL_ADDR", r.Conn.LocalIP)
	for _, f := range r.Env.All() {
		if name, ok := strings.CutPrefix(f.Name, "AJP_"); ok {
			w.named(name, f.Value)
		}
	}
	w.byte(attrDone)
	return w
}

// path is the path and the query of the call's URL.
func (x *exchange) path() string {
	rest := x.call.URL[len("ajp://"):]
	if i := strings.IndexAny(rest, "/?"); i >= 0 && rest[i] == '/' {
		return rest[i:]
	} else if i >= 0 {
		return "/" + rest[i:]
	}
	return "/"
}
