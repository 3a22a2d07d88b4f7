// Package lbmethod_bytraffic takes the worker of a balancer that has moved the
// fewest bytes for its load factor (mod_lbmethod_bytraffic).
package lbmethod_bytraffic

import "github.com/donjon-httpd/donjon/server"

// Module is lbmethod_bytraffic_module.
var Module = server.Module{Name: "lbmethod_bytraffic_module", ProxyLBMethod: method}

const name = "bytraffic"

var method = &server.ProxyLBMethod{Name: name, Find: find, Reset: reset}

func find(r *server.Request, b *server.ProxyBalancer) *server.ProxyWorker {
	var least uint64
	return b.BestWorker(r, name, func(w, best *server.ProxyWorker) bool {
		factor := max(w.Shared.LBFactor().Load(), 1)
		moved := w.Shared.Transferred().Load()/factor + w.Shared.Read().Load()/factor
		if best != nil && moved >= least {
			return false
		}
		least = moved
		return true
	})
}

func reset(b *server.ProxyBalancer) {
	for _, w := range b.Workers() {
		w.Shared.Busy().Store(0)
		w.Shared.Transferred().Store(0)
		w.Shared.Read().Store(0)
	}
}
