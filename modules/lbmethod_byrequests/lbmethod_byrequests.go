// Package lbmethod_byrequests has each worker of a balancer serve its share of
// the requests (mod_lbmethod_byrequests): the one that is furthest behind its
// quota is taken, and pays for it with the quotas of all.
package lbmethod_byrequests

import "github.com/donjon-httpd/donjon/server"

// Module is lbmethod_byrequests_module.
var Module = server.Module{Name: "lbmethod_byrequests_module", ProxyLBMethod: method}

const name = "byrequests"

var method = &server.ProxyLBMethod{Name: name, Find: find, Reset: reset}

func find(r *server.Request, b *server.ProxyBalancer) *server.ProxyWorker {
	return b.BestByQuota(r, name, func(w, best *server.ProxyShared) bool { return w.LBStatus() > best.LBStatus() })
}

func reset(b *server.ProxyBalancer) {
	for _, w := range b.Workers() {
		w.Shared.SetLBStatus(0)
	}
}
