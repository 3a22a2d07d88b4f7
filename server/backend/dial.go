package backend

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Options are how a connection is made.
type Options struct {
	ConnectTimeout time.Duration // of one address; 0: the kernel's
	Timeout        time.Duration // of each wait afterwards
	ReceiveBuffer  int           // SO_RCVBUF in bytes; 0: the kernel's
	KeepAlive      bool          // TCP keep-alive probes
	Source         netip.Addr    // local address; invalid: the kernel's choice
}

// DialTCP connects to an address.
func DialTCP(to netip.AddrPort, o Options) (*Conn, error) {
	d := net.Dialer{Timeout: o.ConnectTimeout, KeepAlive: -1}
	if o.KeepAlive {
		d.KeepAlive = 0
		d.KeepAliveConfig = net.KeepAliveConfig{Enable: true}
	}
	if o.Source.IsValid() {
		d.LocalAddr = &net.TCPAddr{IP: o.Source.AsSlice()}
	}
	if o.ReceiveBuffer > 0 {
		d.Control = func(_, _ string, c syscall.RawConn) error {
			return c.Control(func(fd uintptr) {
				unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, o.ReceiveBuffer) //nolint:errcheck // the kernel's size is as well
			})
		}
	}
	c, err := d.DialContext(context.Background(), "tcp", net.JoinHostPort(to.Addr().String(), strconv.Itoa(int(to.Port()))))
	if err != nil {
		return nil, err
	}
	return New(c, o.Timeout)
}

// DialUnix connects to a socket in the file system that this process sees.
func DialUnix(path string, o Options) (*Conn, error) {
	d := net.Dialer{Timeout: o.ConnectTimeout}
	c, err := d.DialContext(context.Background(), "unix", path)
	if err != nil {
		return nil, err
	}
	return New(c, o.Timeout)
}
