package server

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/donjon-httpd/donjon/server/backend"
)

var proxylog = NewLog("proxy")

// ProxyConn is a connection to a backend, from the worker's pool or new
// (proxy_conn_rec). Acquire gives it, Connect opens it, Release gives it back.
type ProxyConn struct {
	net.Conn // speaks to the backend; nil before Connect
	// R reads from Conn.
	R *bufio.Reader

	Worker   *ProxyWorker
	Hostname string // whom it is for
	Port     int
	Socket   string // of a "unix:" worker
	TLS      bool
	// Close: it is not to be used again after this call.
	Close bool
	// Chatty: the backend may say something while the connection waits, which does
	// not spoil it; a module reads it then.
	Chatty bool
	// State is what a module keeps with the connection while that is open.
	State any
	// ALPN are the protocols that StartTLS offers.
	ALPN []string
	// Served is how many requests it has answered before; 0 for a new one.
	Served int

	name  string // of the scheme, for log lines: "HTTP"
	under *backend.Conn
	addr  netip.AddrPort
	found []netip.Addr // addresses for the connection that is to be made
	freed time.Time    // when it came back to the pool
	aimed bool         // see Aim
	gone  atomic.Bool  // see SetGone
	// Watched is for a wire engine, which hears of what happens on the descriptor;
	// a connection that is made anew is not watched.
	Watched bool
	// A request that is under way on it already; nil for none.
	flight  *ProxyFlight
	local   string // the port of this side's end
	path    string // of a unix socket that this process has connected to by itself, as it sees it; ""
	tlsHost string // whose certificate was asked for; see StartTLS
}

// proxyAddresses is what a worker's name was found to be.
type proxyAddresses struct {
	mu    sync.Mutex
	list  []netip.Addr
	until time.Time // zero: for ever
}

// Timeout is how long the call waits for the backend each time.
func (c *ProxyCall) Timeout() time.Duration {
	if d, ok := c.Worker.Params.Timeout.Get(); ok {
		return d
	}
	if d, ok := c.Conf.Timeout.Get(); ok {
		return d
	}
	return CoreServer.Of(c.R.Server).Timeout.Else(DefaultTimeout)
}

// Usable tells whether the worker may be asked now. One in error may, once its
// retry time is over (ap_proxy_retry_worker).
func (w *ProxyWorker) Usable(name string, s Subject) bool {
	st := w.Shared.Status()
	if st.Usable() {
		return true
	}
	if st&ProxyInError == 0 {
		return false
	}
	if st&ProxyStopped != 0 {
		proxylog.Debug(s).Msgf("AH3305: %s: Won't retry worker (%s:%d): stopped", name, w.Hostname, w.Port)
		return false
	}
	retry := w.Params.Retry.Else(DefaultProxyRetry)
	if st&ProxyIgnoreErrors != 0 || time.Since(w.Shared.ErrorTime()) > retry {
		w.Shared.Retries().Add(1)
		w.Shared.SetStatus(0, ProxyInError)
		proxylog.Debug(s).Msgf("AH00932: %s: worker for (%s:%d) has been marked for retry", name, w.Hostname, w.Port)
		return w.Shared.Status().Usable()
	}
	proxylog.Debug(s).Msgf("AH00933: %s: too soon to retry worker for (%s:%d)", name, w.Hostname, w.Port)
	return false
}

// Acquire takes a connection for the call, still to be connected
// (ap_proxy_acquire_connection). name is the scheme's in log lines. It answers
// 503 when the worker is not to be used, or has no connection left.
func (c *ProxyCall) Acquire(name string) (*ProxyConn, Status) {
	w := c.Worker
	if !w.Usable(name, c.scope()) {
		proxylog.Error(c.scope()).Msgf("AH00940: %s: disabled connection for (%s:%d)", name, w.Hostname, w.Port)
		return nil, 503
	}
	conn := c.R.takeFlight(w)
	if conn == nil {
		conn = w.pool.take(w)
	}
	if conn == nil {
		proxylog.Error(c.scope()).Msgf("AH00941: %s: failed to acquire connection for (%s:%d)", name, w.Hostname, w.Port)
		return nil, 503
	}
	if e := proxylog.Debug(c.scope()); e != nil {
		e.Msgf("AH00942: %s: has acquired connection for (%s:%d)", name, w.Hostname, w.Port)
	}
	conn.name = name
	conn.Close = w.NoReuse || w.Params.DisableReuse.Else(false)
	return conn, OK
}

// Release gives the connection back; it is closed unless it can be used again
// (ap_proxy_release_connection).
func (c *ProxyConn) Release() {
	w := c.Worker
	if c.Close || c.Conn == nil || c.R != nil && c.R.Buffered() > 0 || c.flight != nil {
		c.shut()
	}
	GiveReader(c.TakeReader())
	c.Served++
	p := &w.pool
	p.mu.Lock()
	p.inUse--
	var old []*ProxyConn
	if c.Conn != nil && len(p.free) < maxIdleProxyConns {
		c.freed = time.Now()
		p.free = append(p.free, c)
		c = nil
		old = p.expired(w)
	}
	p.wakeOne()
	p.mu.Unlock()
	if c != nil {
		c.shut()
	}
	for _, o := range old {
		o.shut()
	}
}

// shut closes what is open.
func (c *ProxyConn) shut() {
	if c.Conn != nil {
		c.Conn.Close() //nolint:errcheck // nothing is lost by it
		c.Conn, c.under = nil, nil
		c.State = nil
	}
	GiveReader(c.TakeReader())
	c.Served, c.flight, c.Watched = 0, nil, false
	c.gone.Store(false)
}

// Reusable tells whether the connection may wait for another request.
func (c *ProxyConn) Reusable() bool { return !c.Close && !c.Worker.NoReuse }

// SetTimeout bounds each wait for the backend from now on.
func (c *ProxyConn) SetTimeout(d time.Duration) { c.under.SetTimeout(d) }

// Under is the socket under Conn, which is the same unless TLS is spoken.
func (c *ProxyConn) Under() *backend.Conn { return c.under }

// Target is where the call's URL leads: the URL's host and port, those of the
// remote proxy, or the worker's own where it is the same for all its requests.
func (c *ProxyCall) target(conn *ProxyConn) (host string, port int, socket string, err error) {
	w := c.Worker
	if w.Socket != "" {
		return w.Hostname, w.Port, w.Socket, nil
	}
	if c.Remote != nil {
		return c.Remote.Host, c.Remote.Port, "", nil
	}
	if !w.NoReuse {
		return w.Hostname, w.Port, c.Socket, nil
	}
	_, host, port, err = SplitProxyURL(c.URL)
	return host, port, c.Socket, err
}

// SplitProxyURL gives scheme, host and port of an absolute URL; the port is the
// scheme's when none is there, 0 when that is not known.
func SplitProxyURL(url string) (scheme, host string, port int, err error) {
	scheme, rest, ok := strings.Cut(url, "://")
	if !ok {
		return "", "", 0, errors.New("no scheme")
	}
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		rest = rest[i+1:]
	}
	scheme = LowerASCII(scheme)
	host, port = rest, ProxyPort(scheme)
	if i := strings.LastIndexByte(rest, ':'); i >= 0 && !strings.HasSuffix(rest, "]") {
		n, err := strconv.ParseUint(rest[i+1:], 10, 16)
		if err != nil {
			return "", "", 0, errors.New("Invalid host/port")
		}
		host, port = rest[:i], int(n)
	}
	return scheme, LowerASCII(strings.Trim(host, "[]")), port, nil
}

// ProxyPort is the port that a scheme has without one in the URL
// (ap_proxy_port_of_scheme); 0 when there is none.
func ProxyPort(scheme string) int {
	switch scheme {
	case "http", "ws":
		return 80
	case "https", "wss":
		return 443
	case "fcgi":
		return 8000
	case "ajp":
		return 8009
	case "scgi":
		return 4000
	case "ftp":
		return 21
	case "h2c":
		return 80
	case "h2":
		return 443
	}
	return 0
}

// Connect makes sure that the connection is one to the call's target: it keeps
// one that is alive, or makes a new one. An error has been logged, and the
// worker is in error then, unless only this request's target was not reached
// (ap_proxy_determine_connection, ap_proxy_check_connection, ap_proxy_connect_backend).
func (c *ProxyCall) Connect(conn *ProxyConn) error {
	host, port, socket, err := c.target(conn)
	if err != nil {
		return err
	}
	if conn.Conn != nil && (conn.Hostname != host || conn.Port != port || conn.Socket != socket) {
		conn.shut()
	}
	conn.Hostname, conn.Port, conn.Socket = host, port, socket
	if conn.flight != nil {
		conn.shut() // what is under way is not this request
	}
	if conn.Conn != nil {
		state := conn.under.Check()
		if state == backend.Alive || state == backend.Spoken && conn.Chatty {
			conn.under.SetTimeout(c.Timeout())
			conn.R = takeReader(conn.Conn, c.readerSize())
			return nil
		}
		c.stale(conn, state)
	}
	err = c.dial(conn)
	if err == nil {
		conn.Served, conn.TLS, conn.Conn = 0, false, conn.under
		conn.R = takeReader(conn.Conn, c.readerSize())
		if !c.Worker.Shared.Status().Usable() { // another request found it in error meanwhile
			c.Worker.Shared.SetStatus(0, ProxyInError)
		}
		return nil
	}
	c.failed(conn)
	return err
}

// stale closes a connection on which something happened while it waited.
func (c *ProxyCall) stale(conn *ProxyConn, state backend.State) {
	if state == backend.Spoken {
		proxylog.Info(c.scope()).Msgf("AH03408: %s: reusable backend connection is not empty: forcibly closed", conn.name)
	} else {
		if e := proxylog.Debug(c.scope()); e != nil {
			e.Msgf("AH00951: %s: backend socket is disconnected.", conn.name)
		}
	}
	conn.shut()
}

// Send sends a request without a body over a connection of the pool and waits for
// the beginning of the answer, which R has then. It is false when there is no
// such connection any more: Connect makes one. An error is what came instead of
// an answer.
func (c *ProxyCall) Send(conn *ProxyConn, request []byte) (bool, error) {
	host, port, socket, err := c.target(conn)
	if err != nil || conn.Conn == nil || conn.TLS || conn.Hostname != host || conn.Port != port || conn.Socket != socket {
		return false, nil
	}
	if conn.flight != nil {
		return c.resume(conn, request)
	}
	conn.under.SetTimeout(c.Timeout())
	conn.R = takeReader(conn.Conn, c.readerSize())
	conn.under.Prime(request)
	_, err = conn.R.Peek(1)
	switch err {
	case backend.ErrGone:
		c.stale(conn, backend.Gone)
	case backend.ErrSpoken:
		c.stale(conn, backend.Spoken)
	default:
		return true, err
	}
	return false, nil
}

// scope is what lines are about that Apache writes for a server.
func (c *ProxyCall) scope() Subject {
	if c.subject == nil {
		c.subject = ServerSubject(c.R.Gen, c.R.Server)
	}
	return c.subject
}

// BufferSize is how much is read from the backend at one time.
func (c *ProxyCall) BufferSize() int {
	if n := c.Worker.Params.IOBufferSize.Else(0); n > 0 {
		return n
	}
	return c.Conf.IOBufferSize.Else(8192)
}

// failed puts the worker into error after a connection could not be made.
func (c *ProxyCall) failed(conn *ProxyConn) {
	w := c.Worker
	st := w.Shared.Status()
	if st&ProxyIgnoreErrors != 0 || !st.Usable() {
		return
	}
	w.Shared.SetErrorTime(time.Now())
	w.Shared.SetStatus(ProxyInError, 0)
	proxylog.Error(c.scope()).Msgf("AH00959: ap_proxy_connect_backend disabling worker for (%s:%d) for %ds", w.Hostname, w.Port,
		int64(w.Params.Retry.Else(DefaultProxyRetry)/time.Second))
}

func (c *ProxyCall) options() backend.Options {
	p := &c.Worker.Params
	o := backend.Options{Timeout: c.Timeout(), KeepAlive: p.KeepAlive.Else(false), Source: c.Conf.SourceAddress,
		ReceiveBuffer: p.ReceiveBufferSize.Else(c.Conf.ReceiveBufferSize.Else(0))}
	o.ConnectTimeout = p.ConnectTimeout.Else(o.Timeout)
	return o
}

// dial opens a socket to the target.
func (c *ProxyCall) dial(conn *ProxyConn) error {
	o := c.options()
	if conn.Socket != "" {
		under, path, err := c.R.Gen.dialSocket(conn.Socket, o)
		if err != nil {
			proxylog.Error(c.scope()).Err(ErrnoOf(err)).Msgf("AH02454: %s: attempt to connect to Unix domain socket %s (%s:%d) failed", conn.name, conn.Socket, conn.Hostname, conn.Port)
			return err
		}
		if e := proxylog.Debug(c.scope()); e != nil {
			e.Msgf("AH02823: %s: connection established with Unix domain socket %s (%s:%d)", conn.name, conn.Socket, conn.Hostname, conn.Port)
		}
		conn.under, conn.path = under, path
		return nil
	}
	addrs, err := conn.found, error(nil)
	if conn.found = nil; addrs == nil {
		if addrs, err = c.lookup(conn); err != nil {
			return err
		}
	}
	err = errors.New("no address")
	for _, a := range addrs {
		to := netip.AddrPortFrom(a, uint16(conn.Port))
		var under *backend.Conn
		if under, err = backend.DialTCP(to, o); err == nil {
			if e := proxylog.Debug(c.scope()); e != nil {
				e.Msgf("AH02824: %s: connection established with %s (%s:%d)", conn.name, to, conn.Hostname, conn.Port)
			}
			conn.under, conn.addr, conn.local = under, to, ""
			return nil
		}
		if conn.aimed {
			proxylog.Error(c.scope()).Err(ErrnoOf(err)).Msgf("AH00939: %s: attempt to connect to %s (%s) failed", conn.name, to, conn.Hostname)
			continue
		}
		proxylog.Error(c.scope()).Err(ErrnoOf(err)).Msgf("AH00957: %s: attempt to connect to %s (%s:%d) failed", conn.name, to, conn.Hostname, conn.Port)
	}
	return err
}

var errEOF = errors.New("(70014)End of file found")

// ErrnoOf is the errno in an error of package net, a timeout as Apache words it.
func ErrnoOf(err error) error {
	var no syscall.Errno
	if errors.As(err, &no) {
		return no
	}
	if err == io.EOF {
		return errEOF
	}
	var t interface{ Timeout() bool }
	if errors.As(err, &t) && t.Timeout() {
		return backend.ErrTimeout
	}
	return err
}

// ErrProxyLookup is a backend whose name has no address.
var ErrProxyLookup = errors.New("DNS lookup failure")

// lookupError is ErrProxyLookup in the words of getaddrinfo(3).
type lookupError string

func (e lookupError) Error() string { return string(e) }
func (e lookupError) Unwrap() error { return ErrProxyLookup }

const (
	errNotKnown  lookupError = "(EAI 2)Name or service not known"
	errTemporary lookupError = "(EAI 3)Temporary failure in name resolution"
)

// Resolve finds the address of the call's target, unless that is a socket
// (the look-up of ap_proxy_determine_connection).
func (c *ProxyCall) Resolve(conn *ProxyConn) error {
	host, port, socket, err := c.target(conn)
	if err != nil || socket != "" {
		return err
	}
	if conn.Conn != nil && (conn.Hostname != host || conn.Port != port) {
		conn.shut()
	}
	conn.Hostname, conn.Port, conn.Socket = host, port, ""
	if conn.Conn != nil {
		return nil
	}
	conn.found, err = c.lookup(conn)
	return err
}

// Aim says whom the connection is for, where it is not whom the URL names.
func (c *ProxyConn) Aim(host string, port int) {
	c.shut()
	c.Hostname, c.Port, c.Socket = host, port, ""
}

// ResolveAimed is Resolve for a connection that was aimed.
func (c *ProxyCall) ResolveAimed(conn *ProxyConn) (err error) {
	conn.found, err = c.lookup(conn)
	return err
}

// ConnectAimed is Connect for a connection that was aimed.
func (c *ProxyCall) ConnectAimed(conn *ProxyConn) error {
	conn.aimed = true
	if err := c.dial(conn); err != nil {
		return err
	}
	conn.Served, conn.TLS, conn.Conn = 0, false, conn.under
	conn.R = takeReader(conn.Conn, c.readerSize())
	return nil
}

// Reset closes the connection, so that the call makes a new one.
func (c *ProxyConn) Reset() { c.shut() }

// lookup gives the addresses of the connection's target. Those of a worker are
// looked up once, or once in addressttl.
func (c *ProxyCall) lookup(conn *ProxyConn) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(conn.Hostname); err == nil {
		return []netip.Addr{a}, nil
	}
	w := c.Worker
	own := !w.NoReuse && c.Remote == nil
	if own {
		w.addresses.mu.Lock()
		defer w.addresses.mu.Unlock()
		if len(w.addresses.list) > 0 && (w.addresses.until.IsZero() || time.Now().Before(w.addresses.until)) {
			return w.addresses.list, nil
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookupLimit)
	defer cancel()
	list, err := Resolver().LookupNetIP(ctx, "ip", conn.Hostname)
	if err != nil || len(list) == 0 {
		var dns *net.DNSError
		if errors.As(err, &dns) && !dns.IsNotFound {
			return nil, errTemporary
		}
		return nil, errNotKnown
	}
	if own {
		w.addresses.list, w.addresses.until = list, time.Time{}
		if ttl := w.Params.AddressTTL.Else(-1); ttl >= 0 {
			w.addresses.until = time.Now().Add(ttl)
		}
	}
	return list, nil
}

// DialSocket connects to a "unix:" socket that the configuration calls path: in
// the jail where it lies there, else the parent connects to it.
func (g *Generation) DialSocket(path string, o backend.Options) (*backend.Conn, error) {
	conn, _, err := g.dialSocket(path, o)
	return conn, err
}

// dialSocket is DialSocket that also tells what the socket is called here; "" when
// the parent has connected to it.
func (g *Generation) dialSocket(path string, o backend.Options) (*backend.Conn, string, error) {
	inside, translated := path, false
	if g.Jail.Fix() {
		inside, translated = g.Jail.Request(path)
	}
	conn, err := backend.DialUnix(inside, o)
	if err == nil || g.Sockets == nil || translated || !errors.Is(err, syscall.ENOENT) {
		return conn, inside, err
	}
	fd, err := g.Sockets.Connect(filepath.Clean(path))
	if err != nil {
		return nil, "", err
	}
	conn, err = backend.FromFD(fd, o.Timeout)
	return conn, "", err
}

// StartTLS speaks TLS with the backend from now on, as [Request.ProxyTLS] says
// for host. A connection that speaks it already stays, unless it was made for
// another host: then it is made anew.
func (c *ProxyConn) StartTLS(call *ProxyCall, host string) error {
	if c.TLS {
		if equalFold(c.tlsHost, host) {
			return nil
		}
		c.shut()
		if err := call.Connect(c); err != nil {
			return err
		}
	}
	conf, err := call.R.ProxyTLS(host)
	if err != nil {
		proxylog.Error(call.scope()).Msgf("AH00961: %s: failed to enable ssl support for %s (%s)", c.name, c.Address(), c.Hostname)
		return err
	}
	if c.ALPN != nil {
		conf.NextProtos = c.ALPN
	}
	t := tls.Client(c.under, conf)
	if err := t.Handshake(); err != nil {
		proxylog.Info(call.scope()).Err(err).Msgf("AH02003: SSL Proxy connect failed to %s (%s)", c.Address(), c.Hostname)
		return err
	}
	c.Conn, c.TLS, c.tlsHost = t, true, host
	c.R.Reset(t)
	return nil
}

// Address is whom the connection leads to, in log lines.
func (c *ProxyConn) Address() string {
	switch {
	case c.Socket != "":
		return c.Socket
	case c.addr.IsValid():
		return c.addr.String()
	}
	return net.JoinHostPort(c.Hostname, strconv.Itoa(c.Port))
}

// LocalPort is the port of this side's end.
func (c *ProxyConn) LocalPort() string {
	if a, ok := c.under.LocalAddr().(*net.TCPAddr); ok {
		if c.local == "" {
			c.local = strconv.Itoa(a.Port)
		}
		return c.local
	}
	return "0"
}

// readers are the buffers of connections that are in use; one that waits has none.
var readers sync.Pool

const readerSize = 16 << 10

// readerSize is how much a buffer must hold: what is read at one time, and a line
// of a head.
func (c *ProxyCall) readerSize() int {
	return max(c.BufferSize(), c.Worker.Params.ResponseFieldSize.Else(0)+2, readerSize)
}

func takeReader(from net.Conn, size int) *bufio.Reader {
	if size == readerSize {
		if r, ok := readers.Get().(*bufio.Reader); ok {
			r.Reset(from)
			return r
		}
	}
	return bufio.NewReaderSize(from, size)
}

// TakeReader takes the buffer away from the connection, which may then be given
// back while what was read last is still in use; nil when it has none.
func (c *ProxyConn) TakeReader() *bufio.Reader {
	r := c.R
	c.R = nil
	return r
}

// GiveReader lets a buffer be used again.
func GiveReader(r *bufio.Reader) {
	if r != nil && r.Size() == readerSize {
		r.Reset(nil)
		readers.Put(r)
	}
}

// CanUpgrade tells whether the worker lets a connection become one of a protocol;
// standard is what it may where upgrade= is not given (ap_proxy_worker_can_upgrade).
func (w *ProxyWorker) CanUpgrade(protocol, standard string) bool {
	if u := w.Params.Upgrade; u != "" && !equalFold(u, "NONE") {
		return u == "*" || hasToken(u, protocol) || equalFold(u, protocol)
	} else if u != "" {
		return false
	}
	return standard != "" && equalFold(standard, protocol)
}
