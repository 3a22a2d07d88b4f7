package h1

import (
	"bytes"
	"hash/maphash"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/donjon-httpd/donjon/server"
)

// A prepared answer is the bytes of a response that the phases made, kept for
// requests that look the same (server.Repetition says what that means). The
// loop sends it without leaving its thread.
type prepared struct {
	rep     *server.Repetition
	conn    server.Persistence
	vary    []varyOn
	logged  []int // watched fields that log lines are made of
	watch   int   // how many fields must have been watched to know those of vary and logged
	client  string
	expires int64 // Unix nanoseconds

	// The head: before the Date's value, from behind it to the fields about the
	// connection, and what follows these up to the body.
	status []byte
	fields []byte
	rest   []byte
	dates  []dateIn
	body   []byte
	file   *heldFile // instead of body
	off, n int64     // of the file
	route  *route    // instead of an answer: the way to one
}

// varyOn is a field that must be as it was: the watched field's value, or its class.
type varyOn struct {
	field   int
	present bool
	value   string
	classes *server.FieldClasses
}

// dateIn is a date that is so long after the request: its value stands at that
// place in fields.
type dateIn struct {
	at    int
	after time.Duration
}

// heldFile is a descriptor that outlives the request which opened it. It is
// closed when the last who holds it lets go.
type heldFile struct {
	fd      int
	holders atomic.Int32
}

func holdFile(fd int) *heldFile {
	dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	f := &heldFile{fd: dup}
	f.holders.Store(1)
	return f
}

// hold is false for a file that has been let go already.
func (f *heldFile) hold() bool {
	for {
		n := f.holders.Load()
		if n == 0 {
			return false
		}
		if f.holders.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (f *heldFile) drop() {
	if f.holders.Add(-1) == 0 {
		unix.Close(f.fd)
	}
}

func (p *prepared) size() int64 {
	n := int64(len(p.status)+len(p.fields)+len(p.rest)+len(p.body)) + answerOverhead
	if p.route != nil {
		n += maxHeads * answerOverhead // about, when it has learnt all it can
	}
	return n
}

func (p *prepared) drop() {
	if p.file != nil {
		p.file.drop()
	}
}

const (
	answerOverhead = 2 << 10  // of memory beside head and body, about
	preparedBody   = 64 << 10 // a longer body is sent from its file
	maxHeldFiles   = 256
	maxVariants    = 16 // of one request line and host
	maxWatched     = 64 // fields of requests that any answer looks at
)

// answers are the prepared answers of a process. The loop looks them up, and
// goroutines that made a response put it in.
type answers struct {
	valid int64 // nanoseconds that an answer is kept; 0: none is
	most  int64 // bytes of all

	mu    sync.Mutex
	m     map[string][]*prepared // by key
	bytes int64
	files int

	asked [askedSlots]asked

	watch atomic.Pointer[watchList]
}

// asked remembers that something was asked for lately: what is asked for once
// is not worth keeping.
type asked struct {
	hash uint32
	sec  int32
}

const (
	askedSlots   = 1 << 12
	askedSeconds = 10
)

// again tells whether the same was asked for in the last seconds, as far as
// that is remembered.
func (a *answers) again(key []byte, now time.Time) bool {
	hash := uint32(maphash.Bytes(askedSeed, key))
	a.mu.Lock()
	defer a.mu.Unlock()
	slot := &a.asked[hash%askedSlots]
	sec := int32(now.Unix())
	known := slot.hash == hash && sec-slot.sec < askedSeconds
	*slot = asked{hash, sec}
	return known
}

var askedSeed = maphash.MakeSeed()

// watchList is the names of request fields that prepared answers look at. It
// only grows.
type watchList struct {
	names []string
	byLen [][]watched // by the name's length
}

type watched struct {
	name  string // lower case
	index int
}

func (w *watchList) find(name string) (int, bool) {
	if len(name) < len(w.byLen) {
		for _, f := range w.byLen[len(name)] {
			if strings.EqualFold(f.name, name) {
				return f.index, true
			}
		}
	}
	return 0, false
}

// with is the list with another name.
func (w *watchList) with(name string) *watchList {
	n := &watchList{names: append(slices.Clip(w.names), http.CanonicalHeaderKey(name)), byLen: slices.Clone(w.byLen)}
	for len(n.byLen) <= len(name) {
		n.byLen = append(n.byLen, nil)
	}
	n.byLen[len(name)] = append(slices.Clip(n.byLen[len(name)]), watched{strings.ToLower(name), len(w.names)})
	return n
}

// index gives the number of a field, which is watched from now on; false when
// there are too many. a.mu is held.
func (a *answers) index(name string) (int, bool) {
	w := a.watch.Load()
	if i, ok := w.find(name); ok {
		return i, true
	}
	if len(w.names) >= maxWatched {
		return 0, false
	}
	a.watch.Store(w.with(name))
	return len(w.names), true
}

func newAnswers(valid time.Duration, most int64) *answers {
	a := &answers{valid: int64(valid), most: most, m: map[string][]*prepared{}}
	a.watch.Store(&watchList{})
	return a
}

// find gives the answer for what was recognised; nil for none. The file of one
// that has one is held for the caller.
func (a *answers) find(q *recognised, c *conn, now int64) *prepared {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, p := range a.m[string(q.key)] {
		if p.expires > now && p.fits(q, c) && (p.file == nil || p.file.hold()) {
			return p
		}
	}
	return nil
}

func (p *prepared) fits(q *recognised, c *conn) bool {
	if p.watch > len(q.watch.names) || p.client != "" && p.client != c.info.ClientIP {
		return false
	}
	for i := range p.vary {
		v := &p.vary[i]
		value, present := q.field(v.field)
		if v.classes != nil {
			class, known := v.classes.Class(value)
			if !present || !known || class != v.value {
				return false
			}
		} else if present != v.present || string(value) != v.value {
			return false
		}
	}
	return true
}

// put keeps an answer for requests with that key.
func (a *answers) put(key string, p *prepared, now int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, f := range p.rep.Fields {
		n, ok := a.index(f.Name)
		if !ok {
			p.drop()
			return
		}
		p.vary[i].field = n
	}
	for _, name := range p.rep.Logged {
		n, ok := a.index(name)
		if !ok {
			p.drop()
			return
		}
		p.logged = append(p.logged, n)
	}
	p.watch = len(a.watch.Load().names)
	list := a.m[key]
	list = slices.DeleteFunc(list, func(old *prepared) bool {
		gone := old.expires <= now || old.client == p.client && slices.Equal(old.vary, p.vary)
		if gone {
			a.forget(old)
		}
		return gone
	})
	if len(list) >= maxVariants {
		a.forget(list[0])
		list = slices.Delete(list, 0, 1)
	}
	a.m[key] = append(list, p)
	a.bytes += p.size()
	if p.file != nil {
		a.files++
	}
	for victim := range a.m { // a map's order is as good as any
		if a.bytes <= a.most && a.files <= maxHeldFiles {
			break
		}
		if victim != key {
			a.remove(victim)
		}
	}
	if a.bytes > a.most {
		a.remove(key)
	}
}

func (a *answers) remove(key string) {
	for _, p := range a.m[key] {
		a.forget(p)
	}
	delete(a.m, key)
}

func (a *answers) forget(p *prepared) {
	a.bytes -= p.size()
	if p.file != nil {
		a.files--
	}
	p.drop()
}

// sweep lets go of answers that are too old; called once a second.
func (a *answers) sweep(now int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for key, list := range a.m {
		if slices.ContainsFunc(list, func(p *prepared) bool { return p.expires > now }) {
			continue
		}
		a.remove(key)
	}
}

// prepare makes an answer of a response that goes out in one brigade, or nil.
// The head and the body are copied; log lines are still to come.
func prepare(r *server.Request, b *server.Brigade) *prepared {
	if !b.EOS || len(b.Buckets) > 1 || !r.MayRepeat() {
		return nil
	}
	p := headOf(r, r.Gen.Banner())
	if len(b.Buckets) == 1 {
		switch k := b.Buckets[0]; {
		case k.File == nil && len(k.Mem) <= preparedBody:
			p.body = bytes.Clone(k.Mem)
		case k.File != nil && usesSendfile(r):
			if p.file = holdFile(int(k.File.Fd())); p.file == nil {
				return nil
			}
			p.off, p.n = k.Off, k.Len
		default:
			return nil
		}
	}
	return p
}

// headOf is the head of a response, with that Server field.
func headOf(r *server.Request, banner string) *prepared {
	p := &prepared{}
	p.status = append(append(append([]byte(r.Protocol), ' '), r.StatusLine...), "\r\nDate: "...)
	p.fields = append(append([]byte("\r\nServer: "), banner...), "\r\n"...)
	at := r.ConnectionAt()
	to := &p.fields
	for i, f := range r.Out.All() {
		if i == at {
			to = &p.rest
		}
		if equalFold(f.Name, "Connection") || equalFold(f.Name, "Keep-Alive") || equalFold(f.Name, "Date") || equalFold(f.Name, "Server") {
			continue
		}
		*to = append(append(append(*to, f.Name...), ": "...), f.Value...)
		*to = append(*to, "\r\n"...)
	}
	p.rest = append(p.rest, "\r\n"...)
	return p
}

func equalFold(a, b string) bool { return len(a) == len(b) && strings.EqualFold(a, b) }

// complete adds what is known when the response was logged, and tells whether
// the answer may be kept.
func (p *prepared) complete(rep *server.Repetition, fields http.Header, client string, expires int64) bool {
	p.rep, p.expires = rep, expires
	p.conn = server.PersistenceOf(server.CoreServer.Of(rep.Server))
	if rep.Client {
		p.client = client
	}
	for _, f := range rep.Fields {
		v := varyOn{classes: f.Classes, value: f.Class}
		if f.Classes == nil {
			list, ok := fields[http.CanonicalHeaderKey(f.Name)]
			if len(list) > 1 {
				return false
			}
			if v.present = ok; ok {
				v.value = list[0]
			}
		}
		p.vary = append(p.vary, v)
	}
	for _, d := range rep.Dates {
		name := []byte("\r\n" + d.Name + ": ")
		at := bytes.Index(p.fields, name)
		if at < 0 {
			return false // something has changed or moved it
		}
		p.dates = append(p.dates, dateIn{at: at + len(name), after: d.After})
	}
	return true
}
