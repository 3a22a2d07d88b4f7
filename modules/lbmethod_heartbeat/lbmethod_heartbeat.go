// Package lbmethod_heartbeat takes a worker of a balancer by how many idle workers
// its server says that it has (mod_lbmethod_heartbeat): the more, the likelier.
package lbmethod_heartbeat

import (
	"math/rand/v2"
	"time"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is lbmethod_heartbeat_module.
var Module = server.Module{
	Name: "lbmethod_heartbeat_module",
	Directives: directives.Table{
		{Name: "HeartbeatStorage", In: directives.InServer, Forbid: directives.GlobalOnly, Reads: directives.InJail,
			Usage: "Path to read heartbeat data.", Set: server.Heart.Take1(server.SetHeartbeatStorage)},
	},
	ProxyLBMethod: &server.ProxyLBMethod{Name: "heartbeat", Find: find},
	Hooks:         []server.Hook{server.PostConfig.Middle(say).After("heartmonitor_module")},
}

var elog = server.NewLog("lbmethod_heartbeat")

// tooOld is the age at which a server is taken for dead.
const tooOld = 10 * time.Second

// say tells once where heartbeats are looked for.
func say(g *server.Generation) error {
	switch {
	case g.Board != nil: // the parent has said it
	case g.Heartbeats().InMemory():
		elog.Notice(nil).Msg("AH02283: Using slotmem from mod_heartmonitor")
	default:
		elog.Notice(nil).Msg("AH02282: No slotmem from mod_heartmonitor")
	}
	return nil
}

// candidate is a worker whose server is alive.
type candidate struct {
	worker *server.ProxyWorker
	ready  int
}

// find is find_best_hb.
func find(r *server.Request, b *server.ProxyBalancer) *server.ProxyWorker {
	where := r.Gen.Heartbeats()
	all, err := where.Read()
	if err != nil {
		elog.Error(r).Err(server.ErrnoOf(err)).Msgf("AH01213: lb_heartbeat: Unable to read heartbeats at '%s'", where.Path())
		return nil
	}
	at := server.ServerSubject(r.Gen, r.Server)
	var list []candidate
	total := 0
	for _, w := range b.Workers() {
		beat, ok := all[w.Hostname]
		if !ok {
			elog.Debug(r).Msgf("AH01214: lb_heartbeat: No server for worker %s", w.Name)
			continue
		}
		if w.Usable("BALANCER", at) && time.Since(beat.Seen) < tooOld {
			c := candidate{w, ready(beat)}
			total += c.ready
			list = append(list, c)
		}
	}
	return pick(list, total)
}

// ready is how many idle workers count: of a server that has just begun, and has
// nothing to do yet, a quarter.
func ready(b server.Heartbeat) int {
	n := max(b.Ready, 0)
	if b.Busy == 0 {
		n /= 4
	}
	return n
}

func pick(list []candidate, total int) *server.ProxyWorker {
	if total <= 0 {
		return nil
	}
	var chosen *server.ProxyWorker
	n, before := rand.IntN(total+1), 0
	for _, c := range list {
		if n >= before && n <= before+c.ready {
			chosen = c.worker
		}
		before += c.ready
	}
	return chosen
}
