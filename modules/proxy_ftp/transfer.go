package proxy_ftp

import (
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/backend"
)

// transfer is a connection for data, or the port at which one is awaited.
type transfer struct {
	*backend.Conn
	listener *net.TCPListener
}

func (t *transfer) close() {
	if t == nil {
		return
	}
	if t.Conn != nil {
		t.Conn.Close() //nolint:errcheck // nothing is lost by it
		t.Conn = nil
	}
	if t.listener != nil {
		t.listener.Close() //nolint:errcheck // nobody comes any more
		t.listener = nil
	}
}

// open makes a connection for data: by EPSV, else PASV, else PORT.
func (s *session) open() server.Status {
	code, text := s.command("EPSV")
	if st := s.unless(code, text, 229, 500, 501, 502); st != server.OK {
		return st
	}
	if code == 229 {
		if port := epsvPort(text); port != 0 {
			elog.Trace(1, s.r).Msgf("EPSV contacting remote host on port %d", port)
			return s.connect(netip.AddrPortFrom(s.peer(), uint16(port)), "EPSV", "AH01043")
		}
	}
	code, text = s.command("PASV")
	if st := s.unless(code, text, 227, 502); st != server.OK {
		return st
	}
	if code == 227 {
		if host, port, ok := pasvTarget(text); ok {
			name := fmt.Sprintf("%d.%d.%d.%d", host[0], host[1], host[2], host[3])
			elog.Debug(s.r).Msgf("AH01044: PASV contacting host %s:%d", name, port)
			// Another host is not for the server to choose.
			if name != s.peer().String() {
				return s.fail(403, "PASV address does not match FTP server")
			}
			return s.connect(netip.AddrPortFrom(s.peer(), uint16(port)), "PASV", "AH01048")
		}
	}
	return s.await()
}

// peer is the server's address.
func (s *session) peer() netip.Addr {
	if a, ok := s.conn.Under().RemoteAddr().(*net.TCPAddr); ok {
		return a.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

func (s *session) connect(to netip.AddrPort, how, number string) server.Status {
	o := backend.Options{ConnectTimeout: s.call.Timeout(), Timeout: s.call.Timeout(), ReceiveBuffer: s.call.Conf.ReceiveBufferSize.Else(0)}
	conn, err := backend.DialTCP(to, o)
	if err != nil {
		elog.Error(s.r).Err(server.ErrnoOf(err)).Msgf("%s: %s attempt to connect to %s failed - Firewall/NAT?", number, how, to)
		return s.fail(502, fmt.Sprintf("%s attempt to connect to %s failed - firewall/NAT?", how, to))
	}
	s.data = &transfer{Conn: conn}
	elog.Trace(1, s.r).Msgf("connected data socket to %s", to)
	return server.OK
}

// await has the server connect to a port of this side's (PORT).
func (s *session) await() server.Status {
	local, ok := s.conn.Under().LocalAddr().(*net.TCPAddr)
	if !ok || local.AddrPort().Addr().Unmap().Is6() {
		return s.fail(501, "Connect to IPV6 ftp server using EPRT not supported. Enable EPSV.")
	}
	l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: local.IP})
	if err != nil {
		elog.Error(s.r).Err(server.ErrnoOf(err)).Msgf("AH01052: error listening to ftp data socket %s", local)
		s.release()
		return 500
	}
	s.data = &transfer{listener: l}
	ip, port := local.AddrPort().Addr().Unmap().As4(), l.Addr().(*net.TCPAddr).Port
	code, text := s.command(fmt.Sprintf("PORT %d,%d,%d,%d,%d,%d", ip[0], ip[1], ip[2], ip[3], port>>8, port&0xff))
	return s.unless(code, text, 200)
}

// accept waits for the connection that PORT asked for. One that another host
// makes is not taken.
func (s *session) accept() error {
	t := s.data
	if t.listener == nil {
		return nil
	}
	t.listener.SetDeadline(time.Now().Add(s.call.Timeout())) //nolint:errcheck // the wait tells
	for {
		c, err := t.listener.AcceptTCP()
		if err != nil {
			return err
		}
		if from, ok := c.RemoteAddr().(*net.TCPAddr); !ok || from.AddrPort().Addr().Unmap() != s.peer() {
			c.Close() //nolint:errcheck // it is a stranger
			continue
		}
		t.listener.Close() //nolint:errcheck // nobody else is awaited
		t.listener = nil
		t.Conn, err = backend.New(c, s.call.Timeout())
		return err
	}
}
