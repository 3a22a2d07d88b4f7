package proxy_http

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/backend"
)

// exchange is one request and its response with a backend.
type exchange struct {
	call   *server.ProxyCall
	r      *server.Request
	conn   *server.ProxyConn // nil once it was given back
	scheme string
	tls    bool
	dir    *server.ProxyDirConfig

	force10  bool
	waits    bool   // for 100 Continue, before the body is sent
	upgrade  string // protocol that the client asks for, and may
	closes   bool   // the connection ends with this response
	reused   bool   // the connection has answered before
	early    error  // what came instead of an answer
	head     []byte
	body     body
	plain    bool   // it went out as most do: without a body, over a connection of the pool
	whole    string // the answer's head, if it is usual
	src      source // of the response's body
	way      server.Forwarding
	original int // the status before the backend's
	line     string
}

var exchanges = sync.Pool{New: func() any { return new(exchange) }}

var heads = sync.Pool{New: func() any { b := make([]byte, 0, 2048); return &b }}

// run is the life of the exchange.
func (x *exchange) run() server.Status {
	r, w := x.r, x.call.Worker
	x.original, x.line = r.Status, r.StatusLine
	if r.Env.Has("force-proxy-request-1.0") {
		x.force10 = true
	} else if w.Params.Upgrade != "" || x.scheme[0] == 'w' {
		x.wantUpgrade()
	}
	saved := x.savedBody()
	hasBody := r.ContentLength != 0 || r.Header.Get("Transfer-Encoding") != ""
	ping := w.Params.Ping.IsSet() && hasBody && r.Method != "TRACE" && !r.Forward
	if !x.force10 && (r.Expecting && (x.dir.Forward100.Else(true) || saved != nil) || ping) {
		x.waits = true
		r.Notes.Set("proxy-100-continue", "1")
	}
	if !r.Forward && r.Conn.KeepAlives == 0 && r.Env.Has("proxy-initial-not-pooled") {
		x.conn.Reset()
	}
	host, port, target, s := x.target()
	if s != server.OK {
		return s
	}
	buf := heads.Get().(*[]byte)
	defer func() { *buf = x.head[:0]; heads.Put(buf) }()
	standard := 80
	x.head = x.call.AppendHead((*buf)[:0], server.ProxyHead{
		Target: target, Host: server.ProxyHostPort(host, port, standard), Continue: x.waits, HTTP10: x.force10})
	if x.force10 || r.Env.Has("proxy-nokeepalive") {
		x.conn.Close = true
	}
	if s := x.prefetch(saved); s != server.OK {
		return s
	}
	x.endHead()
	x.closes = x.conn.Close
	if !x.waits && !x.tls && x.body.none() {
		// What most requests are: one look, one write and one read of the backend.
		sent, err := x.call.Send(x.conn, x.head)
		if sent {
			x.conn.Close, x.reused, x.early = x.closes, true, err
			x.plain = !x.force10 && x.upgrade == "" && !x.closes
			x.call.Worker.Shared.Transferred().Add(uint64(len(x.head)))
			r.Notes.Set("proxy-source-port", x.conn.LocalPort())
			return x.receive()
		}
	}
	for retry := 0; ; retry++ {
		if s := x.connect(host); s != server.OK {
			return s
		}
		s := x.send()
		if s == server.OK {
			break
		}
		if !x.waits || s != 503 || retry > 0 {
			return s
		}
		elog.Info(r).Msgf("AH01115: HTTP: 100-Continue failed to %s (%s:%d)", x.conn.Address(), x.conn.Hostname, x.conn.Port)
		x.conn.Close = true
	}
	return x.receive()
}

// wantUpgrade sends the client's Upgrade on if the worker allows the protocol.
func (x *exchange) wantUpgrade() {
	asked := x.r.Header.Get("Upgrade")
	standard := ""
	if x.scheme[0] == 'w' {
		standard = "WebSocket"
	}
	if asked != "" && x.call.Worker.CanUpgrade(asked, standard) {
		x.upgrade = asked
	}
}

// target is the host that the URL names, and what stands in the request line: a
// path, or for a remote proxy the URL.
func (x *exchange) target() (host string, port int, target string, s server.Status) {
	c, r := x.call, x.r
	_, host, port, err := server.SplitProxyURL(c.URL)
	if err != nil || host == "" {
		return "", 0, "", r.ProxyError(400, "URI cannot be parsed: "+c.URL)
	}
	if c.Remote == nil {
		target = c.URL[strings.Index(c.URL, "://")+3:]
		if i := strings.IndexAny(target, "/?"); i >= 0 {
			target = target[i:]
		} else {
			target = ""
		}
		if target == "" || target[0] != '/' {
			target = "/" + target
		}
	} else {
		target = c.URL
		if x.tls { // through a tunnel
			target = c.URL[strings.Index(c.URL, "://")+3:]
			if i := strings.IndexByte(target, '/'); i >= 0 {
				target = target[i:]
			} else {
				target = "/"
			}
		}
	}
	if err := c.Resolve(x.conn); err != nil {
		return "", 0, "", r.ProxyErrorOf(500, err, "DNS lookup failure for: "+x.conn.Hostname)
	}
	if len(c.Conf.Blocked) > 0 && c.Blocked(host) {
		return "", 0, "", r.ProxyError(403, "Connect to remote machine blocked")
	}
	return host, port, target, server.OK
}

// errHandshake is what Apache's filter for TLS says of a handshake that failed.
var errHandshake = errors.New("(20014)Internal error (specific information not available)")

// connect opens the connection, or takes up the one that the pool has kept.
func (x *exchange) connect(host string) server.Status {
	c := x.call
	x.conn.Close = false
	if err := c.Connect(x.conn); err != nil {
		elog.Error(x.r).Msgf("AH01114: HTTP: failed to make connection to backend: %s", x.conn.Hostname)
		return 503
	}
	x.conn.Close = x.closes
	if x.tls {
		name := host
		if x.dir.PreserveHost.Else(false) && x.r.Hostname != "" {
			name = x.r.Hostname
		}
		if err := x.conn.StartTLS(c, name); err != nil {
			x.conn.Close = true
			if errors.Is(err, server.ErrProxyTLSOff) {
				return 500
			}
			elog2.Error(x.r).Err(errHandshake).Msgf("AH01084: pass request body failed to %s (%s)", x.conn.Address(), x.conn.Hostname)
			return x.r.ProxyError(500, "Error during SSL Handshake with remote server")
		}
	}
	x.reused = x.conn.Served > 0
	x.r.Notes.Set("proxy-source-port", x.conn.LocalPort())
	return server.OK
}

// endHead ends the head with what says how the connection goes on.
func (x *exchange) endHead() {
	if !x.force10 {
		switch {
		case x.upgrade != "":
			x.head = append(append(append(x.head, "Connection: Upgrade\r\nUpgrade: "...), x.upgrade...), "\r\n"...)
		case x.conn.Reusable():
			x.head = append(x.head, "Connection: Keep-Alive\r\n"...)
		default:
			x.head = append(x.head, "Connection: close\r\n"...)
		}
	}
	x.head = append(x.head, "\r\n"...)
}

// send sends the head, and the body unless the backend is to allow it first.
func (x *exchange) send() server.Status {
	if x.waits || x.body.none() {
		if err := x.write(x.head); err != nil {
			return x.sendFailed(err)
		}
		return server.OK
	}
	return x.sendBody(x.head)
}

// write sends bytes to the backend.
func (x *exchange) write(p []byte) error {
	x.call.Worker.Shared.Transferred().Add(uint64(len(p)))
	_, err := x.conn.Write(p)
	return err
}

// sendFailed says why the request could not be sent (ap_proxy_pass_brigade,
// ap_proxy_http_request).
func (x *exchange) sendFailed(err error) server.Status {
	elog2.Error(x.r).Err(server.ErrnoOf(err)).Msgf("AH01084: pass request body failed to %s (%s)", x.conn.Address(), x.conn.Hostname)
	elog.Error(x.r).Msgf("AH01097: pass request body failed to %s (%s) from %s (%s)", x.conn.Address(), x.conn.Hostname, x.r.Conn.ClientIP, x.clientName())
	x.conn.Close = true
	if errors.Is(err, backend.ErrTimeout) {
		return 504
	}
	return 502
}

// elog2 has the lines of what Apache's mod_proxy does for mod_proxy_http.
var elog2 = server.NewLog("proxy")

func (x *exchange) clientName() string {
	if h := x.r.Conn.RemoteHost; h != "-" {
		return h
	}
	return ""
}

// isHTTP is apr_date_checkmask(line, "HTTP/#.# ###*").
func isHTTP(line string) bool {
	if len(line) < 12 || line[:5] != "HTTP/" || line[6] != '.' || line[8] != ' ' {
		return false
	}
	for _, i := range [...]int{5, 7, 9, 10, 11} {
		if line[i] < '0' || line[i] > '9' {
			return false
		}
	}
	return true
}

// canonicalDate writes a date as HTTP has it (date_canon).
func canonicalDate(s string) string {
	if isFixDate(s) {
		return s
	}
	if t, err := http.ParseTime(s); err == nil {
		return t.UTC().Format(http.TimeFormat)
	}
	return s
}

// isFixDate tells whether a date has HTTP's form and the right day of the week.
func isFixDate(s string) bool {
	const form = "Mon, 02 Jan 2006 15:04:05 GMT"
	if len(s) != len(form) || s[25:] != " GMT" {
		return false
	}
	t, err := time.Parse(form, s)
	return err == nil && t.Weekday().String()[:3] == s[:3]
}
