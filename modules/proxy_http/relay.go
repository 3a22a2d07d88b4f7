package proxy_http

import (
	"bufio"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

// The body of a response, as it is framed by the backend (RFC 9112 section 6.3).

// source reads a response's body in pieces that lie in the connection's buffer.
type source struct {
	in       *bufio.Reader
	how      sourceKind
	left     int64          // of length, or of the chunk
	more     bool           // a chunk was read before
	trailers *server.Fields // where fields behind the last chunk are put; nil: they are dropped
	end      bool
}

type sourceKind uint8

const (
	untilClose sourceKind = iota
	byLength
	byChunks
)

var errFraming = errors.New("the body of the response is malformed")

func (x *exchange) source(a *answer) (*source, error) {
	s := &x.src
	*s = source{in: x.conn.R}
	if x.r.Conn.Stream != nil {
		s.trailers = &x.r.TrailersOut
	}
	switch {
	case a.hasTE:
		if !chunkedLast(a.te) {
			if equalFold(trimSpace(a.te), "identity") {
				return s, nil
			}
			return s, errFraming
		}
		s.how = byChunks
	default:
		v, ok := x.r.Out.Lookup("Content-Length")
		if !ok {
			break
		}
		n, err := strictLength(v)
		if err != nil {
			return s, err
		}
		s.how, s.left, s.end = byLength, n, n == 0
	}
	return s, nil
}

// chunkedLast tells whether chunked is the last coding of a Transfer-Encoding.
func chunkedLast(te string) bool {
	if i := strings.LastIndexByte(te, ','); i >= 0 {
		te = te[i+1:]
	}
	return equalFold(trimSpace(te), "chunked")
}

// strictLength reads a length of digits alone (ap_parse_strict_length).
func strictLength(s string) (int64, error) {
	if s == "" || s[0] < '0' || s[0] > '9' {
		return 0, errFraming
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, errFraming
	}
	return n, nil
}

// piece gives what is there of the body, at most most bytes; it waits only when
// nothing is. The piece is valid until the next one is read. io.EOF is the body's
// end, when end is true too.
func (s *source) piece(most int) ([]byte, error) {
	if s.end {
		return nil, io.EOF
	}
	if s.how == byChunks && s.left == 0 {
		if err := s.nextChunk(); err != nil {
			return nil, err
		}
		if s.end {
			return nil, io.EOF
		}
	}
	if s.in.Buffered() == 0 {
		if _, err := s.in.Peek(1); err != nil {
			if err == io.EOF && s.how == untilClose {
				s.end = true
				return nil, io.EOF
			}
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	n := min(s.in.Buffered(), most)
	if s.how != untilClose && int64(n) > s.left {
		n = int(s.left)
	}
	p, _ := s.in.Peek(n)
	s.in.Discard(n) //nolint:errcheck // it is buffered
	if s.how != untilClose {
		s.left -= int64(n)
	}
	s.end = s.how == byLength && s.left == 0
	return p, nil
}

// nextChunk reads a chunk's line, and the trailers behind the last one, which are
// not sent on.
func (s *source) nextChunk() error {
	if s.more {
		line, err := readLine(s.in, 16)
		if err != nil {
			return unexpected(err)
		}
		if strings.TrimRight(line, "\r\n") != "" {
			return errFraming
		}
	}
	s.more = true
	line, err := readLine(s.in, defaultFieldSize)
	if err != nil {
		return unexpected(err)
	}
	if s.left, err = chunkSize(line); err != nil {
		return err
	}
	if s.left > 0 {
		return nil
	}
	for total := 0; ; {
		line, err := readLine(s.in, defaultFieldSize)
		if err != nil {
			return unexpected(err)
		}
		if strings.TrimRight(line, "\r\n") == "" {
			s.end = true
			return nil
		}
		if s.trailers != nil {
			if name, value, ok := strings.Cut(line, ":"); ok {
				s.trailers.Add(name, trimSpace(value))
			}
		}
		if total += len(line); total > maxHead {
			return errFieldSize
		}
	}
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// chunkSize reads hexadecimal digits; extensions are ignored.
func chunkSize(line string) (int64, error) {
	digits, _, _ := strings.Cut(strings.TrimRight(line, "\r\n"), ";")
	digits = strings.TrimRight(digits, " \t")
	if digits == "" || strings.ContainsAny(digits, "+-_xX") {
		return 0, errFraming
	}
	n, err := strconv.ParseInt(digits, 16, 64)
	if err != nil {
		return 0, errFraming
	}
	return n, nil
}

// discard reads a body that nobody wants, so that the connection can be used again.
func (x *exchange) discard(a *answer) {
	src, err := x.source(a)
	for total := 0; err == nil; {
		var p []byte
		p, err = src.piece(1 << 20)
		if total += len(p); total > 1<<20 {
			break
		}
	}
	if err != io.EOF {
		x.conn.Close = true
	}
}

// sendOn hands the body on as it comes.
func (x *exchange) sendOn(a *answer) server.Status {
	r, w := x.r, x.call.Worker
	src, err := x.source(a)
	if a.ancient || a.pre != nil && !a.hasTE {
		src.how, src.end = untilClose, false
		err = nil
	}
	r.Out.Unset("Transfer-Encoding")
	if err != nil {
		return x.broke(err)
	}
	elog.Trace(3, r).Msg("start body send")
	if x.dir.Overrides(x.original) {
		r.Status, r.StatusLine = x.original, x.line
	}
	f := x.forwarding(src)
	flush := w.Params.Flush.Else(server.ProxyFlushOff)
	most := x.call.BufferSize()
	for {
		p, err := src.piece(most)
		if len(a.pre) > 0 {
			p, a.pre = append(a.pre, p...), nil
			if err == io.EOF {
				err = nil // it is told again
			}
		}
		if err == io.EOF {
			if src.how == untilClose {
				x.conn.Close = true
			}
			x.release()
			if r.End() != nil {
				return server.Done
			}
			return server.OK
		}
		if err != nil {
			return x.broke(err)
		}
		w.Shared.Read().Add(uint64(len(p)))
		f.Body = p
		if src.end {
			in := x.conn.TakeReader()
			x.release()
			err := r.PassLast(p)
			server.GiveReader(in)
			if err != nil {
				return server.Done
			}
			elog.Trace(2, r).Msg("end body send")
			return server.OK
		}
		now := flush == server.ProxyFlushOn
		if !now && src.in.Buffered() == 0 {
			now = flush != server.ProxyFlushAuto || !x.comes(w.Params.FlushWait)
		}
		if err := r.PassPiece(p, now); err != nil || r.Conn.Aborted {
			return x.clientGone()
		}
	}
}

// forwarding tells the wire engine of the way of a request that it may send like
// this the next time. What it gives is to be kept up to date with each piece.
func (x *exchange) forwarding(src *source) *server.Forwarding {
	c, conn := x.call, x.conn
	f := &x.way
	to, can := x.r.Exchange.(server.Forwarder)
	if !can || !x.plain || x.whole == "" || src.how != byLength || src.end || conn.Close || !x.r.MayForward() ||
		c.Balancer != nil || c.Remote != nil || x.r.Forward || x.r.Env.Has("proxy-initial-not-pooled") {
		return f
	}
	*f = server.Forwarding{Worker: c.Worker, Host: conn.Hostname, Port: conn.Port, Socket: conn.Socket, Timeout: c.Timeout(),
		Sent: x.head, Head: x.whole, Length: src.left}
	to.Forwards(f)
	return f
}

// comes tells whether something can be read within flushwait.
func (x *exchange) comes(wait time.Duration) bool {
	if wait <= 0 {
		wait = 10 * time.Millisecond
	}
	return x.conn.Under().ReadableWithin(wait)
}

// clientGone ends the exchange: the rest of the response is of no use.
func (x *exchange) clientGone() server.Status {
	x.conn.Close = true
	return server.Done
}

// broke ends a response that the backend did not complete: the client gets an
// error where nothing was sent yet, else a connection that ends early.
func (x *exchange) broke(err error) server.Status {
	r := x.r
	elog.Error(r).Err(bodyError(err)).Msg("AH01110: error reading response")
	x.conn.Close = true
	r.NoCache = true
	if !r.HeadSent {
		r.Out = server.Fields{}
		r.StatusLine = ""
		r.Lengthless()
		r.Conn.Close = true
		return 502
	}
	r.Truncate()
	return server.Done
}

// bodyError words an error as Apache does.
func bodyError(err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("(70008)Partial results are valid but processing is incomplete")
	case errors.Is(err, errFraming):
		return errors.New("(20014)Internal error (specific information not available)")
	}
	return server.ErrnoOf(err)
}
