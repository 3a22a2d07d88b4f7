package h1

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

// A route is the way of a request to a backend, learnt from one that the phases
// have sent there: the loop sends requests that look the same by itself (flight.go),
// and passes on answers whose head it has seen the phases treat. It is part of a
// prepared answer, which says for which requests it is.
//
// What it would send for the request that it was learnt from is compared with
// what was sent, and so is the response: a way that cannot be told by the rules
// of this file is never taken.
type route struct {
	way   server.Forwarding // without Sent, Head and Body
	start []byte            // the request line and Host
	end   []byte            // behind the client's fields, up to the client's address
	names bool              // the address stands there
	tail  []byte            // behind it
	vars  *variables        // instead of these, for a FastCGI application
	heads []*routedHead     // the newest last; answers.mu is held
	fails int               // answers with a head that was none of these, less those that were
}

// routedHead is what became of an answer's head. Date and Content-Length are put
// in anew for each answer.
type routedHead struct {
	key []byte // of the backend's head: see answerHead
	p   *prepared
	// Where the length stands, in p.fields or p.rest.
	inRest bool
	at, n  int
	dated  bool  // the backend's Date is passed on
	chunks bool  // its body is sent in chunks; there is no length then
	length int64 // of the answer that it was learnt from
	line   int   // bytes of the backend's status line
}

const (
	routedBody  = 64 << 10 // a longer one is not for the loop
	maxHeads    = 8        // of a route
	maxFields   = 40       // of a request that is forwarded
	tiredOfMiss = 16
)

// learning is a route while the answer passes that it is learnt from.
type learning struct {
	f     *server.Forwarding
	route *route
	head  *routedHead
	sent  int64
	ended bool
}

// forwardedField says what becomes of a field of a request.
type fieldUse uint8

const (
	passes  fieldUse = iota
	dropped          // the proxy's business
	refused          // the phases must see it
)

func useOf(name []byte) fieldUse {
	switch len(name) {
	case 2:
		if is(name, "te") {
			return dropped
		}
	case 3:
		if is(name, "via") {
			return refused
		}
	case 4:
		if is(name, "host") {
			return dropped
		}
	case 6:
		if is(name, "expect") {
			return refused
		}
	case 7:
		if is(name, "upgrade") {
			return refused
		}
		if is(name, "trailer") {
			return dropped
		}
	case 10:
		if is(name, "connection") || is(name, "keep-alive") {
			return dropped
		}
	case 12:
		if is(name, "max-forwards") {
			return refused
		}
	case 14:
		if is(name, "content-length") {
			return refused
		}
	case 15:
		if is(name, "x-forwarded-for") {
			return refused
		}
	case 16:
		if is(name, "proxy-connection") {
			return dropped
		}
		if is(name, "x-forwarded-host") {
			return refused
		}
	case 17:
		if is(name, "transfer-encoding") {
			return refused
		}
	case 18:
		if is(name, "x-forwarded-server") {
			return refused
		}
	case 19:
		if is(name, "proxy-authorization") {
			return refused
		}
	}
	return passes
}

// appendPassed writes the fields of a request that are sent on. raw is its head
// as it came, which was recognised. It is false for one with a field, or with two
// of one name, that only the phases can send on.
func appendPassed(b, raw []byte) ([]byte, bool) {
	var seen [maxFields][]byte
	count := 0
	_, rest, _ := bytes.Cut(raw, crlf)
	for {
		var field []byte
		var ok bool
		field, rest, ok = bytes.Cut(rest, crlf)
		if !ok {
			return b, false
		}
		if len(field) == 0 {
			return b, len(rest) == 0
		}
		colon := bytes.IndexByte(field, ':')
		if colon <= 0 || count == maxFields {
			return b, false
		}
		name := field[:colon]
		switch useOf(name) {
		case dropped:
			continue
		case refused:
			return b, false
		}
		for _, s := range seen[:count] {
			if len(s) == len(name) && bytes.EqualFold(s, name) {
				return b, false
			}
		}
		seen[count] = name
		count++
		value := field[colon+1:]
		for len(value) > 0 && value[0] == ' ' {
			value = value[1:]
		}
		for len(value) > 0 && value[len(value)-1] == ' ' {
			value = value[:len(value)-1]
		}
		b = append(append(append(append(b, name...), ": "...), value...), crlf...)
	}
}

var crlf = []byte("\r\n")

// appendRequest writes what is sent to the backend for a request.
func (t *route) appendRequest(b, raw []byte, c *server.Conn) ([]byte, bool) {
	if t.vars != nil {
		return t.vars.appendRequest(b, raw, c)
	}
	b, ok := appendPassed(append(b, t.start...), raw)
	if !ok {
		return b, false
	}
	b = append(b, t.end...)
	if t.names {
		b = append(b, c.ClientIP...)
	}
	return append(b, t.tail...), true
}

// newRoute learns the way of a request; raw is its head as it came. It is nil for
// one that the loop could not send in the same words.
func newRoute(f *server.Forwarding, raw []byte, c *server.Conn) *route {
	t := &route{way: *f}
	t.way.Sent, t.way.Head, t.way.Body = nil, "", nil
	if f.Records {
		if t.vars = newVariables(f.Sent, raw, c); t.vars == nil {
			return nil
		}
		return t
	}
	line := bytes.Index(f.Sent, crlf)
	if line < 0 {
		return nil
	}
	host := bytes.Index(f.Sent[line+2:], crlf)
	if host < 0 || !bytes.HasPrefix(f.Sent[line+2:], []byte("Host: ")) {
		return nil
	}
	t.start = bytes.Clone(f.Sent[:line+2+host+2])
	sofar, ok := appendPassed(slices.Clip(t.start), raw)
	if !ok || !bytes.HasPrefix(f.Sent, sofar) {
		return nil
	}
	t.end = bytes.Clone(f.Sent[len(sofar):])
	address := []byte("X-Forwarded-For: " + c.ClientIP + "\r\n")
	if at := bytes.Index(t.end, address); at >= 0 {
		at += len(address) - len(c.ClientIP) - 2
		t.end, t.tail, t.names = t.end[:at:at], t.end[at+len(c.ClientIP):], true
	}
	again, ok := t.appendRequest(nil, raw, c)
	if !ok || !bytes.Equal(again, f.Sent) {
		return nil
	}
	return t
}

// same tells whether two routes are the same but for what came back.
func (t *route) same(o *route) bool {
	if (t.vars != nil) != (o.vars != nil) || t.vars != nil && !t.vars.same(o.vars) {
		return false
	}
	a, b := &t.way, &o.way
	return a.Worker == b.Worker && a.Host == b.Host && a.Port == b.Port && a.Socket == b.Socket && a.Timeout == b.Timeout &&
		a.Fresh == b.Fresh && a.Path == b.Path && a.Addr == b.Addr && t.names == o.names && bytes.Equal(t.start, o.start) && bytes.Equal(t.end, o.end) && bytes.Equal(t.tail, o.tail)
}

// answerHead is a backend's head, taken apart as far as the loop understands it.
type answerHead struct {
	size   int    // with the empty line
	key    []byte // all of it but the values of Date and Content-Length
	date   []byte // nil for none
	digits []byte // of Content-Length
	length int64
}

// read looks at a head at the start of b. It is false for one that has not come
// as a whole (more is true then), or that is unusual in any way: for the loop
// that is the same as one that it has not seen.
func (h *answerHead) read(b []byte) (ok, more bool) {
	h.key, h.date, h.digits, h.length = h.key[:0], nil, nil, -1
	first := true
	for at := 0; ; first = false {
		end := bytes.IndexByte(b[at:], '\n')
		if end < 0 {
			return false, len(b) < maxAnswerHead
		}
		if end == 0 || b[at+end-1] != '\r' {
			return false, false
		}
		line := b[at : at+end-1]
		at += end + 1
		switch {
		case first:
			if len(line) < 12 || string(line[:9]) != "HTTP/1.1 " || line[9] < '2' || line[9] > '5' {
				return false, false
			}
		case len(line) == 0:
			h.size = at
			return h.length >= 0, false
		case line[0] == ' ' || line[0] == '\t':
			return false, false
		case len(line) > 6 && line[4] == ':' && is(line[:4], "date"):
			if h.date != nil || line[5] != ' ' {
				return false, false
			}
			h.date = line[6:]
			h.key = append(h.key, line[:6]...)
			continue
		case len(line) > 16 && line[14] == ':' && is(line[:14], "content-length"):
			if h.length >= 0 || line[15] != ' ' || len(line) > 16+15 {
				return false, false
			}
			h.digits, h.length = line[16:], 0
			for _, c := range h.digits {
				if c < '0' || c > '9' {
					return false, false
				}
				h.length = h.length*10 + int64(c-'0')
			}
			h.key = append(h.key, line[:16]...)
			continue
		case len(line) > 17 && line[17] == ':' && is(line[:17], "transfer-encoding"):
			return false, false
		}
		h.key = append(append(h.key, line...), '\n')
	}
}

// maxAnswerHead is the longest head that the loop waits for.
const maxAnswerHead = 8 << 10

// newRoutedHead learns what became of a backend's head. It is called before the
// head of the response is written.
func newRoutedHead(f *server.Forwarding, r *server.Request) *routedHead {
	var h answerHead
	if f.Records {
		return newRecordsHead(f, r)
	}
	if ok, _ := h.read([]byte(f.Head)); r.Chunked || !ok || h.size != len(f.Head) || h.length != f.Length || h.length > routedBody {
		return nil
	}
	if h.date != nil && !isDate(h.date) {
		return nil
	}
	date, dated := r.Out.Lookup("Date")
	if dated != (h.date != nil) || dated && date != string(h.date) || r.Out.Get("Content-Length") != string(h.digits) || f.Length != h.length {
		return nil
	}
	banner, ok := r.Out.Lookup("Server")
	if !ok {
		banner = r.Gen.Banner()
	}
	t := &routedHead{key: h.key, p: headOf(r, banner), dated: dated, length: h.length, line: strings.IndexByte(f.Head, '\r')}
	field := []byte("\r\nContent-Length: ")
	if t.at = bytes.Index(t.p.fields, field); t.at < 0 {
		rest := append([]byte("\r\n"), t.p.rest...)
		if t.at = bytes.Index(rest, field); t.at < 0 {
			return nil
		}
		t.at -= 2
		t.inRest = true
	}
	t.at += len(field)
	t.n = len(h.digits)
	t.p.conn = server.PersistenceOf(server.CoreServer.Of(r.Server))
	return t
}

// isDate tells whether a date has HTTP's preferred form, in which it is passed on.
func isDate(b []byte) bool {
	if len(b) != len(http.TimeFormat) {
		return false
	}
	t, err := time.Parse(http.TimeFormat, string(b))
	return err == nil && t.Format(http.TimeFormat) == string(b)
}

// append writes the head of a response to an answer with that head.
func (t *routedHead) append(b []byte, h *answerHead, dates *dateTexts, now time.Time, kept int, wants, http11, ends bool) ([]byte, bool) {
	p := t.p
	b = append(b, p.status...)
	if t.dated {
		b = append(b, h.date...)
	} else {
		b = append(b, dates.at(now, 0)...)
	}
	start := len(b)
	if t.inRest || t.chunks {
		b = append(b, p.fields...)
	} else {
		b = t.appendWithLength(b, p.fields, h.digits)
	}
	for _, d := range p.dates { // of one whose length is the same: see fits
		copy(b[start+d.at:], dates.at(now, d.after))
	}
	b, keep := p.conn.Append(b, kept, wants, http11, ends)
	if t.inRest {
		return t.appendWithLength(b, p.rest, h.digits), keep
	}
	return append(b, p.rest...), keep
}

func (t *routedHead) appendWithLength(b, fields, digits []byte) []byte {
	b = append(b, fields[:t.at]...)
	b = append(b, digits...)
	return append(b, fields[t.at+t.n:]...)
}

// fits tells whether an answer's head is one that this was learnt from.
func (t *routedHead) fits(h *answerHead) bool {
	return t.dated == (h.date != nil) && bytes.Equal(t.key, h.key) && (len(t.p.dates) == 0 || t.n == len(h.digits))
}

// learn begins to learn from the first brigade of a response; x.c.info and the
// response's head are as they will be written.
func (x *exchange) learn(r *server.Request, b *server.Brigade) {
	l := &x.learning
	f := l.f
	if f == nil || x.key == nil || !r.MayForward() || r.ClientIP != r.Conn.ClientIP || !l.same(b) {
		return
	}
	head := newRoutedHead(f, r)
	if head == nil {
		return
	}
	if l.route = newRoute(f, x.raw, r.Conn); l.route == nil {
		return
	}
	l.head = head
}

// check compares the head that was written with the one that would be written by
// what was learnt; and what is learnt is forgotten where they differ.
func (l *learning) check(out []byte, r *server.Request) {
	if l.head == nil {
		return
	}
	var h answerHead
	if !l.f.Records {
		h.read([]byte(l.f.Head))
	}
	var dates dateTexts
	again, _ := l.head.append(nil, &h, &dates, time.Now(), r.Conn.KeepAlives, r.WantsKeepAlive(), r.ProtoAtLeast(1, 1), r.Conn.Close)
	if !bytes.Equal(again, out) {
		l.head = nil
	}
}

// passed looks at a brigade of the response: one that is not what the backend has
// sent is none to learn from.
func (l *learning) passed(b *server.Brigade) {
	if l.head == nil {
		return
	}
	if !l.same(b) {
		l.head = nil
		return
	}
	l.sent += b.Size()
	l.ended = b.EOS
}

// same tells whether a brigade is the very piece that came from the backend.
func (l *learning) same(b *server.Brigade) bool {
	return len(b.Buckets) == 1 && b.Buckets[0].File == nil && len(b.Buckets[0].Mem) == len(l.f.Body) && len(l.f.Body) > 0 &&
		&b.Buckets[0].Mem[0] == &l.f.Body[0]
}

// Forwards is told by a proxy of the way of the request.
func (x *exchange) Forwards(f *server.Forwarding) {
	if x.key != nil {
		x.learning.f = f
	}
}

var _ server.Forwarder = (*exchange)(nil)

// keepRoute puts a route away that was learnt from a request which was just served.
func (l *Loop) keepRoute(c *conn, r *server.Request, x *exchange, fields http.Header) {
	t := &x.learning
	if t.head == nil || !t.ended || !t.head.chunks && t.sent != t.head.length || t.sent > routedBody {
		return
	}
	rep := r.Repetition()
	now := time.Now().UnixNano()
	if rep == nil {
		return
	}
	p := t.head.p
	p.route = t.route
	t.route.heads = []*routedHead{t.head}
	if p.complete(rep, fields, c.info.ClientIP, r.Received.UnixNano()+l.answers.valid) {
		l.answers.putRoute(string(x.key), p, now)
	}
}

// putRoute keeps a route: as one more head of the one that is known, or as a new one.
func (a *answers) putRoute(key string, p *prepared, now int64) {
	a.mu.Lock()
	for _, old := range a.m[key] {
		if old.route == nil || old.expires <= now || old.client != p.client || !old.route.same(p.route) || !old.variesAs(p) {
			continue
		}
		t, n := old.route, p.route.heads[0]
		for _, name := range p.rep.Logged {
			i, ok := a.index(name)
			if !ok || !slices.Contains(old.logged, i) {
				a.mu.Unlock()
				return
			}
			p.logged = append(p.logged, i)
		}
		t.heads = slices.DeleteFunc(t.heads, func(h *routedHead) bool { return bytes.Equal(h.key, n.key) && h.dated == n.dated })
		if len(t.heads) >= maxHeads {
			t.heads = t.heads[1:]
		}
		t.heads = append(slices.Clip(t.heads), n)
		a.mu.Unlock()
		return
	}
	a.mu.Unlock()
	a.put(key, p, now)
}

// variesAs tells whether two answers depend on the same values of the same fields.
func (p *prepared) variesAs(o *prepared) bool {
	for i := range p.vary {
		if i >= len(o.vary) || p.rep.Fields[i].Name != o.rep.Fields[i].Name || p.vary[i].present != o.vary[i].present ||
			p.vary[i].value != o.vary[i].value || p.vary[i].classes != o.vary[i].classes {
			return false
		}
	}
	return len(p.vary) == len(o.vary)
}

// findRoutes gives the ways that fit a request and are the same but for what came
// back, behind list; none when its way leads elsewhere or is not worth taking.
func (a *answers) findRoutes(list []*prepared, q *recognised, c *conn, now int64) []*prepared {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, p := range a.m[string(q.key)] {
		if p.route != nil && p.expires > now && p.route.fails < tiredOfMiss && p.fits(q, c) && (len(list) == 0 || p.route.same(list[0].route)) {
			list = append(list, p)
		}
	}
	return list
}

// headFor gives what is known of an answer's head; nil for nothing. A route whose
// answers are each of another kind is not taken any more until it is learnt anew.
func (a *answers) headFor(ways []*prepared, h *answerHead) *routedHead {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, p := range ways {
		t := p.route
		for i := len(t.heads) - 1; i >= 0; i-- {
			if t.heads[i].fits(h) {
				t.fails = max(t.fails-1, 0)
				return t.heads[i]
			}
		}
	}
	ways[0].route.fails++
	return nil
}
