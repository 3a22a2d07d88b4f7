// Package heartbeat tells other servers each second how much this one has to do
// (mod_heartbeat): a datagram to an address, most often of a group.
package heartbeat

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/scoreboard"
)

// Module is heartbeat_module.
var Module = server.Module{
	Name: "heartbeat_module",
	Directives: directives.Table{
		{Name: "HeartbeatAddress", In: directives.InServer, Forbid: directives.GlobalOnly, Usage: "Address to send heartbeat requests",
			Set: server.Heart.Take1(setAddress)},
	},
	Hooks: []server.Hook{
		server.ChildInit.Middle(start),
		server.ChildExit.Middle(stop),
	},
}

var elog = server.NewLog("heartbeat")

func setAddress(c *server.HeartbeatConfig, _ *directives.Cmd, arg string) error {
	if c.Send.IsValid() {
		return errors.New("HeartbeatAddress: May only be specified once.")
	}
	var problem string
	c.Send, problem = server.ParseHeartbeatAddress(arg)
	switch problem {
	case "parse":
		return errors.New("HeartbeatAddress: Unable to parse address.")
	case "host":
		return errors.New("HeartbeatAddress: No host provided in address")
	case "port":
		return errors.New("HeartbeatAddress: No port provided in address")
	case "lookup":
		return errors.New("HeartbeatAddress: apr_sockaddr_info_get failed.")
	}
	return nil
}

// interval is the time between two messages.
const interval = time.Second

// sender is the goroutine that sends; one child does so for all.
type sender struct {
	g     *server.Generation
	end   chan struct{}
	ended sync.WaitGroup
}

// running is this child's; a process has one generation.
var running *sender

func start(g *server.Generation) error {
	if g.Board == nil || !server.Heart.Of(g.Config.Main).Send.IsValid() {
		return nil
	}
	s := &sender{g: g, end: make(chan struct{})}
	running = s
	s.ended.Add(1)
	go s.run()
	return nil
}

func stop(*server.Generation) error {
	if s := running; s != nil {
		running = nil
		close(s.end)
		s.ended.Wait()
	}
	return nil
}

func (s *sender) run() {
	defer s.ended.Done()
	claim := s.g.Singleton("heartbeat")
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-s.end:
			claim.Release()
			return
		case <-tick.C:
			if claim.Hold() {
				s.send()
			}
		}
	}
}

// send sends a message (hb_monitor).
func (s *sender) send() {
	ready, busy := count(s.g.Board, s.g.Number)
	to := server.Heart.Of(s.g.Config.Main).Send
	conn, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		elog.Warn(nil).Err(server.ErrnoOf(err)).Msg("AH02097: Heartbeat: apr_socket_create failed")
		return
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, "v=1&ready=%d&busy=%d", ready, busy); err != nil {
		elog.Warn(nil).Err(server.ErrnoOf(err)).Msg("AH02099: Heartbeat: apr_socket_sendto failed")
	}
}

// count counts the workers of a generation that wait for something to do, and
// those that do something.
func count(b *scoreboard.Board, generation int) (ready, busy int) {
	for i := range b.Children() {
		c := b.Child(i)
		if c.PID.Load() == 0 || !c.Serving.Load() || int(c.Generation.Load()) != generation {
			continue
		}
		limit, works := int(c.Limit.Load()), int(c.Busy.Load())
		busy += max(works, 0)
		ready += max(limit-works, 0)
	}
	return ready, busy
}
