package server

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"
)

// What a manager may change of workers and balancers while they serve stands as
// a record behind the counters in their rows, so that one child's change is
// every child's. A record is written under a version that is odd meanwhile;
// whoever reads it keeps what it stands for until the version is another one.

// ProxyWorkerSettings is what may change of a worker.
type ProxyWorkerSettings struct {
	Route    string
	Redirect string
	Check    ProxyHealthCheck
}

// ProxyBalancerSettings is what may change of a balancer.
type ProxyBalancerSettings struct {
	LBMethod    string // its name
	Timeout     time.Duration
	MaxAttempts int
	NoFailover  bool
	Sticky      string
	StickyPath  string
	Added       int    // workers that were added while serving
	Updated     uint64 // counts the changes after which children look at the members again
	NeedReset   bool   // the method is to forget what it knows at that time
}

// Words of ProxyShared.Extra.
const (
	extraVersion = iota // of the record; 0: none was written
	extraLength         // of the record, in bytes
	extraPassed         // health checks that succeeded in a row
	extraFailed
	extraRecord
	extraBytes = (proxyExtraWords - extraRecord) * 8
)

// CheckPasses counts the health checks that a worker in error passed in a row.
func (s *ProxyShared) CheckPasses() *atomic.Uint64 { return &s.Extra()[extraPassed] }

// CheckFails counts the health checks that a worker failed in a row.
func (s *ProxyShared) CheckFails() *atomic.Uint64 { return &s.Extra()[extraFailed] }

// record is what a process knows of a row's record.
type record[T any] struct {
	mu   sync.Mutex // one writer of this process at a time
	last atomic.Pointer[versioned[T]]
}

type versioned[T any] struct {
	version uint64
	value   *T
}

// of gives the record's value, or first where none was written. What cannot be
// read is as if it had not been written.
func (r *record[T]) of(s *ProxyShared, first func() *T, decode func([]byte) (*T, bool)) *T {
	words := s.Extra()
	known := r.last.Load()
	for range 100 {
		version := words[extraVersion].Load()
		if known != nil && (version == known.version || version%2 == 1) {
			return known.value
		}
		if version == 0 {
			known = &versioned[T]{0, first()}
			r.last.Store(known)
			return known.value
		}
		p := readWords(words)
		if version%2 == 1 || words[extraVersion].Load() != version {
			time.Sleep(10 * time.Microsecond)
			continue
		}
		value, ok := decode(p)
		if !ok {
			value = first()
		}
		r.last.Store(&versioned[T]{version, value})
		return value
	}
	return first()
}

func readWords(words []atomic.Uint64) []byte {
	n := min(words[extraLength].Load(), extraBytes)
	p := make([]byte, 0, extraBytes)
	for i := extraRecord; uint64(len(p)) < n; i++ {
		p = binary.LittleEndian.AppendUint64(p, words[i].Load())
	}
	return p[:n]
}

// put writes the record; false when it is too long. A writer that died over it
// is waited for a moment and then overwritten.
func (r *record[T]) put(s *ProxyShared, p []byte) bool {
	if len(p) > extraBytes {
		return false
	}
	words := s.Extra()
	var version uint64
	for i := 0; ; i++ {
		version = words[extraVersion].Load()
		if i >= 100 {
			version &^= 1
			words[extraVersion].Store(version + 1)
			break
		}
		if version%2 == 0 && words[extraVersion].CompareAndSwap(version, version+1) {
			break
		}
		time.Sleep(time.Millisecond)
	}
	words[extraLength].Store(uint64(len(p)))
	p = append(p, make([]byte, 8)...)
	for i := extraRecord; len(p) >= 8; i, p = i+1, p[8:] {
		if i < len(words) {
			words[i].Store(binary.LittleEndian.Uint64(p))
		}
	}
	words[extraVersion].Store(version + 2)
	return true
}

// packer writes a record.
type packer struct{ p []byte }

func (w *packer) num(n uint64) { w.p = binary.AppendUvarint(w.p, n) }

func (w *packer) text(s string) {
	w.num(uint64(len(s)))
	w.p = append(w.p, s...)
}

func (w *packer) flag(on bool) {
	if on {
		w.num(1)
	} else {
		w.num(0)
	}
}

// unpacker reads one; bad says that it is none.
type unpacker struct {
	p   []byte
	bad bool
}

func (r *unpacker) num() uint64 {
	n, size := binary.Uvarint(r.p)
	if size <= 0 {
		r.bad, r.p = true, nil
		return 0
	}
	r.p = r.p[size:]
	return n
}

// small is num for what is no more than limit.
func (r *unpacker) small(limit int) int {
	n := r.num()
	if n > uint64(limit) {
		r.bad = true
		return 0
	}
	return int(n)
}

func (r *unpacker) text(limit int) string {
	n := r.small(limit)
	if r.bad || n > len(r.p) {
		r.bad = true
		return ""
	}
	s := string(r.p[:n])
	r.p = r.p[n:]
	return s
}

func (s *ProxyWorkerSettings) pack() []byte {
	w := packer{}
	w.text(s.Route)
	w.text(s.Redirect)
	c := &s.Check
	w.num(uint64(c.Method))
	w.num(uint64(c.Interval / time.Microsecond))
	w.num(uint64(c.Passes))
	w.num(uint64(c.Fails))
	w.text(c.URI)
	w.text(c.Expr)
	return w.p
}

// maxCount bounds the numbers that are read from shared memory.
const maxCount = 1<<31 - 1

func unpackWorker(p []byte) (*ProxyWorkerSettings, bool) {
	r := unpacker{p: p}
	s := &ProxyWorkerSettings{Route: r.text(maxProxyRoute), Redirect: r.text(maxProxyRoute)}
	s.Check = ProxyHealthCheck{Method: ProxyCheckMethod(r.small(len(ProxyCheckMethods) - 1)), Interval: time.Duration(r.small(1<<50)) * time.Microsecond,
		Passes: r.small(maxCount), Fails: r.small(maxCount), URI: r.text(maxProxyRoute), Expr: r.text(maxProxyScheme)}
	return s, !r.bad && len(r.p) == 0
}

func (s *ProxyBalancerSettings) pack() []byte {
	w := packer{}
	w.text(s.LBMethod)
	w.num(uint64(s.Timeout / time.Microsecond))
	w.num(uint64(s.MaxAttempts))
	w.flag(s.NoFailover)
	w.text(s.Sticky)
	w.text(s.StickyPath)
	w.num(uint64(s.Added))
	w.num(s.Updated)
	w.flag(s.NeedReset)
	return w.p
}

func unpackBalancer(p []byte) (*ProxyBalancerSettings, bool) {
	r := unpacker{p: p}
	s := &ProxyBalancerSettings{LBMethod: r.text(maxProxyLBName), Timeout: time.Duration(r.small(1<<50)) * time.Microsecond, MaxAttempts: r.small(maxCount),
		NoFailover: r.small(1) == 1, Sticky: r.text(maxProxySticky), StickyPath: r.text(maxProxySticky), Added: r.small(maxProxyGrowth), Updated: r.num(),
		NeedReset: r.small(1) == 1}
	return s, !r.bad && len(r.p) == 0
}

// Settings is how the worker stands now. It must not be written to.
func (w *ProxyWorker) Settings() *ProxyWorkerSettings {
	return w.settings.of(w.Shared, func() *ProxyWorkerSettings {
		return &ProxyWorkerSettings{Route: w.Params.Route, Redirect: w.Params.Redirect, Check: w.Params.HealthCheck.filled()}
	}, unpackWorker)
}

// Change changes the worker's settings for all children.
func (w *ProxyWorker) Change(f func(*ProxyWorkerSettings)) {
	w.settings.mu.Lock()
	defer w.settings.mu.Unlock()
	s := *w.Settings()
	f(&s)
	w.settings.put(w.Shared, s.pack())
}

// Settings is how the balancer stands now. It must not be written to.
func (b *ProxyBalancer) Settings() *ProxyBalancerSettings {
	return b.settings.of(b.Shared, func() *ProxyBalancerSettings {
		p := &b.Params
		s := &ProxyBalancerSettings{LBMethod: p.MethodName(), Timeout: p.Timeout.Else(0), NoFailover: p.NoFailover.Else(false),
			Sticky: p.Sticky, StickyPath: p.StickyPath}
		if s.MaxAttempts = p.MaxAttempts.Else(0); !p.MaxAttempts.IsSet() && len(b.Members) > 1 {
			s.MaxAttempts = len(b.Members) - 1
		}
		return s
	}, unpackBalancer)
}

// Change changes the balancer's settings for all children.
func (b *ProxyBalancer) Change(f func(*ProxyBalancerSettings)) {
	b.settings.mu.Lock()
	defer b.settings.mu.Unlock()
	s := *b.Settings()
	f(&s)
	b.settings.put(b.Shared, s.pack())
}
