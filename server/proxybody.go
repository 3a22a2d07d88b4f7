package server

import (
	"io"
	"strconv"
)

// ProxyBody is a request's body on its way to a backend that must be told its
// length first: FastCGI, SCGI, uwsgi, AJP.
type ProxyBody struct {
	Length int64  // of the whole
	Ahead  []byte // what was read already
	end    bool   // Ahead is all
	gone   bool   // something behind Ahead was read: no other attempt is possible
}

var proxyBodies RequestSlot[ProxyBody]

// proxyPrefetch is how much of a body is read before a backend is connected to
// (MAX_MEM_SPOOL).
const proxyPrefetch = 16384

// MeasuredBody reads the beginning of the request's body, and all of one whose
// length is not known: the request has a Content-Length then, and no
// Transfer-Encoding (ap_proxy_prefetch_input, ap_proxy_spool_input). log is the
// module's, for what cannot be read.
func (c *ProxyCall) MeasuredBody() (*ProxyBody, Status) {
	r := c.R
	if b := proxyBodies.Of(r); b != nil {
		if b.gone {
			return nil, 503
		}
		return b, OK
	}
	b := new(ProxyBody)
	proxyBodies.Set(r, b)
	_, hasTE := r.Header["Transfer-Encoding"]
	switch {
	case r.KeptBody != nil:
		b.Ahead, b.end, b.Length = r.KeptBody, true, int64(len(r.KeptBody))
		return b, OK
	case r.Main != nil || r.Body == nil || r.ContentLength == 0 && !hasTE:
		b.end = true
		return b, OK
	}
	known := r.ContentLength >= 0 && !hasTE && !r.HasInputFilters()
	size := int64(proxyPrefetch)
	if known {
		size = min(size, r.ContentLength)
	}
	p := make([]byte, 0, size)
	for !b.end && (!known || len(p) < cap(p)) {
		if len(p) == cap(p) {
			p = append(make([]byte, 0, 2*cap(p)), p...)
		}
		n, err := r.Body.Read(p[len(p):cap(p)])
		p = p[:len(p)+n]
		if err == io.EOF {
			b.end = true
		} else if err != nil {
			proxylog.Error(r).Err(ErrnoOf(err)).Msgf("AH01095: prefetch request body failed to %s:%d (%s) from %s ()", c.Worker.Hostname, c.Worker.Port,
				c.Worker.Hostname, r.Conn.ClientIP)
			return nil, r.BodyFailed(err)
		}
	}
	b.Ahead, b.Length = p, int64(len(p))
	if known {
		b.Length = r.ContentLength
		b.end = b.end || int64(len(p)) == b.Length
		return b, OK
	}
	r.UnsetFieldIn("Transfer-Encoding")
	r.SetFieldIn("Content-Length", strconv.Itoa(len(p)))
	return b, OK
}

// LengthyBody is [ProxyCall.MeasuredBody] for modules that refuse a body in
// chunks (REQUEST_CHUNKED_ERROR).
func (c *ProxyCall) LengthyBody() (*ProxyBody, Status) {
	if _, ok := c.R.Header["Transfer-Encoding"]; ok && c.R.Main == nil {
		httplog.Error(c.R).Msgf("AH01593: chunked Transfer-Encoding forbidden: %s", c.R.URI)
		return nil, 411
	}
	return c.MeasuredBody()
}

var httplog = NewLog("http")

// More tells whether something is left behind Ahead.
func (b *ProxyBody) More() bool { return !b.end }

// Read gives what is left behind Ahead.
func (b *ProxyBody) Read(r *Request, p []byte) (int, error) {
	if b.end {
		return 0, io.EOF
	}
	b.gone = true
	n, err := r.Body.Read(p)
	if err == io.EOF {
		b.end = true
	}
	return n, err
}
