// Package proxy_fdpass passes clients' connections to other programs
// (mod_proxy_fdpass): the head of a response is sent, then the client's socket
// goes over a Unix socket, and is not ours any more.
package proxy_fdpass

import (
	"errors"
	"net"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/backend"
)

// Module is proxy_fdpass_module.
var Module = server.Module{
	Name:        "proxy_fdpass_module",
	ProxyScheme: &server.ProxyScheme{First: true, Canon: canon, Serve: serve},
}

var elog = server.NewLog("proxy_fdpass")

const scheme = "fd://"

// flushers are what flusher= of a worker may say: how what was written for the
// client is sent before the connection is passed. There is one, as in Apache.
var flushers = map[string]func(*server.Request) error{"flush": flush}

const standardFlusher = "flush"

// cut takes the scheme off a URL.
func cut(url string) (path string, ok bool) {
	if len(url) < len(scheme) || !strings.EqualFold(url[:len(scheme)], scheme) {
		return "", false
	}
	return url[len(scheme):], true
}

// canon makes the socket's path absolute (proxy_fdpass_canon).
func canon(r *server.Request, url string) server.Status {
	path, ok := cut(url)
	if !ok {
		return server.Declined
	}
	if !strings.HasPrefix(path, "/") {
		path = server.CoreServer.Of(r.Gen.Config.Main).ServerRoot + "/" + path
	}
	r.Filename = "proxy:" + scheme + filepath.Clean(path)
	elog.Debug(r).Msgf("AH01151: set r->filename to %s", r.Filename)
	return server.OK
}

// serve passes the connection (proxy_fdpass_handler).
func serve(c *server.ProxyCall) server.Status {
	r := c.R
	path, ok := cut(c.URL)
	if !ok {
		return server.Declined
	}
	if _, ok := r.Exchange.(server.Hijacker); !ok {
		elog.Error(r).Err(server.ErrNoTunnel).Msg("AH01154: send_socket failed:")
		return 500 // a stream of HTTP/2 has no socket of its own
	}
	conn, err := dial(r, path, c)
	if err != nil {
		elog.Error(r).Err(server.ErrnoOf(err)).Msgf("AH01152: Failed to connect to '%s'", path)
		return 500
	}
	defer conn.Close() //nolint:errcheck // the client is the other's by then
	name := c.Worker.Params.Flusher
	if name == "" {
		name = standardFlusher
	}
	f := flushers[name]
	if f == nil {
		elog.Error(r).Msgf("AH01153: Unable to find configured flush provider '%s'", name)
		return 500
	}
	if err := f(r); err != nil {
		elog.Error(r).Err(err).Msg("AH01156: ap_pass_brigade failed:")
		return 500
	}
	client, err := r.GiveAway()
	if err == nil {
		err = pass(conn, client)
	}
	r.Exchange.Drop()
	if err != nil {
		elog.Error(r).Err(server.ErrnoOf(err)).Msg("AH01154: send_socket failed:")
		return 500
	}
	return server.OK
}

// dial connects to the socket, with the wait that the worker has for it.
func dial(r *server.Request, path string, c *server.ProxyCall) (*backend.Conn, error) {
	if path == "" || len(path) >= len(unix.RawSockaddrUnix{}.Path) {
		return nil, syscall.ENAMETOOLONG
	}
	wait := c.Timeout()
	return r.Gen.DialSocket(path, backend.Options{ConnectTimeout: c.Worker.Params.ConnectTimeout.Else(wait), Timeout: wait})
}

// flush sends the head, with nothing behind it, and ends the use of the
// connection for HTTP.
func flush(r *server.Request) error {
	r.Conn.Close = true
	return r.PassBrigade(&server.Brigade{Flush: true, Streamed: true})
}

// pass sends the client's socket, beside a byte of zero (SCM_RIGHTS, unix(7)).
func pass(to *backend.Conn, client server.ClientStream) error {
	socket, ok := to.Conn.(*net.UnixConn)
	source, has := client.(syscall.Conn)
	if !ok || !has {
		return errors.New("not a socket")
	}
	raw, err := source.SyscallConn()
	if err != nil {
		return err
	}
	var sent error
	if err := raw.Control(func(fd uintptr) {
		_, _, sent = socket.WriteMsgUnix([]byte{0}, unix.UnixRights(int(fd)), nil)
	}); err != nil {
		return err
	}
	return sent
}
