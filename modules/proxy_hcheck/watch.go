package proxy_hcheck

import (
	"sync"
	"time"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

const watchdogName = "_proxy_hcheck_"

// watch is the work of the child that checks for all.
type watch struct {
	g        *server.Generation
	claim    *server.Singleton
	end      chan struct{}
	ended    sync.WaitGroup
	holding  bool
	size     int
	turns    chan struct{} // has room for as many checks as run at the same time; nil: they run one after the other
	mu       sync.Mutex
	checking map[*server.ProxyWorker]bool // is being checked now
}

// running is this child's; a process has one generation.
var running *watch

// start begins to look at the members when there are any (hc_post_config).
func start(g *server.Generation) error {
	some := false
	for _, v := range g.Servers() {
		some = some || len(server.ProxyServer.Of(v).Balancers) > 0
	}
	if !some {
		return nil
	}
	w := &watch{g: g, claim: g.Singleton(watchdogName), end: make(chan struct{}), checking: map[*server.ProxyWorker]bool{}}
	if w.size = slot.Of(g.Config.Main).size.Else(defaultSize); w.size > 0 {
		w.turns = make(chan struct{}, w.size)
	}
	running = w
	w.ended.Add(1)
	go w.run()
	return nil
}

// stop ends the checks of a child that ends.
func stop(*server.Generation) error {
	if w := running; w != nil {
		running = nil
		close(w.end)
		w.ended.Wait()
	}
	return nil
}

func (w *watch) run() {
	defer w.ended.Done()
	tick := time.NewTicker(leastInterval)
	defer tick.Stop()
	for {
		select {
		case <-w.end:
			if w.holding {
				elog.Debug(nil).Msgf("AH03261: stopping %s watchdog.", watchdogName)
				w.claim.Release()
			}
			return
		case <-tick.C:
		}
		if !w.claim.Hold() {
			w.holding = false
			continue
		}
		if !w.holding {
			w.begin()
		}
		w.look()
	}
}

// begin is the first look of this child.
func (w *watch) begin() {
	w.holding = true
	elog.Debug(nil).Msgf("AH03258: %s watchdog started.", watchdogName)
	if w.size > 0 {
		elog.Debug(nil).Msgf("AH03313: apr_thread_pool_create() with %d threads succeeded", w.size)
	} else {
		elog.Debug(nil).Msg("AH03314: Skipping apr_thread_pool_create()")
	}
}

// look starts the checks whose time has come (hc_watchdog_callback).
func (w *watch) look() {
	seen := map[*server.ProxyBalancer]bool{}
	for _, v := range w.g.Servers() {
		if e := elog.Trace(5, server.ServerSubject(w.g, v)); e != nil {
			e.Msgf("Run of %s watchdog.", watchdogName)
		}
		for _, b := range server.ProxyServer.Of(v).Balancers {
			if seen[b] {
				continue // the main server's
			}
			seen[b] = true
			b.Lock()
			b.Sync(w.g)
			b.Unlock()
			for _, m := range b.Workers() {
				w.consider(v, b, m)
			}
		}
	}
}

func (w *watch) consider(v *directives.Server, b *server.ProxyBalancer, m *server.ProxyWorker) {
	how := m.Settings().Check
	if how.Method == server.ProxyCheckNone || m.Shared.Status()&server.ProxyStopped != 0 {
		return
	}
	now := time.Now()
	last := m.Shared.Updated().Load()
	if last == 0 {
		m.Shared.Updated().Store(uint64(now.UnixMicro())) // it serves since now
		return
	}
	if now.Sub(time.UnixMicro(int64(last))) <= how.Interval || !w.take(m) {
		return
	}
	if e := elog.Trace(3, server.ServerSubject(w.g, v)); e != nil {
		e.Msgf("Checking %s worker: %s  [%d]", b.Name, m.Name, how.Method)
	}
	k := &check{g: w.g, v: v, worker: m, how: how}
	if w.turns == nil {
		k.run()
		w.leave(m)
		return
	}
	k.threaded = "Threaded "
	go func() {
		defer w.leave(m)
		select {
		case w.turns <- struct{}{}:
			defer func() { <-w.turns }()
			k.run()
		case <-w.end:
		}
	}()
}

// take marks a worker as being checked; false when it is already.
func (w *watch) take(m *server.ProxyWorker) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.checking[m] {
		return false
	}
	w.checking[m] = true
	return true
}

func (w *watch) leave(m *server.ProxyWorker) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.checking, m)
}
