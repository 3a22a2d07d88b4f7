package server

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func newRow() *ProxyShared { return &ProxyShared{make([]atomic.Uint64, proxyRowWords)} }

// What one process writes the other reads, however long it is; before, both
// have what the configuration says.
func TestSettings(t *testing.T) {
	row := newRow()
	mine, other := &ProxyWorker{Shared: row}, &ProxyWorker{Shared: row}
	for _, w := range []*ProxyWorker{mine, other} {
		w.Params.Route = "a"
		want := &ProxyWorkerSettings{Route: "a", Check: ProxyHealthCheck{Interval: DefaultCheckInterval, Passes: 1, Fails: 1}}
		if d := cmp.Diff(want, w.Settings(), cmpopts.IgnoreUnexported(ProxyHealthCheck{})); d != "" {
			t.Error(d)
		}
	}
	long := func(n int) string { return string(make([]byte, n)) }
	want := &ProxyWorkerSettings{Route: long(maxProxyRoute - 1), Redirect: long(maxProxyRoute - 1), Check: ProxyHealthCheck{Method: ProxyCheckGet11,
		Interval: 7 * time.Second, Passes: maxCount, Fails: 3, URI: long(maxProxyRoute - 1), Expr: long(maxProxyScheme - 1)}}
	mine.Change(func(s *ProxyWorkerSettings) { *s = *want })
	for _, w := range []*ProxyWorker{mine, other} {
		if d := cmp.Diff(want, w.Settings(), cmpopts.IgnoreUnexported(ProxyHealthCheck{})); d != "" {
			t.Error(d)
		}
	}
	if first := other.Settings(); other.Settings() != first {
		t.Error("an unchanged record is read anew each time")
	}
	other.Change(func(s *ProxyWorkerSettings) { s.Route = "b" })
	if mine.Settings().Route != "b" {
		t.Errorf("the route is %q", mine.Settings().Route)
	}
}

// A record that a dying process left half written, or garbage, is as if there
// were none; the next change puts it right.
func TestSettingsBroken(t *testing.T) {
	w := &ProxyWorker{Shared: newRow()}
	w.Params.Route = "a"
	for i := range w.Shared.Extra() {
		w.Shared.Extra()[i].Store(^uint64(0) - 1)
	}
	if got := w.Settings().Route; got != "a" {
		t.Errorf("garbage is the route %q", got)
	}
	w.Shared.Extra()[extraVersion].Store(7) // odd: being written
	w.Change(func(s *ProxyWorkerSettings) { s.Route = "b" })
	other := &ProxyWorker{Shared: w.Shared}
	if got := other.Settings().Route; got != "b" {
		t.Errorf("the route is %q", got)
	}
}

func TestSingleton(t *testing.T) {
	var word atomic.Uint64
	one, two := &Singleton{&word, 1}, &Singleton{&word, 2}
	if !one.Hold() || two.Hold() || !one.Hold() {
		t.Error("two hold it, or none")
	}
	two.Release() // is not its own
	if two.Hold() {
		t.Error("it was taken from its holder")
	}
	one.Release()
	if !two.Hold() || one.Hold() {
		t.Error("what was given back is not taken")
	}
	word.Store(uint64(time.Now().Add(-time.Second).UnixMilli())<<pidBits | 2)
	if !one.Hold() {
		t.Error("the claim of a dead process holds for ever")
	}
	word.Store(^uint64(0))
	if !one.Hold() {
		t.Error("a claim without end is believed")
	}
}

func FuzzUnpackWorker(f *testing.F) {
	s := ProxyWorkerSettings{Route: "a", Redirect: "b", Check: ProxyHealthCheck{Method: ProxyCheckGet, Interval: time.Second, URI: "/x", Expr: "e"}}
	f.Add(s.pack())
	f.Fuzz(func(t *testing.T, p []byte) {
		s, ok := unpackWorker(p)
		if !ok {
			return
		}
		again, ok := unpackWorker(s.pack())
		if d := cmp.Diff(s, again, cmpopts.IgnoreUnexported(ProxyHealthCheck{})); !ok || d != "" {
			t.Errorf("%q: %v %s", p, ok, d)
		}
	})
}

func FuzzUnpackBalancer(f *testing.F) {
	s := ProxyBalancerSettings{LBMethod: "byrequests", Timeout: time.Second, MaxAttempts: 3, Sticky: "S", StickyPath: "s", Added: 2, Updated: 9, NeedReset: true}
	f.Add(s.pack())
	f.Fuzz(func(t *testing.T, p []byte) {
		s, ok := unpackBalancer(p)
		if !ok {
			return
		}
		if s.Added > maxProxyGrowth || s.MaxAttempts < 0 {
			t.Errorf("%q is %+v", p, s)
		}
		again, ok := unpackBalancer(s.pack())
		if d := cmp.Diff(s, again); !ok || d != "" {
			t.Errorf("%q: %v %s", p, ok, d)
		}
	})
}

// FuzzParseHeartbeat: what was read of a line is read again of the line that is
// written of it.
func FuzzParseHeartbeat(f *testing.F) {
	f.Add("127.0.0.1 &ready=8&busy=1&lastseen=3&port=80")
	f.Add("a x=%zz&ready")
	f.Fuzz(func(t *testing.T, line string) {
		b, ok := parseHeartbeat(line)
		if !ok || b.Busy < 0 || b.Ready < 0 || b.Port < 0 || b.Busy > maxCount || b.Ready > maxCount || b.Port > maxCount || b.Seen.Unix() < 0 || b.Seen.Unix() > maxCount {
			return
		}
		again, ok := parseHeartbeat(heartbeatLine(b, b.Seen.Unix()))
		if d := cmp.Diff(b, again); !ok || d != "" {
			t.Errorf("%q: %v %s", line, ok, d)
		}
	})
}
