package proxy_scgi

import (
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// serve has the server answer (scgi_handler). A connection is for one request.
func serve(c *server.ProxyCall) server.Status {
	r := c.R
	if len(c.URL) < len(scheme) || !strings.EqualFold(c.URL[:len(scheme)], scheme) {
		elog.Error(r).Msgf("AH00865: declining URL %s", c.URL)
		return server.Declined
	}
	conn, s := c.Acquire("SCGI")
	if s != server.OK {
		return s
	}
	conn.Close = true
	defer conn.Release()
	body, s := c.LengthyBody()
	if s != server.OK {
		return s
	}
	if err := c.Resolve(conn); err != nil {
		return r.ProxyErrorOf(500, err, "DNS lookup failure for: "+conn.Hostname)
	}
	if err := c.Connect(conn); err != nil {
		elog.Error(r).Msgf("AH00866: failed to make connection to backend: %s:%d", conn.Hostname, conn.Port)
		return 503
	}
	conn.Close = true
	r.AddCommonVars()
	r.AddCGIVars()
	if r.Gen.Jail.Fix() {
		r.ProxyRealPaths()
	}
	write := func(p []byte) error {
		c.Worker.Shared.Transferred().Add(uint64(len(p)))
		_, err := conn.Write(p)
		return err
	}
	err := write(append(appendRequest(nil, r.Env.All(), body.Length), body.Ahead...))
	if err == nil {
		if s, err = body.SendBody(r, write); s != server.OK {
			elog.Error(r).Msg("AH00859: receiving request body failed")
			return s
		}
	}
	if err != nil {
		elog.Error(r).Err(server.ErrnoOf(err)).Msgf("AH00858: sending data to %s:%d failed", conn.Hostname, conn.Port)
		return 503
	}
	return receive(c, conn)
}

// appendRequest writes a request's head: a netstring of names and values, the
// length of the body first (https://python.ca/scgi/protocol.txt).
func appendRequest(b []byte, env []server.Field, length int64) []byte {
	head := strconv.AppendInt([]byte("CONTENT_LENGTH\x00"), length, 10)
	head = append(head, "\x00SCGI\x001\x00"...)
	for _, f := range env {
		if f.Name == "GATEWAY_INTERFACE" || f.Name == "CONTENT_LENGTH" || f.Name == "SCGI" {
			continue
		}
		head = append(append(head, f.Name...), 0)
		head = append(append(head, f.Value...), 0)
	}
	b = strconv.AppendInt(b, int64(len(head)), 10)
	return append(append(append(b, ':'), head...), ',')
}

// receive reads the answer and gives it to the client (pass_response), or what
// the answer asks for instead (scgi_request_status).
func receive(c *server.ProxyCall, conn *server.ProxyConn) server.Status {
	r, conf := c.R, slot.Of(c.R.Dir)
	s, _ := r.ScanScript(elog, conn.R, true)
	if s != server.OK {
		elog.Error(r).Msgf("AH00860: error reading response headers from %s:%d", conn.Hostname, conn.Port)
		r.StatusLine = ""
		return s
	}
	if !r.Env.Has("ap_trust_cgilike_cl") {
		r.Out.Unset("Content-Length") // the end of the connection counts
	}
	r.Out.Unset("Transfer-Encoding")
	if name := conf.sendfile.Else(""); name != "" {
		if file, ok := take(r, name); ok {
			elog.Debug(r).Msgf("AH00861: Found %s: %s - preparing subrequest.", name, file)
			return sendFile(r, file)
		}
	}
	if name := conf.redirect.Else("Location"); name != "" && r.Status == 200 {
		if l, ok := lookup(r, name); ok && strings.HasPrefix(l, "/") {
			take(r, name)
			elog.Debug(r).Msgf("AH00862: Internal redirect to %s", l)
			if r.Method != "GET" && r.Method != "HEAD" {
				r.Method = "GET"
			}
			r.StatusLine = ""
			r.UnsetFieldIn("Content-Length")
			r.InternalRedirectHandler(l)
			return server.OK
		}
	}
	if err := c.RelayRest(conn, nil); err != nil {
		return c.RelayBroke(err, false)
	}
	return server.OK
}

func lookup(r *server.Request, name string) (string, bool) {
	if v, ok := r.ErrOut.Lookup(name); ok {
		return v, true
	}
	return r.Out.Lookup(name)
}

// take gives a field of the answer that is for us, and takes it out.
func take(r *server.Request, name string) (string, bool) {
	v, ok := lookup(r, name)
	if ok {
		r.ErrOut.Unset(name)
		r.Out.Unset(name)
	}
	return v, ok
}

// sendFile answers with a file that the server named, by its real name.
func sendFile(r *server.Request, file string) server.Status {
	elog.Debug(r).Msgf("AH00863: File subrequest to %s", file)
	inside, _ := r.Gen.Jail.Request(file)
	sub := r.SubRequestFile(inside)
	if sub.Status == 200 && sub.Finfo.Type != server.NoFile {
		return sub.RunSub()
	}
	elog.Error(r).Msgf("AH00864: Subrequest to file '%s' not possible. (rr->status=%d, rr->finfo.filetype=%d)", file, sub.Status, sub.Finfo.Type)
	return 500
}
