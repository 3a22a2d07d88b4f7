// Package heartmonitor keeps what servers tell of themselves (mod_heartmonitor):
// by datagrams to an address of a group (HeartbeatListen), or by POST to the
// handler "heartbeat". lbmethod_heartbeat chooses by it.
package heartmonitor

import (
	"errors"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is heartmonitor_module.
var Module = server.Module{
	Name: "heartmonitor_module",
	Directives: directives.Table{
		{Name: "HeartbeatListen", In: directives.InServer, Forbid: directives.GlobalOnly, Usage: "Address to listen for heartbeat requests",
			Set: server.Heart.Take1(setListen)},
		{Name: "HeartbeatStorage", In: directives.InServer, Forbid: directives.GlobalOnly, Reads: directives.InJail,
			Usage: "Path to store heartbeat data.", Set: server.Heart.Take1(server.SetHeartbeatStorage)},
		{Name: "HeartbeatMaxServers", In: directives.InServer, Forbid: directives.GlobalOnly,
			Usage: "Max number of servers when using slotmem (instead file) to store heartbeat data.", Set: server.Heart.Take1(setMax)},
	},
	Hooks: []server.Hook{
		server.Handler.First(handle).Plain().HarmlessUnless(isHeartbeat).Before("proxy_module"),
		server.PostConfig.First(prepare),
		server.ChildInit.Last(start),
		server.ChildExit.First(stop),
	},
}

var elog = server.NewLog("heartmonitor")

func setListen(c *server.HeartbeatConfig, _ *directives.Cmd, arg string) error {
	if c.Listen.IsValid() {
		return errors.New("HeartbeatListen: May only be specified once.")
	}
	var problem string
	c.Listen, problem = server.ParseHeartbeatAddress(arg)
	switch problem {
	case "parse":
		return errors.New("HeartbeatListen: Unable to parse multicast address.")
	case "host":
		return errors.New("HeartbeatListen: No host provided in multicast address")
	case "port":
		return errors.New("HeartbeatListen: No port provided in multicast address")
	case "lookup":
		return errors.New("HeartbeatListen: apr_sockaddr_info_get failed on multicast address")
	}
	return nil
}

const (
	leastServers = 10
	// mostServers is how many the shared memory is asked for.
	mostServers = 500
)

func setMax(c *server.HeartbeatConfig, cmd *directives.Cmd, arg string) error {
	n := server.Atoi(arg)
	if n != 0 && n < leastServers {
		return errors.New("HeartbeatMaxServers: Should be 0 for file storage, or greater or equal than 10 for slotmem")
	}
	if n > mostServers {
		cmd.Warn("HeartbeatMaxServers %d is more than there is memory for: %d are kept", n, mostServers)
		n = mostServers
	}
	c.MaxServers = directives.Given(n)
	return nil
}

// prepare says that what comes is kept in memory (hm_post_config).
func prepare(g *server.Generation) error {
	c := server.Heart.EditServer(g.Config.Main)
	c.Monitor = directives.Given(true)
	if !g.Heartbeats().InMemory() {
		return nil
	}
	for _, m := range g.Modules {
		if m.Name == "slotmem_shm_module" {
			return nil
		}
	}
	elog.Emerg(nil).Msg("AH02284: failed to lookup provider 'shm' for 'slotmem', maybe you need to load mod_slotmem_shm?")
	return errors.New("AH00020: Configuration Failed, exiting")
}
