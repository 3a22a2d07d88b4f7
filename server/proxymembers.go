package server

import (
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
)

// ProxyBalancer is a group of workers (proxy_balancer).
type ProxyBalancer struct {
	Name   string // "balancer://cluster"
	Params ProxyBalancerParams

	Members []*ProxyWorker // those of the configuration, in its order
	// VPath and VHost are the path and the server of the first ProxyPass to it.
	VPath, VHost string

	// Shared is what all children know of the balancer itself, and Place what its
	// row is called among Rows; set in PostConfig.
	Shared *ProxyShared
	Place  string
	Rows   ProxyRows

	settings record[ProxyBalancerSettings]
	all      atomic.Pointer[[]*ProxyWorker] // Members and those that were added; nil: Members
	mu       sync.Mutex                     // over choosing a worker, and over adding one
	seen     atomic.Uint64                  // Updated, when this process looked last
}

// ProxyRows gives the rows in shared memory of a balancer and its members.
type ProxyRows interface {
	// Row gives the row of a name; see [Generation.ProxyShare].
	Row(name string, init func(*ProxyShared)) *ProxyShared
	// Changed is told when a manager has changed something.
	Changed()
}

// maxProxyGrowth is how many workers may be added to a balancer (growth=).
const maxProxyGrowth = 100

// Workers are the balancer's members, with those that were added while serving.
func (b *ProxyBalancer) Workers() []*ProxyWorker {
	if all := b.all.Load(); all != nil {
		return *all
	}
	return b.Members
}

// MaxWorkers is how many there may be.
func (b *ProxyBalancer) MaxWorkers() int { return len(b.Members) + b.Params.Growth.Else(0) }

// Lock keeps other goroutines of this process from choosing a worker meanwhile
// (PROXY_THREAD_LOCK).
func (b *ProxyBalancer) Lock() { b.mu.Lock() }

// Unlock ends Lock.
func (b *ProxyBalancer) Unlock() { b.mu.Unlock() }

// Sync takes in what other children have changed (ap_proxy_sync_balancer). The
// balancer must be locked.
func (b *ProxyBalancer) Sync(g *Generation) {
	s := b.Settings()
	if s.Updated == b.seen.Load() {
		return
	}
	b.seen.Store(s.Updated)
	for i := len(b.Workers()) - len(b.Members); i < s.Added; i++ {
		url := b.Rows.Row(b.addedPlace(i), func(*ProxyShared) {}).text()
		w, err := g.DefineProxyWorker(url)
		if err != nil {
			proxylog.Error(nil).Msgf("AH00966: Cannot init worker")
			break
		}
		b.join(i, w)
	}
	if s.NeedReset {
		b.Change(func(s *ProxyBalancerSettings) { s.NeedReset = false })
		if m := b.Method(g); m != nil && m.Reset != nil {
			m.Reset(b)
		}
	}
}

// Method is how the balancer chooses now; nil when no active module knows it.
func (b *ProxyBalancer) Method(g *Generation) *ProxyLBMethod {
	name := b.Settings().LBMethod
	if m := b.Params.LBMethod; m != nil && m.Name == name {
		return m
	}
	return g.ProxyLBMethod(name)
}

// Add adds a worker for all children. It is disabled at first. It answers nil
// when there is no room for another one.
func (b *ProxyBalancer) Add(g *Generation, url string) (*ProxyWorker, error) {
	w, err := g.DefineProxyWorker(url)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.Sync(g)
	i := len(b.Workers()) - len(b.Members)
	if i >= b.Params.Growth.Else(0) || !b.Rows.Row(b.addedPlace(i), func(*ProxyShared) {}).setText(url) {
		return nil, nil
	}
	b.join(i, w)
	w.Shared.SetStatus(ProxyDisabled, 0)
	b.Change(func(s *ProxyBalancerSettings) {
		s.Added, s.Updated = i+1, s.Updated+1
		b.seen.Store(s.Updated)
	})
	return w, nil
}

func (b *ProxyBalancer) addedPlace(i int) string { return b.Place + " added " + strconv.Itoa(i) }

// join makes a worker the i-th of those that were added.
func (b *ProxyBalancer) join(i int, w *ProxyWorker) {
	w.Balancer = b
	w.Shared = b.Rows.Row(b.addedPlace(i)+" worker", func(s *ProxyShared) {
		s.SetStatus(ProxyInitialized, 0)
		s.LBFactor().Store(100)
	})
	all := append(slices.Clone(b.Workers()), w)
	b.all.Store(&all)
}

// text is a row that holds nothing but a text.
func (s *ProxyShared) text() string { return string(readWords(s.Extra())) }

func (s *ProxyShared) setText(text string) bool {
	var r record[string]
	return r.put(s, []byte(text))
}

// DefineProxyWorker makes a worker of a URL while serving.
func (g *Generation) DefineProxyWorker(url string) (*ProxyWorker, error) {
	return g.proxy.define(g, url)
}

// ProxyLBMethod is the method of that name that an active module brings, or nil.
func (g *Generation) ProxyLBMethod(name string) *ProxyLBMethod {
	for _, m := range g.proxy.methods {
		if m.Name == name {
			return m
		}
	}
	return nil
}

// ProxyLBMethods are those that active modules bring.
func (g *Generation) ProxyLBMethods() []*ProxyLBMethod { return g.proxy.methods }

// BestWorker is the worker that is better than all others that may be taken: of
// the lowest lbset that has one; spares stand in for those that may not be
// taken, and standbys where there is nobody else. better is asked once for each,
// with the best one so far (ap_proxy_balancer_get_best_worker).
func (b *ProxyBalancer) BestWorker(r *Request, method string, better func(w, best *ProxyWorker) bool) *ProxyWorker {
	scope := ServerSubject(r.Gen, r.Server)
	if e := proxylog.Debug(scope); e != nil {
		e.Msgf("AH10122: proxy: Entering %s for BALANCER (%s)", method, b.Name)
	}
	var best *ProxyWorker
	try := func(w *ProxyWorker) {
		if better(w, best) {
			best = w
		}
	}
	workers := b.Workers()
	last := uint64(0)
	for set := uint64(0); best == nil && set <= last; set++ {
		missing := 0
		var spares, standbys []*ProxyWorker
		for _, w := range workers {
			own := w.Shared.LBSet().Load() % 100
			last = max(last, own)
			if own != set {
				continue
			}
			st := w.Shared.Status()
			if st&ProxyDrain != 0 {
				if st&(ProxyHotSpare|ProxyHotStandby) == 0 {
					missing++
				}
				continue
			}
			usable := w.Usable("BALANCER", scope)
			switch {
			case st&ProxyHotSpare != 0:
				if usable {
					spares = append(spares, w)
				}
			case st&ProxyHotStandby != 0:
				if usable {
					standbys = append(standbys, w)
				}
			case usable:
				try(w)
			default:
				missing++
			}
		}
		for _, w := range spares[:min(len(spares), missing)] {
			try(w)
		}
		if best == nil {
			for _, w := range standbys {
				try(w)
			}
		}
	}
	if e := proxylog.Debug(scope); e != nil && best != nil {
		e.Msgf("AH10123: proxy: %s selected worker \"%s\" : busy %d : lbstatus %d", method, best.Name, best.Shared.Busy().Load(), best.Shared.LBStatus())
	}
	return best
}

// BestByQuota is BestWorker for methods under which each worker that may be
// taken is owed its load factor, and the one that is taken pays for all.
func (b *ProxyBalancer) BestByQuota(r *Request, method string, better func(w, best *ProxyShared) bool) *ProxyWorker {
	total := int64(0)
	w := b.BestWorker(r, method, func(w, best *ProxyWorker) bool {
		factor := w.Shared.factor()
		w.Shared.AddLBStatus(factor)
		total += factor
		return best == nil || better(w.Shared, best.Shared)
	})
	if w != nil {
		w.Shared.AddLBStatus(-total)
	}
	return w
}

// Owe counts a request that found its worker without the method as the
// byrequests method would (the default of updatelbstatus).
func (b *ProxyBalancer) Owe(to *ProxyWorker) {
	total := int64(0)
	for _, w := range b.Workers() {
		if w.Shared.Status().Usable() {
			factor := w.Shared.factor()
			w.Shared.AddLBStatus(factor)
			total += factor
		}
	}
	to.Shared.AddLBStatus(-total)
}

// factor is the load factor times 100, in its range whatever the memory says.
func (s *ProxyShared) factor() int64 { return int64(min(max(s.LBFactor().Load(), 1), 10000)) }
