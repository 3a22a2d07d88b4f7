package proxy_balancer

import (
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

// choose takes the member that is to serve a call for a balancer
// (proxy_balancer_pre_request).
func choose(c *server.ProxyCall) server.Status {
	r := c.R
	c.Worker = nil
	if c.Balancer == nil {
		if c.Balancer = c.Conf.FindBalancer(c.URL); c.Balancer == nil {
			return server.Declined
		}
	}
	b := c.Balancer
	b.Lock()
	forceRecovery(c)
	b.Sync(r.Gen)
	now := b.Settings()
	s := findSession(c, now)
	switch {
	case s.worker != nil:
		b.Owe(s.worker)
		s.worker.Shared.Elected().Add(1)
		c.Worker = s.worker
	case s.found && now.NoFailover && isRoute(b, s.route):
		elog.Error(r).Msgf("AH01167: %s: All workers are in error state for route (%s)", b.Name, s.route)
		b.Unlock()
		return 503
	}
	b.Unlock()
	if c.Worker == nil {
		if c.Worker = best(c, now); c.Worker == nil {
			if len(b.Workers()) > 0 {
				elog.Error(r).Msgf("AH01170: %s: All workers are in error state", b.Name)
			} else {
				elog.Error(r).Msgf("AH01171: %s: No workers in balancer", b.Name)
			}
			return 503
		}
		if now.Sticky != "" {
			r.Env.Set("BALANCER_ROUTE_CHANGED", "1")
		}
	}
	w := c.Worker
	w.Shared.Busy().Add(1)
	r.AtEnd(w.Shared.Leave)
	r.Env.Set("BALANCER_NAME", b.Name)
	r.Env.Set("BALANCER_WORKER_NAME", w.Name)
	r.Env.Set("BALANCER_WORKER_ROUTE", w.Settings().Route)
	c.URL = w.Name + pathOf(c.URL)
	if s.found {
		r.Notes.Set("session-sticky", s.name)
		r.Notes.Set("session-route", s.route)
		r.Env.Set("BALANCER_SESSION_STICKY", s.name)
		r.Env.Set("BALANCER_SESSION_ROUTE", s.route)
	}
	if e := elog.Debug(r); e != nil {
		e.Msgf("AH01172: %s: worker (%s) rewritten to %s", b.Name, w.Name, c.URL)
	}
	return server.OK
}

// pathOf is what stands in a URL behind the host, from the first slash on.
func pathOf(url string) string {
	_, rest, _ := strings.Cut(url, "://")
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		return rest[i:]
	}
	return ""
}

// forceRecovery lets all members serve again when all of them are in error.
func forceRecovery(c *server.ProxyCall) {
	b, at := c.Balancer, server.ServerSubject(c.R.Gen, c.R.Server)
	workers := b.Workers()
	for _, w := range workers {
		if w.Shared.Status()&server.ProxyInError == 0 {
			return
		}
		if w.Usable("BALANCER", at); w.Shared.Status()&server.ProxyInError == 0 {
			return
		}
	}
	if !b.Params.ForceRecovery.Else(true) {
		return
	}
	for _, w := range workers {
		w.Shared.Retries().Add(1)
		w.Shared.SetStatus(0, server.ProxyInError)
		if e := elog.Debug(at); e != nil {
			e.Msgf("AH01165: %s: Forcing recovery for worker (%s:%d)", b.Name, w.Hostname, w.Port)
		}
	}
}

// best asks the balancing method, for as long as the balancer's timeout allows
// to wait for a member (find_best_worker).
func best(c *server.ProxyCall, now *server.ProxyBalancerSettings) *server.ProxyWorker {
	const steps = 100
	for i := 0; ; i++ {
		if w := ask(c); w != nil || now.Timeout == 0 || i >= steps {
			return w
		}
		time.Sleep(now.Timeout / steps)
	}
}

func ask(c *server.ProxyCall) *server.ProxyWorker {
	b := c.Balancer
	b.Lock()
	defer b.Unlock()
	m := b.Method(c.R.Gen)
	if m == nil {
		return nil
	}
	w := m.Find(c.R, b)
	if w != nil {
		w.Shared.Elected().Add(1)
	}
	return w
}
