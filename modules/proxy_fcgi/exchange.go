package proxy_fcgi

import (
	"io"
	"strconv"
	"strings"
	"sync"

	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/fcgi"
)

// exchange is one request and its answer.
type exchange struct {
	call *server.ProxyCall
	r    *server.Request
	conf *config
	conn *server.ProxyConn
	body *server.ProxyBody
	in   fcgi.Records
	what string // what is being done, for the log
	keep bool   // the application keeps the connection

	// What went out for a request without a body, and where; nil when no later one
	// can go the same way by itself.
	sent []byte
	way  server.Forwarding
}

// serve has the application answer (proxy_fcgi_handler).
func serve(c *server.ProxyCall) server.Status {
	r := c.R
	if len(c.URL) < 5 || !strings.EqualFold(c.URL[:5], "fcgi:") {
		elog.Debug(r).Msgf("AH01077: declining URL %s", c.URL)
		return server.Declined
	}
	elog.Debug(r).Msgf("AH01078: serving URL %s", c.URL)
	conn, s := c.Acquire("FCGI")
	if s != server.OK {
		return s
	}
	// An application may have no time for other connections while it keeps one:
	// only who asks for it gets that.
	reuse, given := c.Worker.Params.DisableReuse.Get()
	conn.Close = !given || reuse || c.Worker.NoReuse
	x := &exchange{call: c, r: r, conf: slot.Of(r.Dir), conn: conn}
	defer x.release()
	x.keep = !conn.Close
	if x.body, s = c.MeasuredBody(); s != server.OK {
		return s
	}
	if !conn.InFlight() {
		if s := x.connect(); s != server.OK {
			return s
		}
	}
	return x.run()
}

// connect makes the connection.
func (x *exchange) connect() server.Status {
	if err := x.call.Resolve(x.conn); err != nil {
		return x.r.ProxyErrorOf(500, err, "DNS lookup failure for: "+x.conn.Hostname)
	}
	if err := x.call.Connect(x.conn); err != nil {
		elog.Error(x.r).Msgf("AH01079: failed to make connection to backend: %s", x.conn.Hostname)
		return 503
	}
	return server.OK
}

// out are buffers for what is sent.
var out = sync.Pool{New: func() any { b := make([]byte, 0, 4096); return &b }}

// run is the exchange on a connection (fcgi_do_request).
func (x *exchange) run() server.Status {
	buf := out.Get().(*[]byte)
	b := fcgi.AppendBegin((*buf)[:0], fcgi.Responder, x.keep)
	defer func() { *buf = b[:0]; out.Put(buf) }()
	if err := x.environment(); err != nil {
		elog.Error(x.r).Msgf("AH01074: Failed writing Environment to %s:", x.serverPort())
		x.conn.Close = true
		return 503
	}
	b = x.appendParams(b)
	if len(x.body.Ahead) > 0 {
		b = fcgi.AppendStdin(b, x.body.Ahead)
	}
	if !x.body.More() {
		b = fcgi.AppendStdin(b, nil)
	}
	if s := x.dispatch(b); s != server.OK {
		return s
	}
	if x.body.More() {
		s, err := x.sendBody()
		if s != server.OK {
			return s
		}
		if err != nil { // it may have answered all the same
			x.conn.Close = true
		}
	} else if len(x.body.Ahead) == 0 && !x.keep && len(x.conf.fixups) == 0 && x.call.Balancer == nil && x.call.Remote == nil {
		x.sent = b
	}
	return x.receive()
}

// dispatch sends the request, unless that is what is under way.
func (x *exchange) dispatch(b []byte) server.Status {
	if x.conn.InFlight() {
		if same, _ := x.call.Send(x.conn, b); same { // an error comes again when the answer is read
			x.call.Worker.Shared.Transferred().Add(uint64(len(b)))
			return server.OK
		}
		if s := x.connect(); s != server.OK {
			return s
		}
	}
	if err := x.write(b); err != nil {
		elog.Error(x.r).Err(server.ErrnoOf(err)).Msgf("AH01073: Failed Writing Request to %s:", x.serverPort())
		x.conn.Close = true
		return 503
	}
	return server.OK
}

func (x *exchange) write(p []byte) error {
	x.call.Worker.Shared.Transferred().Add(uint64(len(p)))
	_, err := x.conn.Write(p)
	return err
}

// sendBody sends what is left of the body. A status is the client's fault, an
// error the application's.
func (x *exchange) sendBody() (server.Status, error) {
	piece := make([]byte, 16<<10)
	b := make([]byte, 0, len(piece)+64)
	for {
		n, err := x.body.Read(x.r, piece)
		b = b[:0]
		if n > 0 {
			b = fcgi.AppendStdin(b, piece[:n])
		}
		if err == io.EOF {
			b = fcgi.AppendStdin(b, nil)
		} else if err != nil {
			x.conn.Close = true
			x.what = "reading input brigade"
			x.failed(err)
			return x.r.BodyFailed(err), nil
		}
		if werr := x.write(b); werr != nil {
			x.what = "sending stdin"
			return server.OK, werr
		}
		if err == io.EOF {
			return server.OK, nil
		}
	}
}

// serverPort is how lines of the log call where the client's request came in.
func (x *exchange) serverPort() string {
	port := ""
	if n := x.r.ServerPort(); n != 80 {
		port = ":" + strconv.Itoa(n)
	}
	return port
}

// release gives the connection back as soon as all has come.
func (x *exchange) release() {
	if x.conn != nil {
		x.conn.Release()
		x.conn = nil
	}
}
