package h1

import (
	"encoding/binary"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/donjon-httpd/donjon/server"
)

// The loop answers by itself what has a prepared answer: it reads, recognises
// the request, writes the answer's bytes and its log line, and waits for the
// next event. Whatever else comes, and whatever the socket does not take at
// once, goes to a goroutine together with the bytes that were read.

const (
	inlineInput  = 16 << 10
	inlineOutput = 64 << 10
	// inlineReads bounds how long one connection keeps the others waiting.
	inlineReads = 8
	// copiedBody is what is put behind its head in one buffer; a longer body is
	// written from where it lies.
	copiedBody = 16 << 10
)

// inline is what the loop works with; one thread only.
type inline struct {
	in      []byte
	out     []byte
	records []byte // of an encrypted connection
	q       recognised
	sent    []repeated
	log     logger
	dates   dateTexts
}

// repeated is a prepared answer that is on its way out.
type repeated struct {
	p        *prepared
	received time.Time
	in, out  int64
	kept     int
	close    bool
	values   []fieldValue
	routed   bool // it came from a backend, with a body of that length
	length   int64
	chunks   bool
}

// fieldValue is a field of the request that a log line is made of.
type fieldValue struct {
	field int
	value []byte
}

// logger writes the log lines of repeated answers.
type logger struct {
	r      server.Request
	fields http.Header
	values [maxWatched][1]string
}

func newInline() *inline {
	return &inline{in: make([]byte, inlineInput), out: make([]byte, 0, inlineOutput)}
}

// debt is what a goroutine takes over when the socket is full.
type debt struct {
	out    []byte
	file   *heldFile
	off, n int64
	sent   []repeated
}

// answer serves a connection that has something to read and that the caller has
// made busy. It leaves it idle, closed, or to a goroutine.
func (l *Loop) answer(c *conn) {
	if c.preface != nil || c.speaker != nil || c.sec != nil && !c.sec.done {
		l.hand(c, nil, nil)
		return
	}
	n := l.inline
	for range inlineReads {
		got, err := c.recv(n.in)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			l.rest(c)
			return
		case err != nil || got == 0:
			c.close()
			return
		}
		c.bytesIn += int64(got)
		if !l.answerAll(c, n.in[:got]) {
			return
		}
		if c.drained(got, len(n.in)) {
			l.rest(c)
			return
		}
	}
	l.hand(c, nil, nil) // there may be more, and others wait
}

// rest gives a connection back, as a goroutine does when it has answered.
func (l *Loop) rest(c *conn) {
	if !l.enrol(c) {
		c.close()
		return
	}
	if c.info.KeepAlives > 0 {
		c.since.Store(l.now.UnixNano())
	} else if c.since.Load() == 0 {
		c.since.Store(time.Now().UnixNano())
	}
	c.park()
	if l.hurried.Load() && c.take(closed) {
		c.shut()
		return
	}
}

// answerAll answers the requests in b. It is false when the connection is not
// the loop's any more.
func (l *Loop) answerAll(c *conn, b []byte) bool {
	n := l.inline
	received := time.Now()
	l.now = received
	n.q.watch = l.answers.watch.Load()
	out, sent := n.out[:0], n.sent[:0]
	for len(b) > 0 {
		if c.direct != "" && !c.isHTTP(b) {
			break
		}
		if !n.q.recognise(b, c.arrivalKey(), c.limits) {
			break
		}
		p := l.answers.find(&n.q, c, received.UnixNano())
		if p == nil {
			break
		}
		if p.route != nil {
			if len(sent) > 0 || len(b) > n.q.size || !l.forward(c, b, received) {
				break
			}
			return false
		}
		start := len(out)
		keep := false
		if out, keep = p.appendHead(out, &n.dates, received, c.info.KeepAlives, n.q.wants, n.q.http11, n.q.ends || l.draining.Load() || c.info.Close); !keep {
			c.info.Close = true
		}
		if len(sent) < cap(sent) {
			sent = sent[:len(sent)+1]
		} else {
			sent = append(sent, repeated{})
		}
		r := &sent[len(sent)-1]
		*r = repeated{p: p, received: received, in: int64(n.q.size), out: int64(len(out) - start), kept: c.info.KeepAlives, close: !keep, values: r.values[:0]}
		for _, f := range p.logged {
			if v, ok := n.q.field(f); ok {
				r.values = append(r.values, fieldValue{f, v})
			}
		}
		c.info.KeepAlives++
		b = b[n.q.size:]
		switch {
		case p.file != nil:
			r.out += p.n
		case len(p.body) > copiedBody:
			r.out += int64(len(p.body))
		default:
			out = append(out, p.body...)
			r.out += int64(len(p.body))
			if keep && len(out) < inlineOutput-copiedBody && len(b) > 0 {
				continue
			}
		}
		n.out, n.sent = out, sent
		if !l.send(c, out, sent, b, n.q.ends && len(b) == 0) {
			return false
		}
		out, sent = out[:0], sent[:0]
		if !keep {
			return false
		}
	}
	n.out, n.sent = out, sent
	if len(sent) > 0 && !l.send(c, out, sent, b, false) {
		return false
	}
	if len(b) > 0 {
		l.hand(c, slices.Clone(b), nil)
		return false
	}
	return true
}

// send writes what was gathered, and the body or file of the last answer behind
// it. It is false when the connection is gone or a goroutine's; rest is what
// was read and not answered. done says that the client has told that it will
// send nothing more.
func (l *Loop) send(c *conn, out []byte, sent []repeated, rest []byte, done bool) bool {
	last := &sent[len(sent)-1]
	d := debt{out: out, file: last.p.file, off: last.p.off, n: last.p.n}
	flags := unix.MSG_NOSIGNAL
	if d.file != nil || done && c.info.Close {
		flags |= unix.MSG_MORE // the file, or the end, goes with it
	}
	var err error
	var wrote int
	if body := last.p.body; c.sec != nil {
		d.out = nil
		last.out += l.encrypt(c, out, body, &err)
	} else if len(body) > copiedBody {
		if wrote, err = send2(c.fd, out, body, flags); wrote < len(out)+len(body) {
			d.out = append(slices.Clone(out[min(wrote, len(out)):]), body[max(wrote-len(out), 0):]...)
		} else {
			d.out = nil
		}
	} else {
		wrote, err = send(c.fd, out, flags)
		d.out = out[wrote:]
	}
	if err == nil && len(d.out) == 0 && d.n > 0 && c.sec == nil {
		var m int64
		if m, err = sendFile(c.fd, d.file.fd, &d.off, d.n); m == 0 && err == nil {
			err = unix.EIO // the file became shorter
		}
		d.n -= m
	}
	switch {
	case err != nil && err != unix.EAGAIN:
		c.info.Aborted, c.info.Close = true, true
		last.out -= int64(len(d.out)) + d.n
		fallthrough
	case err == nil && len(d.out) == 0 && d.n == 0 && (c.sec == nil || len(c.sec.out) == 0):
		now := time.Now()
		w := l.answers.watch.Load()
		for i := range sent {
			l.inline.log.line(l, c, &sent[i], w, now)
		}
		if !c.info.Close {
			return true
		}
		if done || c.info.Aborted {
			c.close()
		} else {
			l.leave(c, c.linger)
		}
		return false
	}
	l.hand(c, slices.Clone(rest), d.clone(sent))
	return false
}

// encrypt sends what is in clear, and a longer body behind it. What the socket
// does not take stays in c.sec.out. It gives the bytes that encryption adds.
func (l *Loop) encrypt(c *conn, out, body []byte, err *error) (overhead int64) {
	s, n := c.sec, l.inline
	plain := len(out)
	s.out = n.records[:0]
	_, *err = s.tls.Write(out)
	if *err == nil && len(body) > copiedBody {
		plain += len(body)
		_, *err = s.tls.Write(body)
	}
	all := s.out
	n.records, s.out = all[:0], nil
	if *err != nil {
		return 0
	}
	wrote, e := send(c.fd, all, unix.MSG_NOSIGNAL)
	if *err = e; (e == nil || e == unix.EAGAIN) && wrote < len(all) {
		s.out = slices.Clone(all[wrote:])
	}
	return int64(len(all) - plain)
}

// clone copies what lies in the loop's buffers.
func (d debt) clone(sent []repeated) *debt {
	d.out = slices.Clone(d.out)
	d.sent = slices.Clone(sent)
	for i := range d.sent {
		values := slices.Clone(d.sent[i].values)
		for j := range values {
			values[j].value = slices.Clone(values[j].value)
		}
		d.sent[i].values = values
	}
	return &d
}

// settle sends what the loop could not. It is false when the connection is gone.
func (c *conn) settle(d *debt) bool {
	c.bytesOut = 0
	flags := 0
	if d.file != nil {
		flags = unix.MSG_MORE
	}
	var err error
	if c.sec != nil {
		err = c.sec.flush() // what was encrypted; nothing is in clear any more
	} else {
		err = c.write(d.out, flags)
	}
	if err == nil && d.file != nil {
		err = c.sendfile(d.file.fd, d.off, d.n)
	}
	if err != nil {
		c.info.Aborted, c.info.Close = true, true
		left := int64(len(d.out)) + d.n - c.bytesOut
		d.sent[len(d.sent)-1].out -= left
	}
	var log logger
	w := c.loop.answers.watch.Load()
	now := time.Now()
	for i := range d.sent {
		log.line(c.loop, c, &d.sent[i], w, now)
	}
	return !c.info.Close
}

// line logs one answer, counts it, and lets go of it.
func (g *logger) line(l *Loop, c *conn, s *repeated, w *watchList, now time.Time) {
	if g.fields == nil {
		g.fields = http.Header{}
	}
	clear(g.fields)
	for _, v := range s.values {
		slot := g.values[v.field][:]
		slot[0] = unsafe.String(unsafe.SliceData(v.value), len(v.value))
		g.fields[w.names[v.field]] = slot
	}
	r := &g.r
	kept, ends := c.info.KeepAlives, c.info.Close
	c.info.KeepAlives, c.info.Close = s.kept, s.close || c.info.Aborted
	s.p.rep.Repeat(r, &c.info, g.fields)
	r.Received, r.FirstByte, r.Ended = s.received, now, now
	r.BytesIn, r.BytesOut = s.in, s.out
	if s.routed {
		g.relayed(r, s)
	}
	r.Log()
	c.info.KeepAlives, c.info.Close = kept, ends
	l.crew.Count(s.out, now.Sub(s.received).Microseconds())
	if s.p.file != nil {
		s.p.file.drop()
	}
	s.p = nil
}

// relayed puts into a request what differs from one answer of a backend to the next.
func (g *logger) relayed(r *server.Request, s *repeated) {
	if r.SentBody == s.length {
		return
	}
	r.SentBody = s.length
	if !s.chunks {
		r.Out = r.Out.Clone()
		r.Out.Set("Content-Length", strconv.FormatInt(s.length, 10))
	}
}

// appendHead writes the head for one request and tells whether the connection
// stays open behind it.
func (p *prepared) appendHead(b []byte, t *dateTexts, now time.Time, kept int, wants, http11, ends bool) ([]byte, bool) {
	b = append(b, p.status...)
	b = append(b, t.at(now, 0)...)
	start := len(b)
	b = append(b, p.fields...)
	for _, d := range p.dates {
		copy(b[start+d.at:], t.at(now, d.after))
	}
	b, keep := p.conn.Append(b, kept, wants, http11, ends)
	return append(b, p.rest...), keep
}

// dateTexts are the dates of a second.
type dateTexts struct {
	sec   int64
	now   string
	later map[time.Duration]string
}

// at is the date that lies so long after now.
func (t *dateTexts) at(now time.Time, after time.Duration) string {
	if sec := now.Unix(); t.sec != sec {
		t.sec, t.now = sec, now.UTC().Format(http.TimeFormat)
		clear(t.later)
	}
	if after == 0 {
		return t.now
	}
	s, ok := t.later[after]
	if !ok {
		if t.later == nil {
			t.later = map[time.Duration]string{}
		}
		s = now.Add(after).UTC().Format(http.TimeFormat)
		t.later[after] = s
	}
	return s
}

// keyFor is the key of answers for a request that goes through the phases; nil
// when its answer is not worth keeping.
func (l *Loop) keyFor(c *conn, r *server.Request, h *head) []byte {
	if l.answers.valid <= 0 || h.method != "GET" && h.method != "HEAD" || !strings.HasPrefix(h.target, "/") {
		return nil
	}
	key := make([]byte, 0, 128)
	key = append(binary.LittleEndian.AppendUint32(key, c.arrivalKey()), h.line...)
	if host, ok := h.fields["Host"]; ok {
		key = append(append(key, '\n'), host[0]...)
	}
	if !l.answers.again(key, r.Received) {
		return nil
	}
	return key
}

// keep puts the answer to a request that was just served away for the next.
func (l *Loop) keep(c *conn, r *server.Request, x *exchange, fields http.Header) {
	rep := r.Repetition()
	now := time.Now().UnixNano()
	if rep == nil || !x.prepared.complete(rep, fields, c.info.ClientIP, r.Received.UnixNano()+l.answers.valid) {
		x.prepared.drop()
		return
	}
	l.answers.put(string(x.key), x.prepared, now)
}
