package proxy_ajp

import (
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/backend"
)

func portText(p uint16) string { return strconv.Itoa(int(p)) }

// exchange is one request and its answer.
type exchange struct {
	call *server.ProxyCall
	r    *server.Request
	conn *server.ProxyConn
	size int // of messages
	msg  []byte

	headers  bool // the fields of the answer came
	override server.Status
	begun    bool // something of the body was sent on
}

// serve has the container answer (proxy_ajp_handler).
func serve(c *server.ProxyCall) server.Status {
	r := c.R
	if len(c.URL) < 6 || !strings.EqualFold(c.URL[:6], "ajp://") {
		elog.Debug(r).Msgf("AH00894: declining URL %s", c.URL)
		return server.Declined
	}
	elog.Debug(r).Msgf("AH00895: serving URL %s", c.URL)
	conn, s := c.Acquire("AJP")
	if s != server.OK {
		return s
	}
	defer conn.Release()
	x := &exchange{call: c, r: r, conn: conn, size: defaultSize}
	if n, ok := c.Conf.IOBufferSize.Get(); ok {
		x.size = min(max(n, defaultSize), maximalSize) &^ 1023
	}
	if err := c.Resolve(conn); err != nil {
		return r.ProxyErrorOf(500, err, "DNS lookup failure for: "+conn.Hostname)
	}
	closes := conn.Close
	for attempt := 0; ; attempt++ {
		conn.Close = false
		if err := c.Connect(conn); err != nil {
			elog.Error(r).Msgf("AH00896: failed to make connection to backend: %s", conn.Hostname)
			return 503
		}
		conn.Close = closes
		limit, ok := c.Worker.Params.Ping.Get()
		if !ok {
			break
		}
		conn.SetTimeout(limit)
		err := ping(conn)
		conn.SetTimeout(c.Timeout())
		if err == nil {
			break
		}
		elog.Error(r).Err(server.ErrnoOf(err)).Msgf("AH00897: cping/cpong failed to %s (%s:%d)", conn.Address(), conn.Hostname, conn.Port)
		conn.Close = true
		if attempt > 0 {
			return 503
		}
		conn.Conn.Close() //nolint:errcheck // it is of no use; Connect makes another
	}
	return x.run()
}

// ping asks whether the container is there (ajp_handle_cping_cpong).
func ping(conn *server.ProxyConn) error {
	w := newWriter(defaultSize)
	w.byte(cping)
	if _, err := conn.Write(w.bytes()); err != nil {
		return err
	}
	b, err := readMessage(conn.R, nil, defaultSize)
	if err == nil && (len(b) != 1 || b[0] != cpong) {
		err = errMessage
	}
	return err
}

func (x *exchange) write(p []byte) error {
	x.call.Worker.Shared.Transferred().Add(uint64(len(p)))
	_, err := x.conn.Write(p)
	return err
}

// run is the exchange on a connection (ap_proxy_ajp_request).
func (x *exchange) run() server.Status {
	r := x.r
	te, chunked := r.Header["Transfer-Encoding"]
	if chunked && !strings.EqualFold(te[0], "chunked") {
		elog.Error(r).Msgf("AH10396: %s Transfer-Encoding is not supported", te[0])
		return 500
	}
	w := x.request()
	if w.full {
		x.conn.Close = true
		elog.Error(r).Msgf("AH00868: request failed to %s (%s:%d)", x.conn.Address(), x.conn.Hostname, x.conn.Port)
		return 400
	}
	out := w.bytes()
	if !chunked && r.ContentLength != 0 {
		// Of a body whose length is known the container wants the first piece at once.
		p, s := x.nextPiece(x.size - chunkHead)
		if s != server.OK {
			return s
		}
		if len(p) > 0 {
			out = appendChunk(out, p)
		} else if r.ContentLength > 0 {
			x.conn.Close = true
			elog.Error(r).Msgf("AH00877: read zero bytes, expecting %d bytes", r.ContentLength)
			return 400
		}
	}
	if err := x.write(out); err != nil {
		x.conn.Close = true
		elog.Error(r).Err(server.ErrnoOf(err)).Msgf("AH00868: request failed to %s (%s:%d)", x.conn.Address(), x.conn.Hostname, x.conn.Port)
		if !idempotent(r.Method) {
			return 500
		}
		return 503
	}
	return x.receive()
}

// idempotent tells whether a request may be sent to another container after one
// may have got it (RFC 9110 section 9.2.2).
func idempotent(method string) bool {
	switch method {
	case "GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE":
		return true
	}
	return false
}

// nextPiece reads some of the request's body; nothing is its end.
func (x *exchange) nextPiece(most int) ([]byte, server.Status) {
	if x.r.Main != nil || x.r.Body == nil {
		return nil, server.OK
	}
	p := make([]byte, most)
	for {
		n, err := x.r.Body.Read(p)
		switch {
		case n > 0, err == io.EOF:
			return p[:n], server.OK
		case err != nil:
			x.conn.Close = true
			elog.Debug(x.r).Err(err).Msg("AH00871: ap_get_brigade failed")
			return nil, x.r.BodyFailed(err)
		}
	}
}

// receive reads the container's messages until it says that it is done.
func (x *exchange) receive() server.Status {
	r := x.r
	for first := true; ; first = false {
		b, err := readMessage(x.conn.R, x.msg, x.size)
		if err != nil {
			return x.broke(err, first)
		}
		x.msg = b
		switch b[0] {
		case getBodyChunk:
			if s := x.more(); s != server.OK {
				return s
			}
		case sendHeaders:
			if x.headers {
				elog.Debug(r).Msg("AH00884: Backend sent headers twice.")
				return x.broke(errMessage, false)
			}
			if err := x.fields(b[1:]); err != nil {
				return x.broke(err, false)
			}
		case sendBodyChunk:
			p, err := parseChunk(b[1:])
			if err != nil {
				return x.broke(err, false)
			}
			if s := x.pass(p); s != server.OK {
				return s
			}
		case endResponse:
			if len(b) < 2 || b[1] == 0 {
				x.conn.Close = true
			}
			return x.end()
		default:
			return x.broke(errMessage, false)
		}
	}
}

// more sends the piece of body that the container asks for.
func (x *exchange) more() server.Status {
	p, s := x.nextPiece(x.size - chunkHead)
	if s != server.OK {
		return s
	}
	if err := x.write(appendChunk(nil, p)); err != nil {
		elog.Debug(x.r).Err(server.ErrnoOf(err)).Msg("AH00882: ajp_send_data_msg failed")
		return x.broke(err, false)
	}
	return server.OK
}

// fields takes the head of the answer over (ajp_unmarshal_response).
func (x *exchange) fields(b []byte) error {
	r := x.r
	status, words, hasWords, fields, err := parseHeaders(b)
	if err != nil {
		return err
	}
	x.headers = true
	r.Status, r.StatusLine = status, ""
	if hasWords {
		r.StatusLine = strconv.Itoa(status) + " " + words
	}
	for _, f := range fields {
		switch server.LowerASCII(f.name) {
		case "set-cookie":
			f.value = r.ProxyCookie(f.value)
		case "location", "content-location", "uri", "destination":
			f.value = r.ProxyLocation(f.value)
		case "content-type":
			r.ContentType = f.value
		}
		r.Out.Add(f.name, f.value)
	}
	if dir := server.ProxyDir.Of(r.Dir); dir.Overrides(r.Status) {
		x.override = server.Status(r.Status)
		if v, ok := r.Out.Lookup("WWW-Authenticate"); ok && r.Status == 401 {
			r.ErrOut.Set("WWW-Authenticate", v)
		} else if r.Status == 401 {
			elog.Error(r).Msg("AH00885: ap_proxy_ajp_request: origin server sent 401 without WWW-Authenticate header")
		}
		r.Status = 200
	}
	if !r.Env.Has("ap_trust_cgilike_cl") {
		r.Out.Unset("Content-Length") // AJP's own framing counts
	}
	r.Out.Unset("Transfer-Encoding")
	return nil
}

// pass hands a piece of body on; an empty one asks for what there is to be sent.
func (x *exchange) pass(p []byte) server.Status {
	r := x.r
	if x.override != 0 {
		return server.OK
	}
	if !x.headers {
		elog.Debug(r).Msg("AH00886: Ignoring flush message received before headers")
		return server.OK
	}
	b := server.Brigade{Streamed: true, Flush: len(p) == 0 || x.conn.R.Buffered() == 0}
	if len(p) > 0 {
		b.Buckets = []server.Bucket{{Mem: p}}
		x.call.Worker.Shared.Read().Add(uint64(len(p)))
	}
	x.begun = true
	if err := r.PassBrigade(&b); err != nil || r.Conn.Aborted {
		elog.Debug(r).Msg("AH02821: client connection aborted")
		x.conn.Close = true
		return server.Done
	}
	return server.OK
}

// end ends the answer.
func (x *exchange) end() server.Status {
	r := x.r
	if x.override != 0 {
		r.Notes.Set("proxy-error-override", "1")
		return x.override
	}
	elog.Debug(r).Msgf("AH00892: got response from %s (%s:%d)", x.conn.Address(), x.conn.Hostname, x.conn.Port)
	var err error
	if x.begun {
		err = r.EndWith(&server.Brigade{Streamed: true})
	} else {
		err = r.End()
	}
	if err != nil {
		return server.Done
	}
	return server.OK
}

// broke ends an exchange that the container did not complete; first says that it
// has not answered at all.
func (x *exchange) broke(err error, first bool) server.Status {
	r := x.r
	x.conn.Close = true
	x.complain(err)
	var bad *messageError
	switch what := cause(err); {
	case first:
		elog.Error(r).Err(what).Msgf("AH00878: read response failed from %s (%s:%d)", x.conn.Address(), x.conn.Hostname, x.conn.Port)
	case errors.Is(err, errMessage) && !errors.As(err, &bad):
		elog.Error(r).Msgf("AH00893: dialog to %s (%s:%d) failed", x.conn.Address(), x.conn.Hostname, x.conn.Port)
	default:
		elog.Error(r).Err(what).Msgf("AH00893: dialog to %s (%s:%d) failed", x.conn.Address(), x.conn.Hostname, x.conn.Port)
	}
	switch {
	case r.HeadSent:
		r.Truncate()
		return server.Done
	case errors.Is(err, backend.ErrTimeout):
		r.Notes.Set("proxy_timedout", "1")
		return 503
	case !idempotent(r.Method):
		return 500
	}
	return 503
}

// complain says what was wrong with a message (ajp_ilink_receive).
func (x *exchange) complain(err error) {
	var bad *messageError
	switch {
	case errors.As(err, &bad):
		elog.Error(x.r).Msg(bad.text)
		elog.Error(x.r).Msg("AH01031: ajp_ilink_receive() received bad header")
	case errors.Is(err, errMessage):
		return
	default:
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errEnd
		}
		elog.Error(x.r).Err(server.ErrnoOf(err)).Msg("AH01030: ajp_ilink_receive() can't receive header")
	}
	elog.Error(x.r).Msg("AH00992: ajp_read_header: ajp_ilink_receive failed")
}

var (
	errEnd      = errors.New("(70014)End of file found")
	errNoHeader = errors.New("(120006)APR does not understand this error code")
	errBadHead  = errors.New("(120007)APR does not understand this error code")
)

// cause spells an error as Apache does, with the numbers of its AJP_ errors.
func cause(err error) error {
	var bad *messageError
	switch {
	case errors.As(err, &bad):
		return errBadHead
	case errors.Is(err, backend.ErrTimeout):
		return backend.ErrTimeout
	}
	return errNoHeader
}
