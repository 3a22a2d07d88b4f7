package heartmonitor

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"github.com/donjon-httpd/donjon/server"
)

const (
	watchdogName = "_heartmonitor_"
	// update is the time between two writings of what came (HM_UPDATE_SEC).
	update = 5 * time.Second
	// claimEvery is how often a child claims the listening, or looks whether
	// another one has died.
	claimEvery = 500 * time.Millisecond
)

// listener takes datagrams; one child does so for all.
type listener struct {
	g       *server.Generation
	claim   *server.Singleton
	end     chan struct{}
	ended   sync.WaitGroup
	servers map[string]server.Heartbeat // by address
	conn    net.PacketConn
	broken  bool // it cannot listen
	wrote   time.Time
}

// running is this child's; a process has one generation.
var running *listener

func start(g *server.Generation) error {
	if g.Board == nil || !server.Heart.Of(g.Config.Main).Listen.IsValid() {
		return nil
	}
	l := &listener{g: g, claim: g.Singleton(watchdogName), end: make(chan struct{}), servers: map[string]server.Heartbeat{}}
	running = l
	l.ended.Add(1)
	go l.run()
	return nil
}

func stop(*server.Generation) error {
	if l := running; l != nil {
		running = nil
		close(l.end)
		l.ended.Wait()
	}
	return nil
}

func (l *listener) run() {
	defer l.ended.Done()
	for {
		select {
		case <-l.end:
			l.close()
			l.claim.Release()
			return
		default:
		}
		switch {
		case !l.claim.Hold():
			l.close()
			l.pause()
		case l.conn == nil && !l.listen():
			l.pause()
		default:
			l.take(time.Now().Add(claimEvery))
		}
	}
}

func (l *listener) pause() {
	select {
	case <-l.end:
	case <-time.After(claimEvery):
	}
}

// listen opens the socket; it tries once (hm_listen).
func (l *listener) listen() bool {
	if l.broken {
		return false
	}
	conn, problem, err := open(server.Heart.Of(l.g.Config.Main).Listen)
	if err != nil {
		l.broken = true
		elog.Crit(nil).Err(server.ErrnoOf(err)).Msg(problem)
		elog.Crit(nil).Err(server.ErrnoOf(err)).Msg("AH02090: Unable to listen for connections!")
		return false
	}
	elog.Debug(nil).Msgf("AH02091: %s listener started.", watchdogName)
	l.conn, l.wrote = conn, time.Now()
	return true
}

func open(at netip.AddrPort) (conn net.PacketConn, problem string, err error) {
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var set error
		err := c.Control(func(fd uintptr) { set = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1) })
		return errors.Join(err, set)
	}}
	if conn, err = lc.ListenPacket(context.Background(), "udp4", at.String()); err != nil {
		return nil, "AH02071: Failed to bind on socket.", err
	}
	p := ipv4.NewPacketConn(conn)
	if err = p.JoinGroup(nil, &net.UDPAddr{IP: at.Addr().AsSlice()}); err != nil {
		conn.Close() //nolint:errcheck // nothing is lost by it
		return nil, "AH02072: Failed to join multicast group", err
	}
	if err = p.SetMulticastLoopback(true); err != nil {
		conn.Close() //nolint:errcheck
		return nil, "AH02073: Failed to accept localhost mulitcast on socket.", err
	}
	return conn, "", nil
}

func (l *listener) close() {
	if l.conn != nil {
		elog.Debug(nil).Msgf("AH02092: stopping %s listener.", watchdogName)
		l.conn.Close() //nolint:errcheck // nothing is lost by it
		l.conn = nil
	}
}

// take reads messages until a time, and writes what is known when it is time to
// (hm_watchdog_callback).
func (l *listener) take(until time.Time) {
	if time.Since(l.wrote) >= update {
		l.wrote = time.Now()
		l.write()
	}
	l.conn.SetReadDeadline(until) //nolint:errcheck // fails with the reading
	p := make([]byte, maxMessage)
	for {
		n, from, err := l.conn.ReadFrom(p)
		if err != nil {
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				elog.Crit(nil).Err(server.ErrnoOf(err)).Msg("AH02089: recvfrom failed")
				l.pause()
			}
			return
		}
		if a, ok := from.(*net.UDPAddr); ok {
			l.note(a.AddrPort(), string(p[:n]))
		}
	}
}

// note takes a message in (hm_processmsg).
func (l *listener) note(from netip.AddrPort, message string) {
	fields := server.HeartbeatFields(message)
	_, version := fields["v"]
	busy, isBusy := fields["busy"]
	ready, isReady := fields["ready"]
	if !version || !isBusy || !isReady {
		elog.Crit(nil).Msgf("AH02087: malformed message from %s", from)
		return
	}
	elog.Debug(nil).Msgf("AH02086: %s busy=%s ready=%s", from, busy, ready)
	ip := from.Addr().Unmap().String()
	b, known := l.servers[ip]
	if !known {
		if len(l.servers) >= mostServers {
			l.forget()
		}
		b = server.Heartbeat{IP: ip, Port: 80}
		if p, ok := fields["port"]; ok {
			b.Port = server.Atoi(p)
		}
	}
	b.Busy, b.Ready, b.Seen = server.Atoi(busy), server.Atoi(ready), time.Now()
	if known || len(l.servers) < mostServers {
		l.servers[ip] = b
	}
}

// forget drops the servers that were not heard of for long.
func (l *listener) forget() {
	for ip, b := range l.servers {
		if time.Since(b.Seen) > server.HeartbeatForgotten {
			delete(l.servers, ip)
		}
	}
}

func (l *listener) write() {
	var all []server.Heartbeat
	for _, b := range l.servers {
		all = append(all, b)
	}
	where := l.g.Heartbeats()
	if err := where.Replace(all); err != nil {
		sayFile(err, [...]string{"AH02081", "AH02082", "AH02083", "AH02084", "AH02085"}, where.Path())
	}
}
