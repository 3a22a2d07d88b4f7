package proxy_http

import (
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/backend"
)

// maxInterim is how many 1xx responses are sent on (AP_MAX_INTERIM_RESPONSES).
const maxInterim = 10

// answer is a response's head.
type answer struct {
	major, minor int
	status       int
	text         string // status line from the status on
	te           string // Transfer-Encoding as it was
	hasTE        bool
	upgrade      string
	toclose      bool
	ancient      bool   // HTTP/0.9: no head
	pre          []byte // of the body, read with the head
}

// receive reads the response and gives it to the client (ap_proxy_http_process_response).
func (x *exchange) receive() server.Status {
	r := x.r
	waits := x.waits
	if ping, ok := x.call.Worker.Params.Ping.Get(); ok && waits {
		x.conn.SetTimeout(ping)
	}
	for interim := 0; ; {
		if interim >= maxInterim {
			return r.ProxyError(502, "Too many ("+strconv.Itoa(interim)+") interim responses from origin server")
		}
		var a answer
		if s, done := x.readAnswer(&a, waits); done {
			return s
		}
		informs := a.status >= 100 && a.status < 200
		if informs {
			interim++
			if s := x.inform(&a); s != server.OK {
				return s
			}
		}
		if waits && (!informs || a.status == 100) {
			x.conn.SetTimeout(x.call.Timeout())
			sends := a.status == 100 || !a.toclose && a.major > 0 && a.minor > 0
			no, not := "", ""
			if a.status != 100 {
				no = "no "
			}
			if !sends {
				not = "not "
			}
			elog.Debug(r).Msgf("AH10153: HTTP: %s100 continue sent by %s (%s): %ssending body (response: HTTP/%d.%d %s)", no, x.conn.Address(), x.conn.Hostname,
				not, a.major, a.minor, a.text)
			if sends {
				if s := x.sendRest(); s != server.OK {
					return s
				}
			}
			waits = false
		}
		if a.status == 101 {
			if waits {
				if s := x.sendRest(); s != server.OK {
					return s
				}
			}
			return x.tunnel(a.upgrade)
		}
		if !informs {
			return x.final(&a)
		}
	}
}

// sendRest sends the body that had to wait (send_continue_body).
func (x *exchange) sendRest() server.Status {
	if x.body.none() {
		return server.OK
	}
	s := x.sendBody(nil)
	if s != server.OK {
		elog.Error(x.r).Msgf("AH10154: pass request body failed to %s (%s) from %s (%s) with status %d", x.conn.Address(), x.conn.Hostname,
			x.r.Conn.ClientIP, x.clientName(), int(s))
		x.conn.Close = true
	}
	return s
}

// readAnswer reads the head of a response into the request. done says that the
// status ends the exchange.
func (x *exchange) readAnswer(a *answer, waits bool) (s server.Status, done bool) {
	r := x.r
	limit := x.call.Worker.Params.ResponseFieldSize.Else(0)
	if limit <= 0 {
		limit = defaultFieldSize
	}
	var h rawHead
	err := x.early
	if err == nil {
		h, err = readHead(x.conn.R, limit)
	}
	if err != nil && h.line == "" {
		return x.noStatusLine(err, waits), true
	}
	x.call.Worker.Shared.Read().Add(uint64(len(h.line))) // of the head Apache counts this alone
	if !isHTTP(h.line) {
		a.ancient, a.status, a.text = true, 200, "200 OK"
		a.pre = []byte(h.line) // without its end, as Apache
		r.Status, r.StatusLine = 200, "200 OK"
		r.Out = server.Fields{}
		x.conn.Close = true
		return 0, false
	}
	a.major, a.minor = int(h.line[5]-'0'), int(h.line[7]-'0')
	if a.major != 1 || len(h.line) >= limit-1 {
		return r.ProxyError(502, "Corrupt status line returned by remote server: "+h.line), true
	}
	a.status, _ = strconv.Atoi(h.line[9:12])
	r.Notes.Set("proxy-status", h.line[9:12])
	a.text = h.line[9:]
	if len(h.line) == 12 {
		a.text += " "
	}
	r.Status, r.StatusLine = a.status, a.text
	if e := elog.Trace(3, r); e != nil {
		e.Msgf("Status from backend: %d", a.status)
	}
	x.whole = h.whole
	if err == nil {
		err = x.fields(h, a)
	}
	if err != nil {
		switch {
		case errors.Is(err, errFieldSize):
			text := h.bad
			n := min(len(text), 128) / 2
			elog.Warn(r).Err(errNoSpace).Msgf("AH10124: header size is over the limit allowed by ResponseFieldSize (%d bytes). Bad response header: '%s[...]%s'",
				limit, text[:n], text[len(text)-n:])
		case !errors.Is(err, errBadField):
			elog.Warn(r).Err(server.ErrnoOf(err)).Msg("AH10404: Error reading headers from backend")
		}
		elog.Warn(r).Msgf("AH01106: bad HTTP/%d.%d header returned by %s (%s)", a.major, a.minor, r.URI, r.Method)
		x.conn.Close = true
		r.Out = server.Fields{}
		r.StatusLine = "bad gateway"
		r.Status = 502
		return 502, true
	}
	return x.understand(a)
}

// noStatusLine answers when nothing came (AH01102). A client on a connection that
// has served before is hung up on, so that it asks again, if it may.
func (x *exchange) noStatusLine(err error, waits bool) server.Status {
	r := x.r
	timedOut := errors.Is(err, backend.ErrTimeout)
	elog.Error(r).Err(statusLineError(err)).Msgf("AH01102: error reading status line from remote server %s:%d", x.conn.Hostname, x.conn.Port)
	x.conn.Close = true
	if timedOut {
		r.Notes.Set("proxy_timedout", "1")
		elog.Debug(r).Msg("AH01103: read timeout")
		if waits {
			return r.ProxyError(503, "Timeout on 100-Continue")
		}
	}
	if !r.Forward && r.Conn.KeepAlives > 0 && !timedOut {
		elog.Debug(r).Msgf("AH01104: Closing connection to client because reading from backend server %s:%d failed. Number of keepalives %d",
			x.conn.Hostname, x.conn.Port, r.Conn.KeepAlives)
		if r.Conn.Stream != nil {
			return 500 // what a stream gets whose request ends without an answer (observed on 2.4.71)
		}
		r.NoCache = true
		r.Abandon(502)
		if x.reused {
			return server.OK
		}
		return 500
	}
	if r.Conn.KeepAlives == 0 {
		if e := elog.Debug(r); e != nil {
			e.Msgf("AH01105: NOT Closing connection to client although reading from backend server %s:%d failed.", x.conn.Hostname, x.conn.Port)
		}
	}
	return r.ProxyError(502, "Error reading from remote server")
}

// statusLineError words the error as Apache does: nothing is 20014.
func statusLineError(err error) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return server.ErrGeneral
	}
	return server.ErrnoOf(err)
}

// understand looks at the fields that are about the connection and the proxy.
func (x *exchange) understand(a *answer) (s server.Status, done bool) {
	r := x.r
	a.te, a.hasTE = r.Out.Lookup("Transfer-Encoding")
	if a.hasTE && r.Out.Has("Content-Length") {
		r.Out.Unset("Content-Length")
		if e := elog.Debug(r); e != nil {
			e.Msgf("AH01107: server %s:%d returned Transfer-Encoding and Content-Length", x.conn.Hostname, x.conn.Port)
		}
		x.conn.Close = true
	}
	a.upgrade = r.Out.Get("Upgrade")
	if a.status == 101 {
		if a.upgrade == "" || x.upgrade == "" || !equalFold(x.upgrade, a.upgrade) {
			na := func(s string) string {
				if s == "" {
					return "n/a"
				}
				return s
			}
			return r.ProxyError(502, "Unexpected Upgrade: "+na(a.upgrade)+" (expecting "+na(x.upgrade)+")"), true
		}
		x.conn.Close = true
	}
	if a.toclose = server.ClearConnection(&r.Out); a.toclose {
		x.conn.Close = true
	}
	if t, ok := r.Out.Lookup("Content-Type"); ok {
		r.ContentType = t
	}
	for _, n := range hopByHop {
		r.Out.Unset(n)
	}
	if r.Out.Has("Warning") {
		cleanWarnings(&r.Out)
	}
	if via := x.call.Conf.Via.Else(server.ProxyViaOff); via == server.ProxyViaOn || via == server.ProxyViaFull {
		r.Out.Add("Via", r.ProxyViaField(via))
	}
	if a.minor < 1 {
		x.conn.Close = true
	}
	return 0, false
}

var hopByHop = [...]string{"Keep-Alive", "Proxy-Authenticate", "TE", "Trailer", "Upgrade"}

// inform sends a 1xx response on.
func (x *exchange) inform(a *answer) server.Status {
	r := x.r
	policy, has := "", false
	if a.status != 101 {
		policy, has = r.Env.Lookup("proxy-interim-response")
	}
	shown := policy
	if !has {
		shown = "n/a"
	}
	if e := elog.Trace(2, r); e != nil {
		e.Msgf("HTTP: received interim %d response (policy: %s)", a.status, shown)
	}
	switch {
	case !has, equalFold(policy, "RFC"):
		if a.status == 100 && !has && !r.Expecting {
			return server.OK // the client has not asked for it
		}
		if a.status == 101 {
			r.Out.Set("Connection", "Upgrade")
			r.Out.Set("Upgrade", a.upgrade)
		}
		if a.status == 100 {
			r.Expecting = false
		}
		if err := r.Exchange.Interim(r, a.status); err != nil {
			x.conn.Close = true
			return server.Done
		}
	case !equalFold(policy, "Suppress"):
		elog.Warn(r).Msg("AH01108: undefined proxy interim response policy")
	}
	return server.OK
}

// final gives the response to the client.
func (x *exchange) final(a *answer) server.Status {
	r := x.r
	if x.dir.Overrides(a.status) {
		if a.status == 401 {
			if v, ok := r.Out.Lookup("WWW-Authenticate"); ok {
				r.ErrOut.Set("WWW-Authenticate", v)
			} else {
				elog.Debug(r).Msg("AH01109: origin server sent 401 without WWW-Authenticate header")
			}
		}
		r.Status = 200
		if !r.HeaderOnly && a.status != 204 && a.status != 304 {
			x.discard(a)
		}
		r.Notes.Set("proxy-error-override", "1")
		return server.Status(a.status)
	}
	if a.upgrade != "" {
		standard := ""
		if x.scheme[0] == 'w' {
			standard = "WebSocket"
		}
		if x.call.Worker.CanUpgrade(a.upgrade, standard) {
			r.Out.Set("Connection", "Upgrade")
			r.Out.Set("Upgrade", a.upgrade)
		}
	}
	if r.HeaderOnly || a.status == 204 || a.status == 304 {
		elog.Trace(2, r).Msg("header only")
		x.release()
		if r.End() != nil {
			return server.Done
		}
		return server.OK
	}
	return x.sendOn(a)
}

// release gives the connection back as soon as all has come, so that the backend
// does not wait for a slow client.
func (x *exchange) release() {
	if x.conn != nil {
		x.conn.Release()
		x.conn = nil
	}
}

func equalFold(a, b string) bool { return len(a) == len(b) && (a == b || strings.EqualFold(a, b)) }

// cleanWarnings deletes Warnings whose date is not the response's (ap_proxy_clean_warnings).
func cleanWarnings(t *server.Fields) {
	date := t.Get("Date")
	var kept []string
	for _, f := range t.All() {
		if equalFold(f.Name, "Warning") {
			kept = append(kept, goodWarnings(f.Value, date)...)
		}
	}
	if kept == nil {
		return
	}
	t.Unset("Warning")
	for _, w := range kept {
		t.Add("Warning", w)
	}
}

// goodWarnings are the warnings of a field without a date, or with this one.
func goodWarnings(list, date string) []string {
	var good []string
	for _, m := range warning.FindAllStringSubmatch(list, -1) {
		if m[2] == "" || canonicalDate(m[2]) == canonicalDate(date) {
			good = append(good, m[0])
		}
	}
	return good
}
