package authnz_fcgi

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/netip"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/backend"
	"github.com/donjon-httpd/donjon/server/fcgi"
)

// Roles that an authorizer is told (FCGI_APACHE_ROLE).
const (
	authenticator = "AUTHENTICATOR"
	authorizer    = "AUTHORIZER"
)

// ioTime is how long an authorizer may take each time (FCGI_IO_TIMEOUT).
const ioTime = 30 * time.Second

// Bounds of an answer: its fields, and the body of a refusal (NON200_RESPONSE_BUF_LEN).
const (
	maxHead = 64 << 10
	maxBody = 8192
)

// passed marks a request that a combined provider has let through.
type passed struct{ provider string }

var passes server.RequestSlot[passed]

// ask asks the authorizer. It gives the status of its answer, 500 when there is
// none, and the body (req_rsp).
func (p *provider) ask(r *server.Request, password, role string) (server.Status, string) {
	r.Unrepeatable()
	saved := r.Env.Clone()
	environment(r, password, role)
	env := r.Env
	r.Env = saved
	conn, err := p.connect(r)
	if err != nil {
		return 500, ""
	}
	defer conn.Close()
	b := fcgi.AppendBegin(nil, fcgi.Authorizer, false)
	params := fcgi.BeginParams(b)
	for _, f := range env.All() {
		if !params.Add(f.Name, f.Value) {
			elog.Warn(r).Msgf("AH02499: couldn't encode envvar '%s' in %d bytes", f.Name, fcgi.MaxContent)
		}
	}
	if _, err := conn.Write(params.End()); err != nil {
		elog.Error(r).Err(server.ErrnoOf(err)).Msgf("AH02498: Sending data to %s failed", p.backend)
		elog.Error(r).Err(server.ErrnoOf(err)).Msgf("AH02512: req_rsp: Failed writing environment to %s", p.backend)
		return 500, ""
	}
	head, body, err := p.read(r, conn)
	if err != nil {
		elog.Error(r).Err(err).Msgf("AH02514: req_rsp: Failed handling response from %s", p.backend)
		return 500, ""
	}
	r.Status, r.StatusLine = 200, ""
	if s, _ := r.ScanScript(elog, bufio.NewReader(bytes.NewReader(head)), true); s != server.OK {
		elog.Error(r).Msgf("AH02506: handle_response: Error parsing script headers from %s", p.backend)
		elog.Error(r).Err(errInvalid).Msgf("AH02514: req_rsp: Failed handling response from %s", p.backend)
		return 500, ""
	}
	s := server.Status(r.Status)
	elog.Debug(r).Msgf("AH02515: req_rsp: Received HTTP status %d", int(s))
	if s == 200 {
		takeVariables(r)
	}
	return s, body
}

// errInvalid is APR_EINVAL.
var errInvalid = errors.New("(22)Invalid argument")

// environment tells r.Env what an authorizer is told (setupenv).
func environment(r *server.Request, password, role string) {
	r.AddCommonVars()
	r.AddCGIVars()
	r.Env.Set("FCGI_ROLE", authorizer)
	if role != "" {
		r.Env.Set("FCGI_APACHE_ROLE", role)
	}
	if password != "" {
		r.Env.Set("REMOTE_PASSWD", password)
	}
	for _, name := range [...]string{"CONTENT_LENGTH", "PATH_INFO", "PATH_TRANSLATED", "SCRIPT_NAME", "HTTP_KEEP_ALIVE", "HTTP_TE", "HTTP_TRAILER",
		"HTTP_TRANSFER_ENCODING", "HTTP_UPGRADE"} {
		r.Env.Unset(name)
	}
	r.Env.Set("HTTP_CONNECTION", "close")
}

// connect opens a connection to the first address that takes one.
func (p *provider) connect(r *server.Request) (*backend.Conn, error) {
	err := errors.New("no address")
	for _, a := range p.addrs {
		var c *backend.Conn
		if c, err = backend.DialTCP(netip.AddrPortFrom(a.Addr(), a.Port()), backend.Options{Timeout: ioTime, ConnectTimeout: ioTime}); err == nil {
			return c, nil
		}
		elog.Error(r).Err(server.ErrnoOf(err)).Msgf("AH02495: attempt to connect to %s (%s) failed", a, p.backend)
	}
	return nil, err
}

// read reads an answer: its fields with their end, and the beginning of its body
// that came with them (handle_response).
func (p *provider) read(r *server.Request, conn io.Reader) (head []byte, body string, err error) {
	in := fcgi.Records{In: bufio.NewReader(conn)}
	var all []byte
	end := -1
	for !in.Done {
		piece, err := in.Piece(4096)
		if err == nil && len(piece) == 0 {
			var kind byte
			if kind, err = in.Next(); err == nil && kind != fcgi.Stdout && kind != fcgi.Stderr && kind != fcgi.End {
				elog.Error(r).Msgf("AH02508: handle_response: Got bogus FastCGI record type %d", kind)
			}
		}
		if err != nil {
			return nil, "", p.broke(r, err)
		}
		switch {
		case len(piece) == 0:
		case in.Kind == fcgi.Stderr:
			elog.Warn(r).Msgf("AH02507: handle_response: Logged from %s: '%s'", p.backend, piece)
		case in.Kind == fcgi.Stdout && len(all) < maxHead:
			all = append(all, piece...)
			if end < 0 {
				end = headEnd(all)
			}
		}
	}
	if end < 0 {
		elog.Error(r).Msg("AH02510: handle_response: Never reached end of script headers")
		return nil, "", errInvalid
	}
	return all[:end], string(all[end:min(len(all), end+maxBody)]), nil
}

// headEnd is where the empty line behind the fields ends; -1 when it has not come.
func headEnd(b []byte) int {
	end := -1
	for _, mark := range []string{"\n\n", "\r\n\r\n"} {
		if i := bytes.Index(b, []byte(mark)); i >= 0 && (end < 0 || i+len(mark) < end) {
			end = i + len(mark)
		}
	}
	return end
}

// broke words what was wrong with the records.
func (p *provider) broke(r *server.Request, err error) error {
	var bad *fcgi.RecordError
	switch {
	case errors.As(err, &bad) && bad.Version:
		elog.Error(r).Msgf("AH02502: handle_response: %s", strings.Replace(bad.Text, "bogus version", "bogus FastCGI header version", 1))
		return errInvalid
	case errors.As(err, &bad):
		elog.Error(r).Msgf("AH02503: handle_response: %s", strings.Replace(bad.Text, "bogus rid", "bogus FastCGI header request id", 1))
		return errInvalid
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("(70014)End of file found")
		elog.Error(r).Msgf("AH02497: Couldn't read from backend %s", p.backend)
	} else {
		err = server.ErrnoOf(err)
		elog.Error(r).Err(err).Msgf("AH02497: Couldn't read from backend %s", p.backend)
	}
	elog.Error(r).Err(err).Msg("AH02501: handle_response: Error occurred before reading entire header")
	return err
}

// takeVariables moves fields Variable-NAME of the answer to the variables.
func takeVariables(r *server.Request) {
	fields := r.ErrOut.Clone()
	for _, f := range fields.All() {
		const prefix = "Variable-"
		if len(f.Name) < len(prefix) || !strings.EqualFold(f.Name[:len(prefix)], prefix) {
			continue
		}
		elog.Trace(2, r).Msgf("moving %s->%s", f.Name, f.Value)
		r.ErrOut.Unset(f.Name)
		r.Env.Set(f.Name[len(prefix):], f.Value)
	}
}
