// Package lbmethod_bybusyness takes the worker of a balancer that serves the
// fewest requests at the moment (mod_lbmethod_bybusyness), and among equals the
// one that is furthest behind its quota.
package lbmethod_bybusyness

import "github.com/donjon-httpd/donjon/server"

// Module is lbmethod_bybusyness_module.
var Module = server.Module{Name: "lbmethod_bybusyness_module", ProxyLBMethod: method}

const name = "bybusyness"

var method = &server.ProxyLBMethod{Name: name, Find: find, Reset: reset}

func find(r *server.Request, b *server.ProxyBalancer) *server.ProxyWorker {
	return b.BestByQuota(r, name, func(w, best *server.ProxyShared) bool {
		if mine, other := w.Busy().Load(), best.Busy().Load(); mine != other {
			return mine < other
		}
		return w.LBStatus() > best.LBStatus()
	})
}

func reset(b *server.ProxyBalancer) {
	for _, w := range b.Workers() {
		w.Shared.SetLBStatus(0)
		w.Shared.Busy().Store(0)
	}
}
