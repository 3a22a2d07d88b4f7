package server

import (
	"hash/fnv"
	"sync/atomic"
	"time"
)

// ProxyShared is what all children know of a worker or a balancer: a row of
// words in memory that they share. Nobody's word is trusted to be in range: a
// child that was taken over can write anything there, so values are masked
// where they are used, and none is ever an index or a size.
type ProxyShared struct{ row []atomic.Uint64 }

// proxyRowWords is how many words a row has: 512 bytes, of which the last
// proxyExtraWords are for the module that balances.
const (
	proxyRowWords   = 64
	proxyExtraWords = 46
)

const (
	rowID = iota
	rowGeneration
	rowStatus
	rowErrorTime
	rowRetries
	rowLBStatus
	rowLBFactor
	rowElected
	rowTransferred
	rowRead
	rowBusy
	rowLBSet
	rowUpdated
	rowContext
	rowExtra = proxyRowWords - proxyExtraWords
)

// Status is the worker's state.
func (s *ProxyShared) Status() ProxyStatus { return ProxyStatus(uint32(s.row[rowStatus].Load())) }

// SetStatus sets and clears bits of the state.
func (s *ProxyShared) SetStatus(set, clear ProxyStatus) {
	for {
		old := s.row[rowStatus].Load()
		if s.row[rowStatus].CompareAndSwap(old, old&^uint64(clear)|uint64(set)) {
			return
		}
	}
}

// ErrorTime is when the worker came to be in error; the zero time when it never did.
func (s *ProxyShared) ErrorTime() time.Time {
	if us := s.row[rowErrorTime].Load(); us != 0 {
		return time.UnixMicro(int64(us))
	}
	return time.Time{}
}

// SetErrorTime notes when the worker came to be in error.
func (s *ProxyShared) SetErrorTime(t time.Time) { s.row[rowErrorTime].Store(uint64(t.UnixMicro())) }

// Counters of a worker. LBStatus is signed: see [ProxyShared.AddLBStatus].
func (s *ProxyShared) Retries() *atomic.Uint64     { return &s.row[rowRetries] }
func (s *ProxyShared) LBFactor() *atomic.Uint64    { return &s.row[rowLBFactor] } // times 100
func (s *ProxyShared) LBSet() *atomic.Uint64       { return &s.row[rowLBSet] }
func (s *ProxyShared) Elected() *atomic.Uint64     { return &s.row[rowElected] }
func (s *ProxyShared) Transferred() *atomic.Uint64 { return &s.row[rowTransferred] } // bytes to the backend
func (s *ProxyShared) Read() *atomic.Uint64        { return &s.row[rowRead] }        // bytes from it
func (s *ProxyShared) Busy() *atomic.Uint64        { return &s.row[rowBusy] }
func (s *ProxyShared) Updated() *atomic.Uint64     { return &s.row[rowUpdated] } // health checks, microseconds since 1970

// LBStatus is the balancing method's number.
func (s *ProxyShared) LBStatus() int64 { return int64(s.row[rowLBStatus].Load()) }

// AddLBStatus adds to the balancing method's number and gives the sum.
func (s *ProxyShared) AddLBStatus(n int64) int64 { return int64(s.row[rowLBStatus].Add(uint64(n))) }

// SetLBStatus sets the balancing method's number.
func (s *ProxyShared) SetLBStatus(n int64) { s.row[rowLBStatus].Store(uint64(n)) }

// Extra is words for the module that balances: what its manager changed. They
// are 0 when a generation begins.
func (s *ProxyShared) Extra() []atomic.Uint64 { return s.row[rowExtra:] }

// Dump gives what the row holds, for [ProxyShared.Fill].
func (s *ProxyShared) Dump() []uint64 {
	words := make([]uint64, 0, proxyRowWords)
	for i := rowStatus; i < len(s.row); i++ {
		words = append(words, s.row[i].Load())
	}
	return words
}

// Fill puts back what Dump gave. No request is under way then.
func (s *ProxyShared) Fill(words []uint64) {
	for i, w := range words[:min(len(words), len(s.row)-rowStatus)] {
		s.row[rowStatus+i].Store(w)
	}
	s.row[rowBusy].Store(0)
}

// Leave ends a request that Busy counted; it never falls below 0.
func (s *ProxyShared) Leave() {
	for {
		n := s.row[rowBusy].Load()
		if n == 0 || s.row[rowBusy].CompareAndSwap(n, n-1) {
			return
		}
	}
}

// ProxyShare gives the row that all children of this generation share under a
// name. Who asks for it first has init fill it; the others wait for that. A row
// of a generation before this one's predecessor is given to another name. When
// there are no more rows, the row is this process's own.
func (g *Generation) ProxyShare(name string, init func(*ProxyShared)) *ProxyShared {
	return g.proxyShare(name, false, init)
}

// ProxyShareKept is ProxyShare for a row that goes on as the generation before
// has left it (BalancerPersist).
func (g *Generation) ProxyShareKept(name string, init func(*ProxyShared)) *ProxyShared {
	return g.proxyShare(name, true, init)
}

func (g *Generation) proxyShare(name string, keep bool, init func(*ProxyShared)) *ProxyShared {
	words := g.Shared("proxy")
	h := fnv.New64a()
	h.Write([]byte(name)) //nolint:errcheck // cannot fail
	id := h.Sum64() | 1
	rows := len(words) / proxyRowWords
	now := uint64(g.Number) + 1
	for i := range rows {
		at := (int(id%uint64(rows)) + i) % rows * proxyRowWords
		row := words[at : at+proxyRowWords]
		if owner := row[rowID].Load(); owner != id {
			old := row[rowGeneration].Load() &^ rowClaimed
			free := owner == 0 || old != 0 && old+1 < now
			if (!free || !row[rowID].CompareAndSwap(owner, id)) && row[rowID].Load() != id {
				continue
			}
		}
		s := &ProxyShared{row}
		s.claim(now, keep, init)
		return s
	}
	s := &ProxyShared{make([]atomic.Uint64, proxyRowWords)}
	init(s)
	return s
}

// rowClaimed marks a generation whose row is being filled.
const rowClaimed = 1 << 63

// claim fills a row of an older generation anew. A process that dies over it
// leaves it to the next, after a moment. With keep a row that was filled before
// stays as it is.
func (s *ProxyShared) claim(now uint64, keep bool, init func(*ProxyShared)) {
	for range 1000 {
		old := s.row[rowGeneration].Load()
		switch {
		case old&^rowClaimed > now || old == now:
			return
		case old == now|rowClaimed:
			time.Sleep(time.Millisecond)
			continue
		}
		if keep && old != 0 && old&rowClaimed == 0 {
			if s.row[rowGeneration].CompareAndSwap(old, now) {
				return
			}
			continue
		}
		if s.row[rowGeneration].CompareAndSwap(old, now|rowClaimed) {
			break
		}
	}
	for i := rowGeneration + 1; i < len(s.row); i++ {
		s.row[i].Store(0)
	}
	init(s)
	s.row[rowGeneration].Store(now)
}
