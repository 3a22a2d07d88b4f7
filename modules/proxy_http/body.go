package proxy_http

import (
	"io"
	"strconv"

	"github.com/donjon-httpd/donjon/server"
)

// How the request's body is framed towards the backend, never by what the client
// wrote (RFC 9112 section 6.3), but by what was read.

type framing uint8

const (
	noBody  framing = iota
	length          // Content-Length
	chunked         // Transfer-Encoding: chunked
)

// body is the request's body on its way.
type body struct {
	how   framing
	total int64  // of length
	read  []byte // what was read ahead
	end   bool   // read is all
	sent  int64
}

func (b *body) none() bool { return b.how == noBody && b.end && len(b.read) == 0 }

// prefetchSize is how much of a body is read before the backend is connected to
// (MAX_MEM_SPOOL): a body that ends before has a length.
const prefetchSize = 16384

// bodySlot keeps what was read of a body for another attempt of the same request.
var bodySlot server.RequestSlot[savedBody]

type savedBody struct {
	read []byte
	end  bool
	gone bool // some of it was sent and is not there any more
}

func (x *exchange) savedBody() *savedBody { return bodySlot.Of(x.r) }

// prefetch reads the beginning of the body and decides how it is framed
// (ap_proxy_http_prefetch).
func (x *exchange) prefetch(saved *savedBody) server.Status {
	r, b := x.r, &x.body
	te, hasTE := r.Header["Transfer-Encoding"]
	_, hasCL := r.Header["Content-Length"]
	if r.Main != nil && r.KeptBody == nil {
		x.conn.Close = true // a subrequest has no body, and must not read the main request's
		b.end = true
		return server.OK
	}
	if !hasTE && !hasCL && len(r.KeptBody) == 0 && r.ContentLength == 0 {
		b.end = true
		return server.OK
	}
	if hasTE && len(te) > 0 && !equalFold(te[0], "chunked") {
		elog.Error(r).Msgf("AH01093: %s Transfer-Encoding is not supported", te[0])
		return 500
	}
	if hasTE && hasCL {
		elog.Debug(r).Msgf("AH01094: client %s (%s) requested Transfer-Encoding chunked body with Content-Length (C-L ignored)", r.Conn.ClientIP, x.clientName())
		hasCL = false
		x.conn.Close = true
	}
	if saved != nil && saved.gone {
		elog.Error(r).Msgf("AH01086: read less bytes of request body than expected (got 0, expected %d)", max(r.ContentLength, 0))
		return 500
	}
	if saved == nil {
		saved = &savedBody{}
		bodySlot.Set(r, saved)
		if !x.waits && !r.Env.Has("proxy-prefetch-nonblocking") {
			if s := x.readAhead(saved); s != server.OK {
				return s
			}
		}
	}
	b.read, b.end = saved.read, saved.end
	cl := func() bool { return r.Env.Has("proxy-sendcl") }
	chunks := func() bool { return r.Env.Has("proxy-sendchunks") || r.Env.Has("proxy-sendchunked") }
	switch {
	case b.end:
		if hasCL || hasTE || len(b.read) > 0 {
			b.how, b.total = length, int64(len(b.read))
		}
	case hasTE && (x.force10 || cl() && !chunks()):
		return x.spool(saved)
	case hasTE:
		b.how = chunked
	case hasCL && !r.HasInputFilters() && r.ContentLength >= 0:
		b.how, b.total = length, r.ContentLength
	case hasCL && !x.force10 && chunks() && !cl():
		b.how = chunked
	default:
		return x.spool(saved)
	}
	x.frame()
	return server.OK
}

// frame writes the field that tells how long the body is.
func (x *exchange) frame() {
	switch x.body.how {
	case length:
		x.head = strconv.AppendInt(append(x.head, "Content-Length: "...), x.body.total, 10)
		x.head = append(x.head, "\r\n"...)
	case chunked:
		x.head = append(x.head, "Transfer-Encoding: chunked\r\n"...)
	}
}

// readAhead reads the body up to prefetchSize.
func (x *exchange) readAhead(saved *savedBody) server.Status {
	size := int64(prefetchSize)
	if n := x.r.ContentLength; n >= 0 && n < size {
		size = n + 1 // the end too
	}
	p := make([]byte, size)
	n := 0
	for n < len(p) {
		m, err := x.r.Body.Read(p[n:])
		n += m
		if err == io.EOF {
			saved.end = true
			break
		}
		if err != nil {
			elog2.Error(x.r).Err(server.ErrnoOf(err)).Msgf("AH01095: prefetch request body failed to %s (%s) from %s (%s)", x.conn.Address(), x.conn.Hostname,
				x.r.Conn.ClientIP, x.clientName())
			return x.r.BodyFailed(err)
		}
	}
	saved.read = p[:n]
	return server.OK
}

// spoolStep is how much room is made at a time for a body that is read in full
// before it is sent, because its length must be known.
const spoolStep = 64 << 10

// spool reads all of the body.
func (x *exchange) spool(saved *savedBody) server.Status {
	p := saved.read
	for !saved.end {
		if cap(p)-len(p) < spoolStep/2 {
			grown := make([]byte, len(p), 2*cap(p)+spoolStep)
			copy(grown, p)
			p = grown
		}
		m, err := x.r.Body.Read(p[len(p):cap(p)])
		p = p[:len(p)+m]
		if err == io.EOF {
			saved.end = true
		} else if err != nil {
			elog2.Error(x.r).Err(server.ErrnoOf(err)).Msgf("AH02608: read request body failed to %s (%s) from %s (%s)", x.conn.Address(), x.conn.Hostname,
				x.r.Conn.ClientIP, x.clientName())
			return x.r.BodyFailed(err)
		}
	}
	saved.read = p
	x.body.read, x.body.end = p, true
	x.body.how, x.body.total = length, int64(len(p))
	x.frame()
	return server.OK
}

// sendBody sends the body behind head, which may be empty: what was read ahead,
// then what still comes (stream_reqbody).
func (x *exchange) sendBody(head []byte) server.Status {
	b := &x.body
	out := append(make([]byte, 0, len(head)+len(b.read)+64), head...)
	var buf []byte
	saved := x.savedBody()
	for first := true; ; first = false {
		var piece []byte
		if first {
			piece = b.read
		} else {
			if buf == nil {
				buf = make([]byte, 8192)
			}
			n, err := x.r.Body.Read(buf)
			piece = buf[:n]
			switch {
			case err == io.EOF:
				b.end = true
			case err != nil:
				elog2.Error(x.r).Err(server.ErrnoOf(err)).Msgf("AH02608: read request body failed to %s (%s) from %s (%s)", x.conn.Address(), x.conn.Hostname,
					x.r.Conn.ClientIP, x.clientName())
				x.conn.Close = true
				return x.r.BodyFailed(err)
			}
		}
		b.sent += int64(len(piece))
		if b.how == length && (b.sent > b.total || b.end && b.sent < b.total) {
			more := "less"
			if b.sent > b.total {
				more = "more"
			}
			elog.Error(x.r).Msgf("AH01086: read %s bytes of request body than expected (got %d, expected %d)", more, b.sent, b.total)
			x.conn.Close = true
			return 500
		}
		if b.how == chunked && len(piece) > 0 {
			out = strconv.AppendInt(out, int64(len(piece)), 16)
			out = append(out, "\r\n"...)
		}
		out = append(out, piece...)
		if b.how == chunked {
			if len(piece) > 0 {
				out = append(out, "\r\n"...)
			}
			if b.end {
				out = append(out, "0\r\n\r\n"...)
			}
		}
		if b.end && x.r.Env.Has("proxy-sendextracrlf") {
			out = append(out, "\r\n"...)
		}
		if saved != nil {
			saved.gone = saved.gone || b.how != noBody
		}
		if len(out) > 0 {
			if err := x.write(out); err != nil {
				return x.sendFailed(err)
			}
		}
		out = out[:0]
		if b.end {
			return server.OK
		}
	}
}
