package proxy_hcheck

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http/httputil"
	"strconv"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf/expr"
	"github.com/donjon-httpd/donjon/server"
)

// check is one check of a worker.
type check struct {
	g        *server.Generation
	v        *directives.Server
	worker   *server.ProxyWorker
	how      server.ProxyHealthCheck
	threaded string // "Threaded " in the log's lines
}

func (k *check) subject() server.Subject { return server.ServerSubject(k.g, k.v) }

// run checks the worker and says so in its state (hc_check).
func (k *check) run() {
	w, at := k.worker, k.subject()
	began := time.Now()
	elog.Debug(at).Msgf("AH03256: %sHealth checking %s", k.threaded, w.Name)
	err := k.ask()
	status := 0
	if err != nil {
		status = -1
	}
	if e := elog.Debug(at); e != nil {
		e.Msgf("AH03251: Health check %s Status (%d) for %s.", k.how.Method, status, w.Name)
	}
	k.settle(err == nil, began)
	w.Shared.Updated().Store(uint64(began.UnixMicro()))
}

// settle counts the check; when there were enough of a kind, the worker serves no
// more, or again.
func (k *check) settle(well bool, began time.Time) {
	w, s := k.worker, k.worker.Shared
	switch {
	case s.Status()&server.ProxyHCFail != 0 && well:
		if s.CheckPasses().Add(1) >= uint64(k.how.Passes) {
			s.SetStatus(0, server.ProxyHCFail|server.ProxyInError)
			s.CheckPasses().Store(0)
			elog.Info(k.subject()).Msgf("AH03302: %sHealth check ENABLING %s", k.threaded, w.Name)
		}
	case s.Status()&server.ProxyHCFail == 0 && !well:
		s.SetErrorTime(began)
		if s.CheckFails().Add(1) >= uint64(k.how.Fails) {
			s.SetStatus(server.ProxyHCFail, 0)
			s.CheckFails().Store(0)
			elog.Info(k.subject()).Msgf("AH03303: %sHealth check DISABLING %s", k.threaded, w.Name)
		}
	}
}

// methods are the request's method and version for those that speak HTTP.
var methods = map[server.ProxyCheckMethod][2]string{
	server.ProxyCheckOptions: {"OPTIONS", "HTTP/1.0"}, server.ProxyCheckHead: {"HEAD", "HTTP/1.0"}, server.ProxyCheckGet: {"GET", "HTTP/1.0"},
	server.ProxyCheckOptions11: {"OPTIONS", "HTTP/1.1"}, server.ProxyCheckHead11: {"HEAD", "HTTP/1.1"}, server.ProxyCheckGet11: {"GET", "HTTP/1.1"},
}

// ask checks the worker once; an error says what is wrong.
func (k *check) ask() error {
	name := "HCOH"
	switch k.how.Method {
	case server.ProxyCheckTCP:
		name = "HCTCP"
	case server.ProxyCheckCPing:
		name = "HCCPING"
	}
	how, speaks := methods[k.how.Method]
	if !speaks && name == "HCOH" {
		elog.Error(k.subject()).Msgf("AH03257: Somehow tried to use unimplemented hcheck method: %d", k.how.Method)
		return errors.New("nobody can check so")
	}
	call := k.g.NewProxyCheck(k.v, k.worker, how[0])
	conn, s := call.Acquire(name)
	if s != server.OK {
		return fmt.Errorf("no connection: %d", s)
	}
	defer conn.Release()
	tls := call.Worker.Scheme == "https"
	if tls && !k.g.SpeaksProxyTLS() {
		elog.Warn(k.subject()).Msg("AH03252: mod_ssl not configured?")
		return server.ErrNoProxyTLS
	}
	if err := call.Resolve(conn); err != nil {
		elog.Debug(k.subject()).Msgf("AH03249: DNS lookup failure for: %s:%d", conn.Hostname, conn.Port)
		return err
	}
	if err := call.Connect(conn); err != nil {
		return err
	}
	conn.Close = true
	if name == "HCTCP" {
		return nil
	}
	if name == "HCCPING" {
		return k.g.ProxyPing(conn)
	}
	if tls {
		if err := conn.StartTLS(call, call.Worker.Hostname); err != nil {
			return err
		}
	}
	request := k.request(how[0], how[1])
	if e := elog.Trace(7, k.subject()); e != nil {
		e.Msg(request)
	}
	if _, err := io.WriteString(conn, request); err != nil {
		return err
	}
	if err := k.read(call.R, conn.R); err != nil {
		return err
	}
	return k.judge(call.R)
}

// request is what is sent (create_hcheck_req). A worker without a path and hcuri
// is asked for "/": Apache's target is empty then, which is no request.
func (k *check) request(method, version string) string {
	target := "*"
	if method != "OPTIONS" {
		target = pathOf(k.worker.Name)
		if target != "" && k.how.URI != "" {
			target += "/"
		}
		if target += k.how.URI; !strings.HasPrefix(target, "/") {
			target = "/" + target
		}
	}
	return fmt.Sprintf("%s %s %s\r\nHost: %s:%d\r\n\r\n", method, target, version, k.worker.Hostname, k.worker.Port)
}

func pathOf(url string) string {
	_, rest, _ := strings.Cut(url, "://")
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		return rest[i:]
	}
	return ""
}

const (
	maxLine = 8192
	// maxBody is how much of an answer is kept for hc('body').
	maxBody = 1 << 20
)

var errAnswer = errors.New("the answer is no response of HTTP/1")

// read reads the response into r: status, fields and body (hc_read_headers,
// hc_read_body).
func (k *check) read(r *server.Request, in *bufio.Reader) error {
	line, err := readLine(in)
	if err != nil {
		return err
	}
	elog.Debug(k.subject()).Msgf("AH03254: %s", line)
	if len(line) < 12 || !strings.HasPrefix(line, "HTTP/1.") || line[7] < '0' || line[7] > '9' || line[8] != ' ' {
		return errAnswer
	}
	if r.Status, err = strconv.Atoi(line[9:12]); err != nil || r.Status < 0 {
		return errAnswer
	}
	r.StatusLine = line[9:]
	for {
		if line, err = readLine(in); err != nil {
			return err
		}
		if line == "" {
			break
		}
		if e := elog.Trace(7, k.subject()); e != nil {
			e.Msg(line)
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return errAnswer
		}
		r.Out.Add(name, strings.TrimSpace(value))
		if strings.EqualFold(name, "Content-Type") {
			r.ContentType = strings.TrimSpace(value)
		}
	}
	if r.HeaderOnly {
		return nil
	}
	body := io.Reader(in)
	if te, _ := r.Out.Lookup("Transfer-Encoding"); strings.EqualFold(te, "chunked") {
		body = httputil.NewChunkedReader(in)
	} else if text, ok := r.Out.Lookup("Content-Length"); ok {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 {
			return errAnswer
		}
		body = io.LimitReader(in, n)
	}
	if r.KeptBody, err = io.ReadAll(io.LimitReader(body, maxBody)); err != nil {
		elog.Debug(k.subject()).Err(server.ErrnoOf(err)).Msg("AH03300: Error reading response body")
	}
	return err
}

// readLine reads a line without its end.
func readLine(in *bufio.Reader) (string, error) {
	p, err := in.ReadSlice('\n')
	if err == nil && len(p) > maxLine {
		err = errAnswer
	}
	return strings.TrimRight(string(p), "\r\n \t"), err
}

// judge says whether the response is a good one: as the condition says, or by its
// status.
func (k *check) judge(r *server.Request) error {
	c := slot.Of(k.v).condition(k.how.Expr)
	if k.how.Expr == "" || c == nil {
		if r.Status < 200 || r.Status > 399 {
			elog.Trace(2, k.subject()).Msgf("Response status %d for %s: failed", r.Status, k.worker.Name)
			return errors.New("a bad status")
		}
		return nil
	}
	var caps expr.Captures
	ok, err := c.expr.Test(r, nil, &caps)
	switch {
	case err != nil:
		elog.Info(k.subject()).Msgf("AH03301: Error on checking condition %s for %s: %s", c.name, k.worker.Name, err)
		return err
	case !ok:
		elog.Trace(2, k.subject()).Msgf("Condition %s for %s : failed", c.name, k.worker.Name)
		return errors.New("the condition does not hold")
	}
	elog.Trace(2, k.subject()).Msgf("Condition %s for %s: passed", c.name, k.worker.Name)
	return nil
}
