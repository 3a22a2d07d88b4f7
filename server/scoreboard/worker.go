package scoreboard

import (
	"sync/atomic"
	"time"
)

// Worker is the row of a worker: what it does, and the last request that it
// worked on. One goroutine at a time writes a row; any process may read it.
type Worker struct {
	seq    atomic.Uint32 // odd while the row is being written
	status atomic.Uint32
	row    row
}

// row is the part that is read and written as a whole.
type row struct {
	client   text[[48]byte]
	protocol text[[16]byte]
	vhost    text[[48]byte]
	request  text[[64]byte]

	conn                      uint64 // the connection's number
	connAccesses, connBytes   uint64 // of that connection
	accesses, bytes, duration uint64 // of this child; microseconds
	began, ended              int64  // of the last request, microseconds since 1970
}

// text is a string in shared memory, cut to what fits.
type text[A [16]byte | [48]byte | [64]byte] struct {
	n uint8
	b A
}

// Row is a copy of a worker's row.
type Row struct {
	Status                           Status
	Client, Protocol, VHost, Request string
	Accesses, ConnAccesses           uint64
	Bytes, ConnBytes                 uint64
	Began, Ended                     time.Time // zero: never, or not yet
	Duration                         time.Duration
}

// Status is what the worker does.
func (w *Worker) Status() Status { return Status(w.status.Load()) }

// Set says what the worker does from now on.
func (w *Worker) Set(s Status) { w.status.Store(uint32(s)) }

// Request is what a worker is told of the request that it begins. The request
// line is cut to 63 bytes, from its end when Tail is set (SeeRequestTail).
type Request struct {
	Conn                             uint64
	Client, Protocol, VHost, Request string
	Tail                             bool
	Began                            time.Time
}

// Begin fills the row for a request.
func (w *Worker) Begin(q *Request) {
	w.seq.Add(1)
	r := &w.row
	r.client.n = put(r.client.b[:], q.Client, false)
	r.protocol.n = put(r.protocol.b[:], q.Protocol, false)
	r.vhost.n = put(r.vhost.b[:], q.VHost, false)
	r.request.n = put(r.request.b[:63], q.Request, q.Tail)
	if r.conn != q.Conn {
		r.conn, r.connAccesses, r.connBytes = q.Conn, 0, 0
	}
	r.began, r.ended = q.Began.UnixMicro(), 0
	w.seq.Add(1)
	w.Set(Writing)
}

// End counts the request that Begin began; bytes are those of the body.
func (w *Worker) End(bytes int64, now time.Time) {
	w.seq.Add(1)
	r := &w.row
	r.accesses++
	r.connAccesses++
	r.bytes += uint64(bytes)
	r.connBytes += uint64(bytes)
	r.ended = now.UnixMicro()
	r.duration += uint64(max(r.ended-r.began, 0))
	w.seq.Add(1)
	w.Set(Ready)
}

func (w *Worker) reset() {
	w.seq.Add(1)
	w.row = row{}
	w.seq.Add(1)
	w.Set(Starting)
}

func put(to []byte, s string, tail bool) uint8 {
	if tail && len(s) > len(to) {
		s = s[len(s)-len(to):]
	}
	return uint8(copy(to, s))
}

// Read copies the row. A row that is written all the time is given as it is
// seen, possibly with parts of two requests.
func (w *Worker) Read() Row {
	var r row
	for range 8 {
		before := w.seq.Load()
		r = w.row
		if before&1 == 0 && w.seq.Load() == before {
			break
		}
	}
	at := func(us int64) time.Time {
		if us == 0 {
			return time.Time{}
		}
		return time.UnixMicro(us)
	}
	// The lengths come from another process.
	cut := func(n uint8, b []byte) string { return string(b[:min(int(n), len(b))]) }
	return Row{Status: w.Status(),
		Client: cut(r.client.n, r.client.b[:]), Protocol: cut(r.protocol.n, r.protocol.b[:]),
		VHost: cut(r.vhost.n, r.vhost.b[:]), Request: cut(r.request.n, r.request.b[:]),
		Accesses: r.accesses, ConnAccesses: r.connAccesses, Bytes: r.bytes, ConnBytes: r.connBytes,
		Began: at(r.began), Ended: at(r.ended), Duration: time.Duration(r.duration) * time.Microsecond}
}
