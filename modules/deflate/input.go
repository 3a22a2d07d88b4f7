package deflate

import (
	"io"

	"github.com/donjon-httpd/donjon/server"
)

// body is a request body that is being unpacked.
type body struct {
	x     *inflater
	buf   []byte // one piece, as zlib's buffer has it: the ratio is looked at for each
	ready []byte
	kept  []byte // the memory of ready
	err   error
}

const defaultBodyLimit = 1 << 30 // of LimitRequestBody

// inflateInput is the input filter DEFLATE: it takes gzip off a request's body.
func inflateInput(l *server.InputLink, p []byte) (int, error) {
	b, ok := l.State.(*body)
	if !ok {
		r := l.R
		if _, part := r.FieldIn("Content-Range"); part || !r.Initial() || !takeGzipOfRequest(r) {
			l.Remove()
			return l.Read(p)
		}
		b = &body{buf: make([]byte, orDefault(host.Of(r.Server).buffer, defaultBuffer))}
		l.State = b
		b.start(l)
	}
	if len(b.ready) == 0 && b.err == nil {
		b.fill(l.R)
	}
	if len(b.ready) == 0 {
		return 0, b.err
	}
	n := copy(p, b.ready)
	b.ready = b.ready[n:]
	return n, nil
}

// fill unpacks what came from the client in one piece. Nothing of it is given
// away when something in it is wrong.
func (b *body) fill(r *server.Request) {
	b.ready = b.kept[:0]
	for b.err == nil && (len(b.ready) == 0 || b.x.src.Buffered() > 0) {
		n, err := b.x.Read(b.buf)
		b.ready = append(b.ready, b.buf[:n]...)
		switch {
		case err == io.EOF:
			b.end(r)
		case err != nil:
			b.ready = nil
			b.fail(r, err)
		}
	}
	b.kept = b.ready
}

func (b *body) start(l *server.InputLink) {
	r := l.R
	lim := dir.Of(r.Dir)
	most := lim.body
	if most == 0 {
		// The core looks at the body as it is sent, this at what it becomes.
		most = server.CoreDir.Of(r.Dir).LimitRequestBody.Else(defaultBodyLimit)
	}
	x, err := newInflater(bodyReader{l}, *lim, most, false)
	if err == errEmpty {
		b.err = io.EOF
		return
	}
	r.UnsetFieldIn("Content-Length")
	r.UnsetFieldIn("Content-MD5")
	r.ContentLength = -1
	b.x = x
	if err != nil {
		b.fail(r, err)
	}
}

// end is reached behind a stream that was right: nothing may follow.
func (b *body) end(r *server.Request) {
	b.inflated(r)
	b.err = io.EOF
	if b.x.extra() > 0 {
		elog.Error(r).Msg("AH02485: Encountered extra data after compressed data")
		b.ready, b.err = nil, &server.BodyError{Status: 400, What: "data behind the compressed body"}
	}
}

func (b *body) inflated(r *server.Request) {
	elog.Debug(r).Msgf("AH01393: Zlib: Inflated %d to %d : URL %s", b.x.taken(), b.x.total, r.URI)
}

// fail says what is wrong with the stream; the error for the handler has the status.
func (b *body) fail(r *server.Request, err error) {
	status := server.Status(400)
	if atEnd(err) {
		b.inflated(r)
	}
	switch e := err.(type) {
	case interface{ HTTPStatus() server.Status }: // of the client's connection
		b.err = err
		return
	case flagError:
		elog.Warn(r).Msgf("AH01388: Zlib: Invalid flags %02x", uint32(e))
	case lengthError:
		elog.Warn(r).Msgf("AH01395: Zlib: Length %d of inflated data does not match expected value %d", e.got, e.want)
	default:
		switch err {
		case errShortHead:
			elog.Error(r).Msg("AH02619: Encountered premature end-of-stream while reading inflate header")
		case errMagic:
			elog.Warn(r).Msg("AH01387: Zlib: Invalid header")
		case errShort, errNoTrailer:
			elog.Error(r).Msg("AH02481: Encountered premature end-of-stream while inflating")
		case errSum:
			elog.Warn(r).Msg("AH01394: Zlib: CRC error inflating data")
		case errLimit:
			elog.Warn(r).Msgf("AH02648: Inflated content length of %d is larger than the configured limit of %d", b.x.total, b.x.max)
			status = 413
		case errRatio:
			elog.Warn(r).Msgf("AH02649: Inflated content ratio is larger than the configured limit %d by %d time(s)",
				b.x.limits.ratio, b.x.limits.burst)
		default:
			elog.Warn(r).Msgf("AH01392: Zlib error -3 inflating data (%s)", err)
		}
	}
	b.err = &server.BodyError{Status: status, What: err.Error()}
}

// bodyReader is what comes to the filter.
type bodyReader struct{ l *server.InputLink }

func (b bodyReader) Read(p []byte) (int, error) { return b.l.Read(p) }
