package proxy_balancer

import (
	"strconv"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

// Limits of what may be set, from mod_proxy.h.
const (
	maxRoute  = 64
	maxExpr   = 16
	maxSticky = 64

	leastInterval = 100 * time.Millisecond
)

// change does what the parameters say (balancer_process_balancer_worker).
func (m *manager) change() server.Status {
	if m.worker != nil {
		m.changeWorker()
	}
	s := m.changeBalancer()
	m.balancer.Rows.Changed()
	return s
}

func (m *manager) changeWorker() {
	elog.Debug(m.r).Msg("AH01192: settings worker params")
	w, p := m.worker, m.params
	usable := w.Shared.Status().Usable()
	if val, ok := p["w_lf"]; ok {
		if n := int(atof(val) * 100); n >= 100 && n <= 10000 {
			w.Shared.LBFactor().Store(uint64(n))
			m.recount()
		}
	}
	w.Change(func(s *server.ProxyWorkerSettings) { m.workerSettings(s) })
	for _, flag := range "INDHRSC" {
		if val, ok := p["w_status_"+string(flag)]; ok {
			bit, _ := server.ProxyStatus(0).WithFlag(byte(flag), true)
			if server.Atoi(val) != 0 {
				w.Shared.SetStatus(bit, 0)
			} else {
				w.Shared.SetStatus(0, bit)
			}
		}
	}
	if n, ok := p.number("w_ls"); ok && n >= 0 && n <= 99 {
		w.Shared.LBSet().Store(uint64(n))
	}
	if !usable && w.Shared.Status().Usable() {
		m.balancer.Change(func(s *server.ProxyBalancerSettings) { s.NeedReset = true })
	}
}

func (m *manager) workerSettings(s *server.ProxyWorkerSettings) {
	p := m.params
	p.text("w_wr", &s.Route, maxRoute)
	p.text("w_rr", &s.Redirect, maxRoute)
	c := &s.Check
	if val, ok := p["w_hi"]; ok {
		if d, err := server.ParseTimeout(val, time.Millisecond); err == nil && d >= leastInterval {
			c.Interval = d
		}
	}
	if n, ok := p.number("w_hp"); ok && n >= 1 {
		c.SetPasses(n)
	}
	if n, ok := p.number("w_hf"); ok && n >= 1 {
		c.SetFails(n)
	}
	for i, name := range server.ProxyCheckMethods {
		if how := server.ProxyCheckMethod(i); strings.EqualFold(p["w_hm"], name) && how.ImplementedBy(m.r.Gen.Modules) {
			c.Method = how
		}
	}
	p.text("w_hu", &c.URI, maxRoute)
	if exprs, active := m.r.Gen.ProxyChecks(m.r.Server); active && p.has("w_he") {
		c.Expr = ""
		for _, e := range exprs {
			if e.Name == p["w_he"] && len(e.Name) < maxExpr {
				c.Expr = e.Name
			}
		}
	}
	if c.Method == server.ProxyCheckNone || c.Method == server.ProxyCheckTCP {
		c.Expr = ""
	}
}

func (m *manager) changeBalancer() server.Status {
	elog.Debug(m.r).Msg("AH01193: settings balancer params")
	b, p := m.balancer, m.params
	b.Change(func(s *server.ProxyBalancerSettings) {
		if name := p["b_lbm"]; name != "" && name != s.LBMethod && m.r.Gen.ProxyLBMethod(name) != nil {
			s.LBMethod, s.NeedReset = name, true
			s.Updated++
		}
		if n, ok := p.number("b_tmo"); ok && n >= 0 && n <= 7200 {
			s.Timeout = time.Duration(n) * time.Second
		}
		if n, ok := p.number("b_max"); ok && n >= 0 && n <= 99 {
			s.MaxAttempts = n
		}
		if n, ok := p.number("b_sforce"); ok {
			s.NoFailover = n != 0
		}
		if val := p["b_ss"]; val == "-" {
			s.Sticky, s.StickyPath = "", ""
		} else if val != "" && len(val) < maxSticky-1 {
			s.Sticky, s.StickyPath = val, val
			if cookie, path, ok := strings.Cut(val, "|"); ok {
				s.Sticky, s.StickyPath = cookie, path
			}
		}
	})
	if url, ok := p["b_nwrkr"]; ok && p["b_wyes"] == "1" {
		return m.add(url)
	}
	return server.OK
}

// add adds a worker to the balancer.
func (m *manager) add(url string) server.Status {
	var w *server.ProxyWorker
	var err error
	known := m.conf.FindWorker(m.balancer, url) != nil
	if !known {
		w, err = m.balancer.Add(m.r.Gen, url)
	}
	switch {
	case err != nil:
		elog.Error(m.r).Msgf("AH10163: %s: failed to add worker %s", m.balancer.Name, url)
		return 400
	case w == nil:
		elog.Error(m.r).Msgf("AH10164: %s: failed to add worker %s", m.balancer.Name, url)
		return 400
	}
	return server.OK
}

// recount begins to share requests out anew after a load factor was changed
// (recalc_factors).
func (m *manager) recount() {
	workers := m.balancer.Workers()
	if len(workers) == 1 {
		workers[0].Shared.LBFactor().Store(100)
	}
	for _, w := range workers {
		w.Shared.SetLBStatus(int64(w.Shared.LBFactor().Load()))
	}
}

func (p params) has(name string) bool { _, ok := p[name]; return ok }

func (p params) number(name string) (int, bool) {
	val, ok := p[name]
	return server.Atoi(val), ok
}

// text sets a text, which is "" when the value is too long.
func (p params) text(name string, to *string, limit int) {
	if val, ok := p[name]; ok {
		if *to = val; len(val) >= limit {
			*to = ""
		}
	}
}

// atof reads a number as C's atof does: what follows it does not matter.
func atof(s string) float64 {
	for n := len(s); n > 0; n-- {
		if f, err := strconv.ParseFloat(s[:n], 64); err == nil {
			return f
		}
	}
	return 0
}
