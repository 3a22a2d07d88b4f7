package proxy_ftp

import (
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
)

// session is a dialogue with a server about one request.
type session struct {
	call *server.ProxyCall
	r    *server.Request
	conf *config
	conn *server.ProxyConn
	data *transfer // where what was asked for comes; nil until that is open
}

// Codes of replies (RFC 959, section 4.2.2) that are no replies: none could be read.
const (
	unread = -1
	gone   = 421
)

// command sends a command and reads the reply; "" only reads one. The code is
// unread when none comes (proxy_ftp_command).
func (s *session) command(cmd string) (code int, text string) {
	if cmd != "" {
		if e := elog.Trace(2, s.r); e != nil {
			shown := cmd
			if strings.HasPrefix(cmd, "PASS ") {
				shown = "PASS ****"
			}
			e.Msgf(">%s", shown)
		}
		p := []byte(cmd + "\r\n")
		s.call.Worker.Shared.Transferred().Add(uint64(len(p)))
		s.conn.Write(p) //nolint:errcheck // the reply does not come then
	}
	code, text, err := readReply(s.conn.R)
	if err != nil {
		code = unread
		if line, ok := err.(errMalformed); ok {
			elog.Info(s.r).Msgf("AH10229: Malformed FTP response '%s'", strings.TrimRight(string(line), "\r\n"))
		}
	}
	if code == unread || code == gone {
		text = "<unable to read result>"
	}
	if e := elog.Trace(2, s.r); e != nil {
		shown := strconv.Itoa(code)
		if code == unread {
			shown = "4294967295" // as Apache prints it
		}
		e.Msgf("<%s %s", strings.Repeat("0", max(3-len(shown), 0))+shown, text)
	}
	return code, text
}

// lost tells whether a code says that the server is not there any more.
func lost(code int) bool { return code == unread || code == gone }

func (s *session) fail(status server.Status, text string) server.Status {
	s.release()
	return s.r.ProxyError(status, text)
}

// unless answers what a reply with another code than the wanted ones comes to.
func (s *session) unless(code int, text string, wanted ...int) server.Status {
	if lost(code) {
		return s.fail(502, "Error reading from remote server")
	}
	for _, w := range wanted {
		if code == w {
			return server.OK
		}
	}
	return s.fail(502, text)
}

// release closes the control connection. It may be called again.
func (s *session) release() {
	if s.conn != nil {
		s.conn.Close = true
		s.conn.Release()
		s.conn = nil
	}
	s.data.close()
}

// login waits for the greeting and says who the user is; password is nil when
// none is known.
func (s *session) login(user string, password *string) server.Status {
	code, text := s.command("")
	if code == 120 {
		s.retryAfter(text)
		return s.fail(503, text)
	}
	if st := s.unless(code, text, 220); st != server.OK {
		return st
	}
	code, text = s.command("USER " + user)
	if code == 530 {
		return s.unauthorized(true)
	}
	if st := s.unless(code, text, 230, 331); st != server.OK {
		return st
	}
	if code == 331 {
		if password == nil {
			return s.unauthorized(false)
		}
		code, text = s.command("PASS " + *password)
		switch code {
		case 332:
			return s.fail(401, "Need account for login: "+text)
		case 530:
			return s.unauthorized(true)
		}
		if st := s.unless(code, text, 230, 202); st != server.OK {
			return st
		}
	}
	s.r.Notes.Set("Directory-README", text)
	return server.OK
}

// retryAfter tells the client when to come again: the first number of the reply
// to a connection that came too early is minutes (RFC 959, code 120).
func (s *session) retryAfter(text string) {
	for i := 0; i < len(text); i++ {
		if digit(text[i]) && (i == 0 || strings.IndexByte(" \t\n\v\f\r", text[i-1]) >= 0) {
			if minutes, _, ok := number(text[i:]); ok {
				s.r.Out.Add("Retry-After", strconv.Itoa(60*minutes))
			}
			return
		}
	}
}

// unauthorized asks for a user and a password (ftp_unauthorized). The realm is
// the site, with the user that the URL names.
func (s *session) unauthorized(tried bool) server.Status {
	s.release()
	r := s.r
	r.Proxied, r.Forward = false, false
	site := siteOf(r)
	if tried {
		elog.Info(r).Msgf("AH01035: missing or failed auth to %s", site.text(true))
	}
	r.ErrOut.Set("WWW-Authenticate", `Basic realm="`+site.text(false)+`"`)
	return 401
}

// setType says how files are sent: A, E or I. A server that knows no types is
// left alone. The caller goes on whatever comes of it, as Apache does.
func (s *session) setType(letter byte) {
	code, _ := s.command("TYPE " + string(letter))
	switch {
	case lost(code):
		s.r.ProxyError(502, "Error reading from remote server")
	case code != 200 && code != 504:
		s.r.ProxyError(502, "Unable to set transfer type")
	}
}

// workingDirectory asks where the server is; ok is false when it does not tell.
func (s *session) workingDirectory() (dir string, ok bool) {
	code, text := s.command("PWD")
	switch code {
	case unread, gone, 550:
		s.r.ProxyError(502, "Failed to read PWD on ftp server")
	case 257:
		dir, _ = httpdconf.Getword(text)
		s.r.Notes.Set("Directory-PWD", dir)
		return dir, true
	}
	return "", false
}

// change goes to a directory; one that is not there is not found.
func (s *session) change(dir string) server.Status {
	code, text := s.command("CWD " + s.escaped(dir))
	if code == 550 {
		return s.fail(404, text)
	}
	return s.unless(code, text, 250)
}

// escaped is a path for a command, as ProxyFtpEscapeWildcards says.
func (s *session) escaped(path string) string {
	if !s.conf.escape.Else(true) {
		return path
	}
	return escapeGlobbing(path)
}
