package server

import (
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/donjon-httpd/donjon/server/backend"
)

// Hijacker is an [Exchange] whose connection may become one of another protocol.
type Hijacker interface {
	// Hijack gives the connection, with what was read ahead of it; nothing else
	// reads or writes it any more. It is closed when the request ends.
	Hijack() (ClientStream, error)
}

// ClientStream is a client's connection without HTTP.
type ClientStream interface {
	io.ReadWriter
	CloseWrite() error
	SetReadDeadline(t time.Time) error
	SetDeadline(t time.Time) error
}

// ErrNoTunnel is an engine whose connections carry nothing but HTTP.
var ErrNoTunnel = errors.New("the client's connection cannot become a tunnel")

// GiveAway takes the client's connection out of HTTP: the response is complete,
// whatever was sent of it. r.Exchange.Drop has to be called behind its use.
func (r *Request) GiveAway() (ClientStream, error) {
	h, ok := r.Exchange.(Hijacker)
	if !ok {
		return nil, ErrNoTunnel
	}
	client, err := h.Hijack()
	if err != nil {
		return nil, err
	}
	r.Conn.Close, r.HeadSent, r.ended = true, true, true
	return client, nil
}

// tunnel is bytes under way between a client and a backend.
type tunnel struct {
	r        *Request
	client   ClientStream
	conn     *ProxyConn
	timeout  time.Duration // when nothing moves in either direction
	moved    atomic.Int64  // when something did last, Unix nanoseconds
	noHalf   bool          // the end of one direction is the end of both
	finished atomic.Bool
}

// Tunnel hands bytes on between the client and the backend until both have ended,
// or nothing has moved for the timeout; 0 is no bound (ap_proxy_tunnel_run). first is written to
// the client before. The response is complete then. An error says that there is no tunnel.
func (r *Request) Tunnel(name string, conn *ProxyConn, timeout time.Duration, first ...byte) error {
	client, err := r.GiveAway()
	if err != nil {
		return err
	}
	conn.Close = true
	t := &tunnel{r: r, client: client, conn: conn, timeout: timeout, noHalf: r.Env.Has("proxy-nohalfclose")}
	t.moved.Store(time.Now().UnixNano())
	proxylog.Trace(1, r).Msgf("AH10212: proxy: %s: tunnel running (timeout %f)", name, timeout.Seconds())
	if len(first) > 0 {
		if _, err := client.Write(first); err != nil {
			return nil
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		t.copy(conn.Conn, client, t.toBackend)
	}()
	t.copy(client, conn.R, t.toClient)
	<-done
	r.Exchange.Drop()
	proxylog.Trace(2, r).Msgf("AH10223: proxy: %s: tunneling returns (%d)", name, 0)
	return nil
}

// copy is one direction: to ends when from does.
func (t *tunnel) copy(to io.Writer, from io.Reader, end func()) {
	buf := make([]byte, 16<<10)
	for {
		n, err := t.read(from, buf)
		if n > 0 {
			t.moved.Store(time.Now().UnixNano())
			if _, werr := to.Write(buf[:n]); werr != nil {
				t.stop()
				return
			}
			t.moved.Store(time.Now().UnixNano())
		}
		switch {
		case err == nil:
		case err == io.EOF && !t.noHalf:
			end()
			return
		default:
			t.stop()
			return
		}
	}
}

// read reads once. A wait that is over counts only when the other direction has
// been still for as long.
func (t *tunnel) read(from io.Reader, buf []byte) (int, error) {
	for {
		left := t.timeout - time.Since(time.Unix(0, t.moved.Load()))
		if t.timeout <= 0 {
			left = time.Hour // no bound: it is asked again
		}
		if left <= 0 {
			proxylog.Debug(t.r).Msg("AH10213: proxy: polling timed out")
			return 0, os.ErrDeadlineExceeded
		}
		if from == io.Reader(t.client) {
			t.client.SetReadDeadline(time.Now().Add(left)) //nolint:errcheck // the read tells
		} else {
			t.conn.under.SetTimeout(left)
		}
		n, err := from.Read(buf)
		var timeout net.Error
		if n == 0 && (errors.Is(err, backend.ErrTimeout) || errors.As(err, &timeout) && timeout.Timeout()) && !t.finished.Load() {
			continue
		}
		return n, err
	}
}

func (t *tunnel) toBackend() {
	if c, ok := t.conn.Conn.(interface{ CloseWrite() error }); ok {
		c.CloseWrite() //nolint:errcheck // the other side is gone then
	}
}

func (t *tunnel) toClient() { t.client.CloseWrite() } //nolint:errcheck // the other side is gone then

// stop ends both directions.
func (t *tunnel) stop() {
	t.finished.Store(true)
	t.conn.under.Interrupt()
	t.client.SetDeadline(time.Unix(1, 0)) //nolint:errcheck // it is closed then
}
