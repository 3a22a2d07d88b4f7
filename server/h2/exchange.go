package h2

import (
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/donjon-httpd/donjon/server"
)

// exchange takes one response out.
type exchange struct {
	st      *stream
	s       *session
	r       *server.Request
	started bool
	dropped bool // it must not look complete
	refused bool
	tunnel  bool // the stream carries something else by now
	socket  bool // it asked for a WebSocket
}

var _ server.Exchange = (*exchange)(nil)

// Drop says that the response is not complete, or that the client shall notice.
func (x *exchange) Drop() {
	x.dropped = !x.st.localEnd
	x.account()
}

func (x *exchange) account() {
	if x.r == nil {
		return
	}
	x.r.BytesIn, x.r.BytesOut, x.r.FirstByte = x.st.wireIn+x.st.body.got, x.st.wireOut, x.st.first
}

// Interim sends a 1xx response.
func (x *exchange) Interim(r *server.Request, status int) error {
	s := x.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := x.st.gone(); err != nil {
		return err
	}
	if status == 100 {
		x.st.body.x = nil
	}
	if status == 101 {
		if !x.socket || x.started {
			return errors.New("HTTP/2 has no 101")
		}
		if !accepts(r) {
			x.refuse()
			return errors.New("the backend's Sec-WebSocket-Accept is wrong")
		}
		x.accept(status, r.Out.All())
		s.flush()
		return nil
	}
	x.push(r)
	if status != 103 || s.opt.EarlyHints {
		x.appendHead(http2.FrameHeaders, x.st.id, strconv.Itoa(status), r.Out.All(), false)
	}
	s.flush()
	return nil
}

// appendHead adds a HEADERS frame. mu is held.
func (x *exchange) appendHead(t http2.FrameType, id uint32, status string, fields []server.Field, end bool) {
	s := x.s
	s.encoded.Reset()
	s.encode(":status", status)
	for _, f := range fields {
		if name := strings.ToLower(f.Name); !aboutConnection(name) {
			s.encode(name, f.Value)
		}
	}
	x.appendEncoded(t, id, end)
}

func (x *exchange) appendEncoded(t http2.FrameType, id uint32, end bool) {
	s := x.s
	var flags http2.Flags
	if end {
		flags |= http2.FlagHeadersEndStream
		x.st.localEnd = true
	}
	before := len(s.out)
	s.appendFields(t, flags, id, nil, s.encoded.Bytes())
	x.sent(int64(len(s.out) - before))
}

func (x *exchange) sent(n int64) {
	if x.st.wireOut == 0 {
		x.st.first = time.Now()
	}
	x.st.wireOut += n
}

// encode adds a field to the block that is being encoded.
func (s *session) encode(name, value string) {
	value = strings.Trim(value, " \t")                                                                   // RFC 9113 section 8.2.1
	s.encoder.WriteField(hpack.HeaderField{Name: name, Value: value, Sensitive: sensitive(name, value)}) //nolint:errcheck // a buffer takes all
}

// sensitive tells whether a field is kept out of the table that compression could
// be used to guess from (RFC 7541 section 7.1.3).
func sensitive(name, value string) bool {
	return name == "authorization" || name == "proxy-authorization" || (name == "cookie" || name == "set-cookie") && len(value) < 20
}

// aboutConnection are the fields that HTTP/2 does without (RFC 9113 section 8.2.2).
func aboutConnection(name string) bool {
	switch name {
	case "connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade":
		return true
	}
	return false
}

// head sends the head of the response. mu is held.
func (x *exchange) head(r *server.Request, pushPolicy string, end bool) error {
	s := x.s
	if !r.Proxied || !r.Out.Has("Date") {
		r.Out.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	}
	if !r.Proxied || !r.Out.Has("Server") {
		r.Out.Set("Server", r.Gen.Banner())
	}
	if x.tooLong(r, pushPolicy) {
		s.appendReset(x.st.id, http2.ErrCodeProtocol)
		x.st.abort()
		s.flush()
		return errReset
	}
	s.encoded.Reset()
	s.encode(":status", strconv.Itoa(r.Status))
	for _, f := range r.Out.All() {
		if name := strings.ToLower(f.Name); !aboutConnection(name) {
			s.encode(name, f.Value)
		}
	}
	if pushPolicy != "" {
		s.encode("push-policy", pushPolicy)
	}
	x.appendEncoded(http2.FrameHeaders, x.st.id, end)
	return nil
}

// tooLong tells whether the fields of a response are longer than
// H2MaxHeaderBlockLen allows, each counted with the most that HPACK can make of it
// (nghttp2_hd_deflate_bound).
func (x *exchange) tooLong(r *server.Request, pushPolicy string) bool {
	const perField = 12
	n := 2*perField + len(":status") + 3
	for _, f := range r.Out.All() {
		if !aboutConnection(strings.ToLower(f.Name)) {
			n += perField + len(f.Name) + len(f.Value)
		}
	}
	if pushPolicy != "" {
		n += perField + len("push-policy") + len(pushPolicy)
	}
	limit := x.s.opt.MaxHeaderBlock
	if limit == 0 {
		limit = defaultHeaderBlock
	}
	return n > limit
}

var pieces = sync.Pool{New: func() any { b := make([]byte, minFrame); return &b }}

// Body sends a brigade; the first one brings the head with it.
func (x *exchange) Body(r *server.Request, b *server.Brigade) error {
	s, st := x.s, x.st
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := st.gone(); err != nil {
		return x.fail(err)
	}
	if st.localEnd {
		return nil
	}
	if why := r.Top().Notes.Get(server.NoteHTTP1Required); why != "" && !x.started {
		elog.Debug(r).Msgf("AH10399: renegotiate forbidden, cause: %s", why)
		s.appendReset(st.id, http2.ErrCodeHTTP11Required)
		st.abort()
		s.flush()
		return x.fail(errReset)
	}
	if x.socket && !x.started && r.Status < 300 {
		x.refuse()
		return nil
	}
	left := b.Size()
	trailers := b.EOS && r.TrailersOut.Len() > 0
	ends := b.EOS && !trailers
	if !x.started {
		x.started = true
		if err := x.head(r, x.push(r), ends && left == 0); err != nil {
			return x.fail(err)
		}
	}
	if r.HeaderOnly && b.EOS {
		// What would have been sent counts (observed on 2.4.71).
		r.Top().SentBody, _ = strconv.ParseInt(r.Out.Get("Content-Length"), 10, 64)
	}
	r.Top().SentBody += left
	if r.Top() != r {
		r.SentBody += left
	}
	for _, k := range b.Buckets {
		if k.Size() == 0 {
			continue
		}
		left -= k.Size()
		var err error
		if k.File == nil {
			err = x.data(k.Mem, ends && left == 0)
		} else {
			err = x.file(k, ends && left == 0)
		}
		if err != nil {
			return x.fail(err)
		}
	}
	switch {
	case trailers:
		s.encoded.Reset()
		for _, f := range r.TrailersOut.All() {
			if name := strings.ToLower(f.Name); !aboutConnection(name) && validName(name) && validValue(f.Value) {
				s.encode(name, f.Value)
			}
		}
		x.appendEncoded(http2.FrameHeaders, st.id, true)
	case ends && !st.localEnd:
		x.appendData(nil, true)
	}
	if st.localEnd {
		if st.remoteEnd {
			defer st.close()
		}
		x.account()
	}
	s.flush()
	if s.err != nil {
		return x.fail(s.err)
	}
	return nil
}

// fail ends the response because the client is gone, or does not read.
func (x *exchange) fail(err error) error {
	x.dropped = x.dropped || !x.st.localEnd
	x.r.Conn.Aborted = true
	x.account()
	return err
}

// data sends bytes in frames as the client has room for them. mu is held, and let
// go meanwhile.
func (x *exchange) data(p []byte, end bool) error {
	for len(p) > 0 {
		n, err := x.s.reserve(x.st, len(p))
		if err != nil {
			return err
		}
		x.appendData(p[:n], end && n == len(p))
		p = p[n:]
	}
	return nil
}

// appendData adds a DATA frame, with padding where that is wanted (H2Padding).
func (x *exchange) appendData(p []byte, end bool) {
	s, st := x.s, x.st
	var flags http2.Flags
	if end {
		flags |= http2.FlagDataEndStream
		st.localEnd = true
	}
	pad := 0
	if bits := s.opt.Padding; bits > 0 && len(p) > 0 {
		pad = int(min(int64(1+rand.IntN(1<<bits)), s.window, st.window, int64(s.maxFrame-len(p))))
	}
	before := len(s.out)
	if pad > 0 {
		s.window -= int64(pad)
		st.window -= int64(pad)
		s.appendFrameHead(http2.FrameData, flags|http2.FlagDataPadded, st.id, len(p)+pad)
		s.out = append(append(s.out, byte(pad-1)), p...)
		s.out = append(s.out, make([]byte, pad-1)...)
	} else {
		s.appendFrame(http2.FrameData, flags, st.id, p)
	}
	s.earn(1)
	x.sent(int64(len(s.out) - before))
}

// file sends a piece of a file. mu is held, and let go meanwhile.
func (x *exchange) file(k server.Bucket, end bool) error {
	bp := pieces.Get().(*[]byte)
	defer pieces.Put(bp)
	for at, stop := k.Off, k.Off+k.Len; at < stop; {
		x.s.mu.Unlock()
		n, err := k.File.ReadAt((*bp)[:min(int64(len(*bp)), stop-at)], at)
		x.s.mu.Lock()
		if n == 0 {
			if err == nil || err == io.EOF {
				err = errors.New("the file became shorter")
			}
			return err
		}
		at += int64(n)
		if err := x.data((*bp)[:n], end && at == stop); err != nil {
			return err
		}
	}
	return nil
}
