package h1

import (
	"errors"
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/scoreboard"
)

// hijacked is a connection that carries something else than HTTP. It is read and
// written under a descriptor of its own, which the runtime waits for; the loop
// hears no more of the connection.
type hijacked struct {
	*net.TCPConn
	io.ReadWriter // what goes over it in clear
	c             *conn
	pre           []byte // read ahead
}

var _ server.Hijacker = (*exchange)(nil)

// Hijack gives the connection away; see [server.Hijacker].
func (x *exchange) Hijack() (server.ClientStream, error) { return x.c.giveAway() }

// giveAway takes the connection out of the loop.
func (c *conn) giveAway() (*hijacked, error) {
	fd, err := unix.FcntlInt(uintptr(c.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "client")
	defer f.Close()
	any, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	tcp, ok := any.(*net.TCPConn)
	if !ok {
		any.Close() //nolint:errcheck // it is of no use
		return nil, errors.New("not a TCP connection")
	}
	if c.enrolled {
		unix.EpollCtl(c.loop.epfd, unix.EPOLL_CTL_DEL, c.fd, nil) //nolint:errcheck // its events are ignored otherwise
	}
	h := &hijacked{TCPConn: tcp, ReadWriter: tcp, c: c, pre: c.buf}
	if c.sec != nil {
		c.sec.given, h.ReadWriter = tcp, c.sec.tls
	}
	c.buf = nil
	c.timer.stop()
	c.info.Close = true
	c.loop.own(c, tcp)
	return h, nil
}

// speak leaves the connection to the protocol that it speaks.
func (c *conn) speak() {
	w := c.loop.crew.Take(c.loop.aborted)
	if w == nil {
		c.close()
		return
	}
	defer c.loop.crew.Give(w)
	w.Set(scoreboard.Writing)
	if client, err := (&exchange{c: c}).Hijack(); err == nil {
		c.speaker(client)
		client.CloseWrite() //nolint:errcheck // it is closed now
	}
	c.linger()
}

func (h *hijacked) Read(p []byte) (int, error) {
	if len(h.pre) > 0 {
		n := copy(p, h.pre)
		h.pre = h.pre[n:]
		return n, nil
	}
	n, err := h.ReadWriter.Read(p)
	h.c.bytesIn += int64(n)
	return n, err
}

// CloseWrite says that nothing more will come.
func (h *hijacked) CloseWrite() error {
	if s := h.c.sec; s != nil {
		s.tls.CloseWrite() //nolint:errcheck // the end of the stream says the same
	}
	return h.TCPConn.CloseWrite()
}

func (h *hijacked) Write(p []byte) (int, error) {
	n, err := h.ReadWriter.Write(p)
	h.c.bytesOut += int64(n)
	return n, err
}

// own keeps a connection that was given away, so that the end of the loop ends it.
func (l *Loop) own(c *conn, tcp *net.TCPConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.tunnels == nil {
		l.tunnels = map[*conn]*net.TCPConn{}
	}
	l.tunnels[c], c.tunnel = tcp, true
	if l.stopped.Load() {
		tcp.SetDeadline(time.Unix(1, 0)) //nolint:errcheck // it is closed then
	}
}

// disown ends what own began.
func (l *Loop) disown(c *conn) {
	l.mu.Lock()
	tcp := l.tunnels[c]
	delete(l.tunnels, c)
	delete(l.drains, c)
	l.mu.Unlock()
	if tcp != nil {
		tcp.Close() //nolint:errcheck // nothing is lost by it
	}
}

// endTunnels ends what connections that were given away wait for.
func (l *Loop) endTunnels() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, tcp := range l.tunnels {
		tcp.SetDeadline(time.Unix(1, 0)) //nolint:errcheck // it is closed then
	}
}
