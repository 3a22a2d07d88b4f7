package deflate

import (
	"io"
	"iter"

	"github.com/donjon-httpd/donjon/server"
)

// unpack takes gzip off a response as it comes. The decoder pulls, the filter
// is pushed: it runs as a coroutine, which yields a piece, or nothing when it
// wants more input.
type unpack struct {
	next  func() ([]byte, bool)
	stop  func()
	input []byte
	ended bool
	err   error
	seen  []byte // of the stream, until its head was read
	x     *inflater
}

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
	u := &unpack{}
	size := orDefault(host.Of(r.Server).buffer, defaultBuffer)
	u.next, u.stop = iter.Pull(func(yield func([]byte) bool) {
		in := &pulled{u, yield}
		if u.x, u.err = newInflater(in, *dir.Of(r.Dir), 0, true); u.err != nil {
			return
		}
		for {
			p := make([]byte, size)
			n, err := u.x.Read(p)
			if n > 0 && !yield(p[:n]) {
				return
			}
			if err != nil {
				if u.err = err; err == io.EOF {
					u.err = nil
					if extra := u.x.extra(); extra > 0 {
						elog.Debug(r).Msgf("AH01408: Zlib: %d bytes of garbage at the end of compressed stream.", extra)
					}
				}
				return
			}
		}
	})
	r.AtEnd(u.stop)
	return u
}

// pulled is the decoder's input: what was pushed last.
type pulled struct {
	u     *unpack
	yield func([]byte) bool
}

func (p *pulled) Read(to []byte) (int, error) {
	for len(p.u.input) == 0 {
		if p.u.ended || !p.yield(nil) {
			return 0, io.EOF
		}
	}
	n := copy(to, p.u.input)
	p.u.input = p.u.input[n:]
	return n, nil
}

func (u *unpack) run(l *server.Link, b *server.Brigade) error {
	var out []server.Bucket
	// step lets the decoder go on until it wants more, or has ended.
	step := func() {
		if u.x == nil {
			u.seen = append(u.seen, u.input...)
		}
		for {
			p, more := u.next()
			if !more || p == nil {
				return
			}
			out = append(out, server.Bucket{Mem: p})
		}
	}
	for _, k := range b.Buckets {
		err := k.Pieces(func(p []byte) error {
			if u.err == errMethod {
				return l.Pass(&server.Brigade{Buckets: []server.Bucket{{Mem: p}}})
			}
			u.input = p
			step()
			u.input = nil
			if u.err == errMethod {
				return u.pass(l)
			}
			if u.err != nil {
				return u.fail(l.R)
			}
			if len(out) == 0 {
				return nil
			}
			send := out
			out = nil
			return l.Pass(&server.Brigade{Buckets: send})
		})
		if err != nil {
			return err
		}
	}
	if b.EOS {
		l.Remove()
		if u.err == errMethod {
			return l.Pass(&server.Brigade{Flush: b.Flush, EOS: true})
		}
		u.ended = true
		step()
		if u.x != nil {
			elog.Debug(l.R).Msgf("AH01398: Zlib: Inflated %d to %d : URL %s", u.x.taken(), u.x.total, l.R.URI)
		}
		if u.err != nil {
			return u.fail(l.R)
		}
	}
	return l.Pass(&server.Brigade{Buckets: out, Flush: b.Flush, EOS: b.EOS})
}

// pass lets a stream through that is not deflated.
func (u *unpack) pass(l *server.Link) error {
	elog.Debug(l.R).Msg("AH01404: inflate: data not deflated!")
	return l.Pass(&server.Brigade{Buckets: []server.Bucket{{Mem: u.seen}}})
}

// fail says what is wrong with the stream.
func (u *unpack) fail(r *server.Request) error {
	switch e := u.err.(type) {
	case flagError:
		elog.Error(r).Msgf("AH02620: inflate: bad flags %02x", byte(e))
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
