package proxy_fcgi

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"sync"

	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/backend"
	"github.com/donjon-httpd/donjon/server/fcgi"
)

// answers are buffers for the fields ahead of a response.
var answers = sync.Pool{New: func() any { return &answer{in: bufio.NewReaderSize(nil, 512)} }}

// answer is the beginning of a response: what came until its fields were whole.
type answer struct {
	text []byte
	from bytes.Reader
	in   *bufio.Reader
	head int // bytes of text up to the empty line, with it
}

// maxHead is how long the fields ahead of a response may be.
const maxHead = 1 << 20

var errHeadSize = errors.New("the fields of the response are too long")

// readHead reads until an empty line has come. whole is false when the answer
// ended before.
func (x *exchange) readHead(a *answer) (whole bool, err error) {
	for seen := 0; ; {
		p, err := x.piece(x.call.BufferSize())
		if err == io.EOF {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		a.text = append(a.text, p...)
		if headEnds(a.text[max(seen-3, 0):]) {
			return true, nil
		}
		if seen = len(a.text); seen > maxHead {
			return false, errHeadSize
		}
	}
}

// headEnds tells whether an empty line is in p (handle_headers).
func headEnds(p []byte) bool {
	return bytes.Contains(p, []byte("\n\n")) || bytes.Contains(p, []byte("\r\n\r\n"))
}

// headLength is where the first empty line ends.
func headLength(p []byte) int {
	n := len(p)
	for _, end := range [...]string{"\n\n", "\r\n\r\n"} {
		if i := bytes.Index(p, []byte(end)); i >= 0 {
			n = min(n, i+len(end))
		}
	}
	return n
}

// receive reads the answer and gives it to the client (dispatch).
func (x *exchange) receive() server.Status {
	r := x.r
	x.in = fcgi.Records{In: x.conn.R}
	a := answers.Get().(*answer)
	defer func() { a.text = a.text[:0]; a.from.Reset(nil); answers.Put(a) }()
	whole, err := x.readHead(a)
	if err != nil {
		return x.broke(err)
	}
	if !whole {
		return done(r.End()) // an answer of nothing, as in Apache
	}
	a.head = headLength(a.text)
	a.from.Reset(a.text)
	a.in.Reset(&a.from)
	s, _ := r.ScanScript(elog, a.in, true)
	if !r.Env.Has("ap_trust_cgilike_cl") {
		r.Out.Unset("Content-Length") // FastCGI's own framing counts
	}
	r.Out.Unset("Transfer-Encoding")
	switch {
	case s == 304 || s == 412:
		r.Status = int(s)
		x.discard()
		r.End()
		return server.OK
	case s != server.OK:
		elog.Error(r).Msg("AH01070: Error parsing script headers")
		x.what = ""
		x.failed(errInvalid)
		x.conn.Close = true
		r.Status = int(s)
		r.End()
		return server.OK
	}
	if server.ProxyDir.Of(r.Dir).Overrides(r.Status) && r.Initial() {
		status := server.Status(r.Status)
		r.Status = 200
		x.discard()
		return status
	}
	x.forwarding(a)
	return x.relay(a.rest())
}

// forwarding tells the wire engine of the way of a request that it may send like
// this the next time. relay keeps it up to date with each piece.
func (x *exchange) forwarding(a *answer) {
	to, can := x.r.Exchange.(server.Forwarder)
	if !can || x.sent == nil || x.r.HeaderOnly || !x.r.MayForward() || !x.call.Target(x.conn, &x.way) {
		return
	}
	x.way.Records, x.way.Fresh, x.way.Sent, x.way.Head = true, true, x.sent, string(a.text[:a.head])
	to.Forwards(&x.way)
}

// errInvalid is APR_EINVAL.
var errInvalid = errors.New("(22)Invalid argument")

// piece gives what comes on the application's standard output; what it says on
// its standard error goes into the log. io.EOF is the end of the answer.
func (x *exchange) piece(most int) ([]byte, error) {
	for {
		switch p, err := x.in.Piece(most); {
		case err != nil:
			x.what = "reading response body"
			return nil, err
		case len(p) > 0 && x.in.Kind == fcgi.Stdout:
			x.call.Worker.Shared.Read().Add(uint64(len(p)))
			return p, nil
		case len(p) > 0 && x.in.Kind == fcgi.Stderr:
			elog.Error(x.r).Msgf("AH01071: Got error '%s'", p)
			continue
		case len(p) > 0:
			continue
		}
		if x.in.Done {
			return nil, io.EOF
		}
		x.what = "polling"
		kind, err := x.in.Next()
		if err != nil {
			return nil, err
		}
		switch kind {
		case fcgi.Stdout, fcgi.Stderr, fcgi.End:
		default:
			elog.Error(x.r).Msgf("AH01072: Got bogus record %d", kind)
		}
	}
}

// rest is what came behind the fields.
func (a *answer) rest() []byte { return a.text[len(a.text)-a.from.Len()-a.in.Buffered():] }

// relay hands the body on as it comes, behind p. Its length is not told, even where all of
// it is there, as Apache does not.
func (x *exchange) relay(p []byte) server.Status {
	r, w := x.r, x.call.Worker
	flush := w.Params.Flush.Else(server.ProxyFlushOff)
	most := x.call.BufferSize()
	for first := true; ; first = false {
		if len(p) == 0 {
			var err error
			if p, err = x.piece(most); err == io.EOF {
				x.release()
				if !first {
					return done(r.EndWith(&server.Brigade{Streamed: true}))
				}
				return done(r.End())
			} else if err != nil {
				return x.broke(err)
			}
		}
		if first {
			r.WithholdLength()
		}
		x.way.Body = p
		b := server.Brigade{Buckets: []server.Bucket{{Mem: p}}, Streamed: true}
		if x.in.Done || x.in.EndComes() {
			in := x.conn.TakeReader()
			x.release()
			err := r.EndWith(&b)
			server.GiveReader(in)
			return done(err)
		}
		b.Flush = flush == server.ProxyFlushOn || x.conn.R.Buffered() == 0 && (flush != server.ProxyFlushAuto || !x.conn.Under().ReadableWithin(w.Params.FlushWait))
		if err := r.PassBrigade(&b); err != nil || r.Conn.Aborted {
			x.conn.Close = true
			return server.Done
		}
		p = nil
	}
}

func done(err error) server.Status {
	if err != nil {
		return server.Done
	}
	return server.OK
}

// discard reads the rest of the answer, which nobody wants.
func (x *exchange) discard() {
	for {
		if _, err := x.piece(1 << 16); err != nil {
			if err != io.EOF {
				x.conn.Close = true
			}
			return
		}
	}
}

// broke ends a response that the application did not complete.
func (x *exchange) broke(err error) server.Status {
	r := x.r
	x.conn.Close = true
	if r.Conn.Aborted {
		elog.Trace(1, r).Msg("The client aborted the connection.")
		return server.OK
	}
	var bad *fcgi.RecordError
	switch {
	case errors.As(err, &bad):
		number := "AH01069"
		if bad.Version {
			number = "AH01068"
		}
		elog.Error(r).Msg(number + ": " + bad.Text)
		x.what, err = "", errInvalid
	case errors.Is(err, backend.ErrTimeout):
		err = backend.ErrTimeout
	case errors.Is(err, fcgi.ErrHeader):
		x.what, err = "", cause(err)
		elog.Error(r).Msg("AH01067: Failed to read FastCGI header")
	default:
		err = cause(err)
	}
	x.failed(err)
	switch {
	case r.HeadSent:
		r.Truncate()
		return server.Done
	case errors.Is(err, backend.ErrTimeout):
		return 504
	}
	return 503
}

// cause spells an end that came too early as Apache does.
func cause(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("(70014)End of file found")
	}
	return server.ErrnoOf(err)
}

// failed says what went wrong (AH01075).
func (x *exchange) failed(err error) {
	what := x.what
	if what != "" {
		what = "(" + what + ")"
	}
	elog.Error(x.r).Err(err).Msgf("AH01075: Error dispatching request to %s: %s", x.serverPort(), what)
}
