package deflate

import (
	"io"
	"iter"

	"github.com/donjon-httpd/donjon/server"
)

// unpack takes gzip off a response as it comes. The decoder pulls, the filter
// is pushed: it runs as a coroutine, which yields when it wants more input, and
// when its buffer is full.
type unpack struct {
	next  func() (full, bool)
	stop  func()
	input []byte
	ended bool
	buf   []byte // unpacked and not yet passed on
	err   error
	seen  []byte // of the stream, until its head was read
	x     *inflater
}

// full tells that the decoder waits for room, not for input.
type full bool

// inflateOutput is the output filter INFLATE.
func inflateOutput(l *server.Link, b *server.Brigade) error {
	u, ok := l.State.(*unpack)
	if !ok {
		r := l.R
		if len(b.Buckets) == 0 && !b.Flush && !b.EOS {
			return nil
		}
		if !r.Initial() || r.Status == 204 || r.Out.Has("Content-Range") || !takeGzipOfResponse(r) {
			l.Remove()
			return l.Pass(b)
		}
		r.Out.Unset("Content-Length")
		r.Out.Unset("Content-MD5")
		r.AlterETag("gunzip", host.Of(r.Server).etag)
		if r.Status == 304 {
			l.Remove()
			return l.Pass(b)
		}
		u = start(r)
		l.State = u
	}
	return u.run(l, b)
}

func start(r *server.Request) *unpack {
	u := &unpack{buf: make([]byte, 0, orDefault(host.Of(r.Server).buffer, defaultBuffer))}
	u.next, u.stop = iter.Pull(func(yield func(full) bool) {
		in := &pulled{u, yield}
		if u.x, u.err = newInflater(in, *dir.Of(r.Dir), 0, true); u.err != nil {
			return
		}
		for u.err == nil {
			if len(u.buf) == cap(u.buf) && !yield(true) {
				return
			}
			var n int
			n, u.err = u.x.Read(u.buf[len(u.buf):cap(u.buf)])
			u.buf = u.buf[:len(u.buf)+n]
		}
		if u.err == io.EOF {
			u.err = nil
			if extra := u.x.extra(); extra > 0 {
				elog.Debug(r).Msgf("AH01408: Zlib: %d bytes of garbage at the end of compressed stream.", extra)
			}
		}
	})
	r.AtEnd(u.stop)
	return u
}

// pulled is the decoder's input: what was pushed last.
type pulled struct {
	u     *unpack
	yield func(full) bool
}

func (p *pulled) Read(to []byte) (int, error) {
	for len(p.u.input) == 0 {
		if p.u.ended || !p.yield(false) {
			return 0, io.EOF
		}
	}
	n := copy(to, p.u.input)
	p.u.input = p.u.input[n:]
	return n, nil
}

func (u *unpack) run(l *server.Link, b *server.Brigade) error {
	before := len(u.seen)
	for _, k := range b.Buckets {
		switch err := k.Pieces(func(p []byte) error { return u.take(l, p) }); err {
		case nil:
		case errMethod:
			elog.Debug(l.R).Msg("AH01404: inflate: data not deflated!")
			l.Remove()
			if before > 0 {
				b.Buckets = append([]server.Bucket{{Mem: u.seen[:before]}}, b.Buckets...)
			}
			return l.Pass(b)
		default:
			return err
		}
	}
	if b.EOS {
		l.Remove()
		u.ended = true
		if err := u.step(l); err != nil {
			return err
		}
		if u.x != nil {
			elog.Debug(l.R).Msgf("AH01398: Zlib: Inflated %d to %d : URL %s", u.x.taken(), u.x.total, l.R.URI)
		}
		if u.err != nil {
			return u.fail(l.R)
		}
	}
	if b.EOS || b.Flush {
		return u.pass(l, &server.Brigade{Flush: b.Flush, EOS: b.EOS})
	}
	return nil
}

// take unpacks a piece of the stream.
func (u *unpack) take(l *server.Link, p []byte) error {
	u.input = p
	if u.x == nil {
		u.seen = append(u.seen, p...)
	}
	err := u.step(l)
	u.input = nil
	switch {
	case err != nil:
		return err
	case u.err == errMethod:
		return u.err
	case u.err != nil && !atEnd(u.err):
		return u.fail(l.R)
	}
	return nil
}

// step lets the decoder go on until it wants more, or has ended. What fills the
// buffer is passed on.
func (u *unpack) step(l *server.Link) error {
	for {
		room, more := u.next()
		if !more || !bool(room) {
			return nil
		}
		if err := u.pass(l, &server.Brigade{}); err != nil {
			return err
		}
	}
}

func (u *unpack) pass(l *server.Link, b *server.Brigade) error {
	if len(u.buf) > 0 {
		b.Buckets = []server.Bucket{{Mem: u.buf}}
	}
	err := l.Pass(b)
	u.buf = u.buf[:0]
	return err
}

// fail says what is wrong with the stream.
func (u *unpack) fail(r *server.Request) error {
	switch e := u.err.(type) {
	case flagError:
		elog.Error(r).Msgf("AH02620: inflate: bad flags %02x", uint32(e))
		return u.err
	case lengthError:
		elog.Error(r).Msg("AH01400: Zlib: Length of inflated stream invalid")
		return u.err
	}
	switch u.err {
	case errMagic:
		elog.Error(r).Msg("AH01405: inflate: bad header")
	case errSum:
		elog.Error(r).Msg("AH01399: Zlib: Checksum of inflated stream invalid")
	case errEmpty, errShortHead, errShort, errNoTrailer:
		elog.Error(r).Msg("AH01401: Zlib: Validation bytes not present")
	case errRatio:
		elog.Warn(r).Msgf("AH02650: Inflated content ratio is larger than the configured limit %d by %d time(s)",
			u.x.limits.ratio, u.x.limits.burst)
	default:
		elog.Warn(r).Msgf("AH01409: Zlib error -3 inflating data (%s)", u.err)
	}
	return u.err
}
