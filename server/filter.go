package server

import (
	"errors"
	"io"
	"os"
	"slices"
)

// A response flows from the handler through a chain of output filters to the
// wire, in brigades, as in Apache. That the end of the response stands in the
// first brigade is meaningful: then, and only then, its length is known before
// the head is sent, and ranges can be cut from it.

// Bucket is a run of body: memory, or a piece of a file. Filters treat Mem as
// read-only; it is valid until Pass returns.
type Bucket struct {
	Mem  []byte   // may be shared with other responses: never written to
	File *os.File // not nil: Len bytes at Off of this file
	Off  int64
	Len  int64 // of a file's piece; the length of Mem otherwise

	whole *wholeFile // the file that this is all of; it counts only while the rest agrees
}

// Size is the number of bytes of body in the bucket.
func (b Bucket) Size() int64 {
	if b.File != nil {
		return b.Len
	}
	return int64(len(b.Mem))
}

// Kind is what Apache's logs would call the bucket: FILE or HEAP.
func (b Bucket) Kind() string {
	if b.File != nil || b.whole != nil {
		return "FILE"
	}
	return "HEAP"
}

// Read gives the bucket's bytes; a file's piece is read into memory.
func (b Bucket) Read() ([]byte, error) {
	if b.File == nil {
		return b.Mem, nil
	}
	p := make([]byte, b.Len)
	_, err := b.File.ReadAt(p, b.Off)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return p, err
}

// pieceSize is how much of a file a filter looks at at one time.
const pieceSize = 64 << 10

// Pieces calls f with the bucket's bytes in order, a file's in pieces: they
// are valid until f returns.
func (b Bucket) Pieces(f func([]byte) error) error {
	if b.File == nil {
		if len(b.Mem) == 0 {
			return nil
		}
		return f(b.Mem)
	}
	p := make([]byte, min(b.Len, pieceSize))
	for done := int64(0); done < b.Len; {
		p = p[:min(b.Len-done, pieceSize)]
		if n, err := b.File.ReadAt(p, b.Off+done); n < len(p) {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		if err := f(p); err != nil {
			return err
		}
		done += int64(len(p))
	}
	return nil
}

// Brigade is what a handler or filter passes on at one time.
type Brigade struct {
	Buckets []Bucket
	Flush   bool // what has come so far should reach the client now
	EOS     bool // the response ends here
	// Streamed says that how much there is was not known before it was read, as
	// of a program's output: no ranges are cut from it.
	Streamed bool
}

// Size is the number of bytes of body in the brigade.
func (b *Brigade) Size() int64 {
	var n int64
	for i := range b.Buckets {
		n += b.Buckets[i].Size()
	}
	return n
}

// SplitBuckets cuts a list of buckets behind n bytes; no byte is read or copied.
func SplitBuckets(list []Bucket, n int64) (head, rest []Bucket) {
	for i, k := range list {
		size := k.Size()
		if size <= n {
			n -= size
			continue
		}
		head = slices.Clip(list[:i])
		rest = slices.Clone(list[i:])
		if n > 0 {
			first := k
			if k.File != nil {
				first.Len = n
				rest[0].Off, rest[0].Len = k.Off+n, k.Len-n
			} else {
				first.Mem, rest[0].Mem = k.Mem[:n], k.Mem[n:]
			}
			head = append(head, first)
		}
		return head, rest
	}
	return list, nil
}

// FilterLevel is where in the chain a filter stands (AP_FTYPE_*). Between
// filters of one level the one added first comes first.
type FilterLevel int

const (
	ResourceLevel   FilterLevel = 10 // changes what the resource is: INCLUDES
	ContentSetLevel FilterLevel = 20 // changes its form: DEFLATE, headers
	ProtocolLevel   FilterLevel = 30 // HTTP itself: ranges, Content-Length
	TranscodeLevel  FilterLevel = 40 // chunked
	ConnectionLevel FilterLevel = 50
	NetworkLevel    FilterLevel = 60
)

// ErrGeneral is what a filter answers that has said why it failed (APR_EGENERAL).
var ErrGeneral = errors.New("(20014)Internal error (specific information not available)")

// OutputFilter is a stage of the chain. Run is called with each brigade that
// reaches it, in order, never again after one with EOS. It passes what it
// makes of it to l.Pass, or keeps it for later.
type OutputFilter struct {
	Name  string // as SetOutputFilter names it
	Level FilterLevel
	Run   func(l *Link, b *Brigade) error
	// Init is called for each filter of the chain before the handler runs (the
	// filter's init function); may be nil.
	Init func(*Request)
	// Plain filters leave an answer repeatable, as plain hooks do; see [Hook.Plain].
	Plain bool
}

// Link is a filter's place in one request's chain.
type Link struct {
	R      *Request
	State  any // the filter's own
	filter *OutputFilter
	next   *Link
	gone   bool
}

// Pass hands a brigade to the next filter.
func (l *Link) Pass(b *Brigade) error {
	n := l.next
	for n != nil && n.gone {
		n = n.next
	}
	if l.R.explain != nil {
		l.R.explain.through(l.R, n)
	}
	if n == nil {
		return l.R.Exchange.Body(l.R, b)
	}
	return n.filter.Run(n, b)
}

// Name is the filter's; that of the smart filter where mod_filter runs one for another.
func (l *Link) Name() string { return l.filter.Name }

// Remove takes the filter out: later brigades pass it by.
func (l *Link) Remove() { l.gone = true }

// AddOutputFilter puts a filter into the request's chain, behind those of its level.
func (r *Request) AddOutputFilter(f *OutputFilter, state any) *Link {
	if !f.Plain {
		r.Unrepeatable()
	}
	l := &Link{R: r, filter: f, State: state}
	at := &r.output
	for *at != nil && (*at).filter.Level <= f.Level {
		at = &(*at).next
	}
	l.next, *at = *at, l
	if r.explain != nil {
		r.explain.own(l)
	}
	return l
}

// HasOutputFilter tells whether a filter of that name is in the chain.
func (r *Request) HasOutputFilter(name string) bool {
	for l := r.output; l != nil; l = l.next {
		if !l.gone && l.filter.Name == name {
			return true
		}
	}
	return false
}

// OnHead calls f when the head is about to be sent, after the handler has set
// its fields and in the order of the calls of OnHead.
func (r *Request) OnHead(f func(*Request)) { r.OnHeadAt(ContentSetLevel, f) }

// OnHeadAt is OnHead among the filters of a level.
func (r *Request) OnHeadAt(level FilterLevel, f func(*Request)) {
	r.AddOutputFilter(&OutputFilter{Level: level, Run: func(l *Link, b *Brigade) error {
		l.Remove()
		f(l.R)
		return l.Pass(b)
	}}, nil)
}

// PassBrigade sends b down the chain from its top (ap_pass_brigade(r->output_filters)).
func (r *Request) PassBrigade(b *Brigade) error {
	top := Link{R: r, next: r.output}
	return top.Pass(b)
}

// writeBuffer is how much a handler may write before the head is decided
// (AP_MIN_BYTES_TO_WRITE): a response that ends earlier has a Content-Length.
const writeBuffer = 8000

// Write sends body through the filters; small writes are gathered.
func (r *Request) Write(p []byte) (int, error) {
	r.pending = append(r.pending, p...)
	if len(r.pending) < writeBuffer {
		return len(p), nil
	}
	return len(p), r.passPending(false, false)
}

// WriteThrough is Write for a large piece: it is sent on now, behind what was
// written before, and not copied. p may be used again afterwards.
func (r *Request) WriteThrough(p []byte) error {
	b := Brigade{Buckets: []Bucket{{Mem: p}}}
	if len(r.pending) > 0 {
		b.Buckets = []Bucket{{Mem: slices.Clone(r.pending)}, {Mem: p}}
		r.pending = r.pending[:0]
	}
	return r.PassBrigade(&b)
}

// PassPiece sends a piece of body on as it came from elsewhere; flush says that
// nothing follows for the moment. p may be used again afterwards.
func (r *Request) PassPiece(p []byte, flush bool) error {
	return r.PassBrigade(&Brigade{Buckets: []Bucket{{Mem: p}}, Flush: flush})
}

// PassLast is PassPiece for the end of a response: when it is the first piece
// too, its length is known before the head is sent.
func (r *Request) PassLast(p []byte) error {
	r.ended = true
	return r.PassBrigade(&Brigade{Buckets: []Bucket{{Mem: p}}, EOS: true})
}

// WriteString is Write for a string.
func (r *Request) WriteString(s string) (int, error) { return r.Write([]byte(s)) }

// Flush sends what was written to the client now.
func (r *Request) Flush() error { return r.passPending(true, false) }

// SendFile sends n bytes at off of f. The file must stay open until the request ends.
func (r *Request) SendFile(f *os.File, off, n int64) error {
	if len(r.pending) > 0 {
		if err := r.passPending(false, false); err != nil {
			return err
		}
	}
	return r.PassBrigade(&Brigade{Buckets: []Bucket{{File: f, Off: off, Len: n}}})
}

// EndWithFile is [Request.SendFile] for the last of a response: its length is
// then known before the head is sent.
func (r *Request) EndWithFile(f *os.File, off, n int64) error {
	if len(r.pending) > 0 {
		if err := r.passPending(false, false); err != nil {
			return err
		}
	}
	r.ended = true
	return r.PassBrigade(&Brigade{Buckets: []Bucket{{File: f, Off: off, Len: n}}, EOS: true})
}

// End ends the response with what was written; once only.
func (r *Request) End() error {
	if r.ended {
		return nil
	}
	return r.passPending(false, true)
}

// EndWith ends the response with b, behind what was written; once only.
func (r *Request) EndWith(b *Brigade) error {
	if len(r.pending) > 0 {
		if err := r.passPending(false, false); err != nil {
			return err
		}
	}
	r.ended, b.EOS = true, true
	return r.PassBrigade(b)
}

// TruncateFor is [Request.Truncate] with the reason in the log: what makes the
// body failed.
func (r *Request) TruncateFor(why error) {
	corelog.Error(r).Err(why).Msg("AH00574: ap_content_length_filter: apr_bucket_read() failed")
	r.Truncate()
}

// WithholdLength has a response sent in chunks although its end may be known
// when it begins.
func (r *Request) WithholdLength() {
	for l := r.output; l != nil; l = l.next {
		if l.filter == contentLengthFilter {
			l.Remove()
		}
	}
}

// SendRaw takes out what stands between the handler and the connection: what is
// passed from now on goes to the client as it is, head and all, and the
// connection ends behind it.
func (r *Request) SendRaw() {
	r.output = nil
	r.Simple, r.Chunked, r.HeadSent = true, false, true
	r.Exchange.Drop()
}

func (r *Request) passPending(flush, eos bool) error {
	b := Brigade{Flush: flush, EOS: eos}
	if len(r.pending) > 0 {
		b.Buckets = []Bucket{{Mem: slices.Clone(r.pending)}}
		r.pending = r.pending[:0]
	}
	r.ended = r.ended || eos
	return r.PassBrigade(&b)
}
