package proxy_ftp

import (
	"net/http"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

// serve has the FTP server answer (proxy_ftp_handler).
func serve(c *server.ProxyCall) server.Status {
	r := c.R
	if c.Remote != nil {
		elog.Trace(3, r).Msgf("declining URL %s - proxyhost %s specified:", c.URL, c.Remote.Host)
		return server.Declined // another proxy is asked over HTTP
	}
	if !isFTP(c.URL) {
		elog.Trace(3, r).Msgf("declining URL %s - not ftp:", c.URL)
		return server.Declined
	}
	elog.Trace(3, r).Msgf("serving URL %s", c.URL)
	if r.Method != "GET" && r.Method != "HEAD" {
		return 501
	}
	path := pathOf(c.URL)
	if r.Forward {
		path = clientPath(r)
	}
	want, problem := parseWant(path)
	if problem != "" {
		return r.ProxyError(400, problem)
	}
	user, password, bad := credentials(r)
	if bad {
		return r.ProxyError(400, "user credentials contained invalid character")
	}
	_, host, port, err := server.SplitProxyURL(c.URL)
	if err != nil {
		return r.ProxyError(400, "URI cannot be parsed: "+c.URL)
	}
	if r.Forward {
		host = hostName(siteOf(r).host) // as the client wrote it
	}
	elog.Debug(r).Msgf("AH01036: connecting %s to %s:%d", c.URL, host, port)
	s := &session{call: c, r: r, conf: slot.Of(r.Dir)}
	if st := s.connectTo(host); st != server.OK {
		return st
	}
	defer s.release()
	if st := s.login(user, password); st != server.OK {
		return st
	}
	if st := s.walk(want); st != server.OK {
		return st
	}
	if st := s.open(); st != server.OK {
		return st
	}
	return s.fetch(want)
}

// want is what the path of a URL asks for (RFC 1738, section 3.2).
type want struct {
	fromRoot bool     // it began with %2f: below the server's root
	dirs     []string // still encoded
	name     string   // still encoded; "" for the directory
	kind     byte     // of the transfer: A, E or I
	list     bool     // ;type=d: a directory, whatever it is
}

func parseWant(path string) (w want, problem string) {
	path, suffix, _ := strings.Cut(strings.TrimPrefix(path, "/"), ";")
	w.kind = 'I'
	if t, ok := strings.CutPrefix(suffix, "type="); ok && t != "" && (t[0]|0x20 >= 'a' && t[0]|0x20 <= 'z') {
		w.kind = t[0] &^ 0x20
		if w.kind == 'D' {
			w.list, w.kind = true, 'A'
		}
		if strings.IndexByte("AEI", w.kind) < 0 {
			return w, "ftp proxy supports only types 'a', 'i', or 'e': \"" + suffix + "\" is invalid."
		}
	}
	if len(path) >= 3 && strings.EqualFold(path[:3], "%2f") {
		w.fromRoot, path = true, strings.TrimLeft(path[3:], "/")
	}
	parts := strings.Split(path, "/")
	w.dirs, w.name = parts[:len(parts)-1], parts[len(parts)-1]
	return w, ""
}

// connectTo opens the control connection.
func (s *session) connectTo(host string) server.Status {
	c, r := s.call, s.r
	conn, st := c.Acquire("FTP")
	if st != server.OK {
		return st
	}
	s.conn = conn
	conn.Close = true
	if err := c.Resolve(conn); err != nil {
		s.release()
		return r.ProxyError(502, "Error resolving backend address")
	}
	if c.Blocked(host) {
		return s.fail(403, "Connect to remote machine blocked")
	}
	if err := c.Connect(conn); err != nil {
		s.release()
		return 503
	}
	conn.Close = true
	elog.Trace(1, r).Msg("control connection complete")
	return server.OK
}

const badSlash = "Use of /%2f is only allowed at the base directory"

// walk goes to the directory, step by step: how the server's paths look nobody knows.
func (s *session) walk(w want) server.Status {
	if w.fromRoot {
		if code, _ := s.command("CWD /"); lost(code) {
			return s.fail(502, "Error reading from remote server")
		}
	}
	for _, dir := range w.dirs {
		dir = unescape(dir)
		if strings.Contains(dir, "/") {
			return s.fail(400, badSlash)
		}
		if st := s.change(dir); st != server.OK {
			return st
		}
	}
	return server.OK
}

// answer is what the server is about to send.
type answer struct {
	list     bool
	size     string // as the server told it; "" when it did not
	modified time.Time
}

// fetch asks for the file, or for the directory's list where it is none, and
// hands it on.
func (s *session) fetch(w want) server.Status {
	r := s.r
	name := unescape(w.name)
	if strings.Contains(name, "/") {
		return s.fail(400, badSlash)
	}
	a := answer{list: w.list}
	if name == "" || hasGlobbing(name) && s.conf.list.Else(true) {
		a.list = true
	} else {
		s.setType(w.kind) // the size depends on it
		code, text := s.command("SIZE " + s.escaped(name))
		switch {
		case lost(code):
			return s.fail(502, "Error reading from remote server")
		case code == 213:
			a.size = leadingDigits(text)
		case code == 550:
			elog.Trace(4, r).Msg("SIZE shows this is a directory")
			a.list = true
			if st := s.change(name); st != server.OK {
				return st
			}
			name = ""
		}
	}
	dir, known := s.workingDirectory()
	var code int
	var text string
	if a.list {
		s.setType('A')
		if name != "" {
			code, text = s.command("LIST " + name) // a pattern is for the server
		} else {
			code, text = s.command(listCommand(dir, known))
		}
	} else {
		s.setType(w.kind)
		if code, text = s.command("MDTM " + s.escaped(name)); code == 213 {
			a.modified = timeOf(text)
		}
		code, text = s.command("RETR " + s.escaped(name))
	}
	if code == 550 {
		elog.Trace(4, r).Msg("RETR failed, trying LIST instead")
		a.list = true
		s.setType('A')
		if st := s.change(name); st != server.OK {
			return st
		}
		dir, known = s.workingDirectory()
		code, text = s.command(listCommand(dir, known))
	}
	if st := s.unless(code, text, 125, 150, 226, 250); st != server.OK {
		return st
	}
	return s.relay(w, a)
}

// listCommand is how a directory is asked for. One whose path has no slash is of
// a system that may not know the switches of ls(1).
func listCommand(dir string, known bool) string {
	if !known || strings.Contains(dir, "/") {
		return "LIST -lag"
	}
	return "LIST"
}

func leadingDigits(s string) string {
	i := 0
	for i < len(s) && digit(s[i]) {
		i++
	}
	return s[:i]
}

func timeOf(text string) time.Time {
	t, ok := modified(text)
	if !ok {
		return time.Time{}
	}
	return time.Date(t[0], time.Month(t[1]), t[2], t[3], t[4], t[5], 0, time.UTC)
}

// head sets the fields of the response.
func (s *session) head(w want, a answer) {
	r := s.r
	r.Status, r.StatusLine = 200, "200 OK"
	if a.list {
		r.ContentType = "text/html;charset=" + s.conf.charset.Else("ISO-8859-1")
		r.ContentEncoding = ""
	} else if w.kind != 'A' && a.size != "" {
		r.Out.Set("Content-Length", a.size)
		elog.Trace(3, r).Msgf("Content-Length set to %s", a.size)
	}
	if r.ContentType != "" {
		r.Out.Set("Content-Type", r.ContentType)
		elog.Trace(3, r).Msgf("Content-Type set to %s", r.ContentType)
	}
	if !a.modified.IsZero() && a.modified.Unix() != 0 {
		date := a.modified.Format(http.TimeFormat)
		r.Out.Set("Last-Modified", date)
		elog.Trace(3, r).Msgf("Last-Modified set to %s", date)
	}
	if r.ContentEncoding != "" {
		elog.Trace(3, r).Msgf("Content-Encoding set to %s", r.ContentEncoding)
		r.Out.Set("Content-Encoding", r.ContentEncoding)
	}
}

// relay hands on what comes over the data connection, and says goodbye.
func (s *session) relay(w want, a answer) server.Status {
	r := s.r
	s.head(w, a)
	if err := s.accept(); err != nil {
		elog.Error(r).Err(server.ErrnoOf(err)).Msg("AH01053: failed to accept data connection")
		return 502
	}
	if a.list {
		r.AddOutputFilter(listingFilter, nil)
	}
	if !r.HeaderOnly {
		elog.Trace(3, r).Msg("start body send")
		size := max(s.call.BufferSize(), 512)
		if r.Out.Has("Content-Length") {
			size = max(size, 64<<10) // else the pieces can be seen
		}
		s.body(make([]byte, size))
		elog.Trace(3, r).Msg("end body send")
	}
	s.data.close()
	elog.Debug(r).Msg("AH01058: data connection closed")
	if r.Conn.Aborted {
		return server.OK // nobody waits for what the server says to it
	}
	s.command("")
	s.command("QUIT")
	return server.OK
}

// body passes each piece on as it comes. A server that ends in the middle is not
// told from one that has sent all.
func (s *session) body(buf []byte) {
	for {
		n, err := s.data.Read(buf)
		if n > 0 {
			s.call.Worker.Shared.Read().Add(uint64(n))
			b := server.Brigade{Buckets: []server.Bucket{{Mem: buf[:n]}}, Flush: true, Streamed: true}
			if s.r.PassBrigade(&b) != nil || s.r.Conn.Aborted {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
