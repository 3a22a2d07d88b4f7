// Package proxy_uwsgi has uWSGI servers answer (mod_proxy_uwsgi).
package proxy_uwsgi

import (
	"encoding/binary"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// Module is proxy_uwsgi_module.
var Module = server.Module{
	Name:        "proxy_uwsgi_module",
	ProxyScheme: &server.ProxyScheme{Canon: canon, Serve: serve},
}

var elog = server.NewLog("proxy_uwsgi")

const (
	defaultPort = 3031
	scheme      = "uwsgi://"
	maxPacket   = 65535 // of names and values
)

// canon writes a URL in its canonical form (uwsgi_canon).
func canon(r *server.Request, url string) server.Status {
	if len(url) < len(scheme) || !strings.EqualFold(url[:len(scheme)], scheme) {
		return server.Declined
	}
	_, _, host, port, path, problem := server.ProxyNetloc(url[len("uwsgi:"):], false)
	if problem != "" {
		elog.Error(r).Msgf("AH10097: error parsing URL %s: %s", url[len("uwsgi:"):], problem)
		return 400
	}
	if r.Notes.Has("proxy-nocanon") || r.Notes.Has("proxy-noencode") {
		if strings.IndexFunc(path, func(c rune) bool { return c <= ' ' || c == 0x7f }) >= 0 {
			elog.Error(r).Msg("AH10417: To be forwarded path contains control characters or spaces")
			return 403
		}
	} else {
		d := server.CoreDir.Of(r.Dir)
		var ok bool
		if path, ok = server.ProxyEncode(path, server.ProxyPath, r.Forward, d.AllowEncodedSlashes && !d.DecodeEncodedSlashes); !ok {
			return 400
		}
	}
	r.Filename = "proxy:" + scheme + server.ProxyHostPort(host, port, defaultPort) + "/" + path
	return server.OK
}

// serve has the server answer (uwsgi_handler).
func serve(c *server.ProxyCall) server.Status {
	r := c.R
	if len(c.URL) < len(scheme) || !strings.EqualFold(c.URL[:len(scheme)], scheme) {
		elog.Trace(1, r).Msgf("declining URL %s", c.URL)
		return server.Declined
	}
	pathInfo, ok := pathOf(c.URL)
	if !ok {
		elog.Error(r).Msgf("AH10100: unable to decode uwsgi uri: %s", c.URL)
		return 500
	}
	r.Env.Add("PATH_INFO", pathInfo)
	conn, s := c.Acquire("uwsgi")
	if s != server.OK {
		return s
	}
	defer conn.Release()
	body, s := c.LengthyBody()
	if s != server.OK {
		return s
	}
	if err := c.Resolve(conn); err != nil {
		return r.ProxyErrorOf(500, err, "DNS lookup failure for: "+conn.Hostname)
	}
	if err := c.Connect(conn); err != nil {
		elog.Error(r).Msgf("AH10101: failed to make connection to backend: %s:%d", conn.Hostname, conn.Port)
		return 503
	}
	conn.Close = true // uWSGI ends its answer with the connection
	environment(r)
	packet, size := appendPacket(nil, r.Env.All())
	if size > maxPacket {
		elog.Error(r).Msgf("AH10259: can't send headers to %s:%d: packet size too large (%d)", conn.Hostname, conn.Port, size)
		return 500
	}
	write := func(p []byte) error {
		c.Worker.Shared.Transferred().Add(uint64(len(p)))
		_, err := conn.Write(p)
		return err
	}
	err := write(append(packet, body.Ahead...))
	if err == nil {
		if s, err = body.SendBody(r, write); s != server.OK {
			elog.Error(r).Msg("AH10099: receiving request body failed")
			return s
		}
	}
	if err != nil {
		elog.Error(r).Err(server.ErrnoOf(err)).Msgf("AH10098: sending data to %s:%d failed", conn.Hostname, conn.Port)
		return 503
	}
	return receive(c, conn)
}

// pathOf is PATH_INFO: the decoded path of the URL.
func pathOf(url string) (string, bool) {
	path := "/"
	if i := strings.IndexByte(url[len(scheme):], '/'); i >= 0 {
		path = url[len(scheme)+i:]
	}
	path, ok := server.UnescapeURL(path)
	for strings.HasPrefix(path, "//") {
		path = path[1:]
	}
	return path, ok
}

// environment tells r.Env what the server is told (uwsgi_send_headers).
func environment(r *server.Request) {
	r.AddCommonVars()
	r.AddCGIVars()
	if r.Gen.Jail.Fix() {
		r.ProxyRealPaths()
	}
	if auth, ok := r.FieldIn("Authorization"); ok {
		r.Env.Set("HTTP_AUTHORIZATION", auth)
	}
	name, hasName := r.Env.Lookup("SCRIPT_NAME")
	info, hasInfo := r.Env.Lookup("PATH_INFO")
	switch {
	case !hasName || !hasInfo:
	case info != "/":
		if n := len(name) - len(info); n >= 0 {
			r.Env.Set("SCRIPT_NAME", name[:n])
		}
	case name == "/":
		r.Env.Set("SCRIPT_NAME", "")
	}
}

// appendPacket writes the variables as uWSGI reads them: a head of four bytes,
// then names and values behind their lengths, all little-endian. size is that of
// what follows the head.
func appendPacket(b []byte, env []server.Field) (packet []byte, size int) {
	at := len(b)
	b = append(b, 0, 0, 0, 0)
	for _, f := range env {
		if len(f.Name) > maxPacket || len(f.Value) > maxPacket {
			return b, maxPacket + len(f.Name) + len(f.Value)
		}
		b = append(binary.LittleEndian.AppendUint16(b, uint16(len(f.Name))), f.Name...)
		b = append(binary.LittleEndian.AppendUint16(b, uint16(len(f.Value))), f.Value...)
	}
	size = len(b) - at - 4
	b[at+1], b[at+2] = byte(size), byte(size>>8)
	return b, size
}
