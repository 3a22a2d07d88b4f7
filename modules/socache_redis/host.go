package socache_redis

import (
	"bufio"
	"context"
	"errors"
	"hash/crc32"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

const (
	connectTimeout = time.Second     // as apr_redis has it
	deadTime       = 5 * time.Second // after which a server that failed is tried again
	maxIdle        = 32
)

// host is a server, with the connections to it that wait unused.
type host struct {
	hostPort

	mu   sync.Mutex
	idle []*conn // the one that came last is taken first
	dead time.Time
	reap *time.Timer
}

// conn is a connection to a server.
type conn struct {
	net.Conn
	in    *bufio.Reader
	freed time.Time
}

var errNoServer = errors.New("no redis server answers")

// ask sends a command to the server that the key is for, the first of words behind
// the command; the next one stands in for a server that is dead, as with apr_redis.
func (c *cache) ask(words ...string) (reply, error) {
	ttl, timeout := c.config()
	command := appendCommand(nil, words...)
	first := crc32.ChecksumIEEE([]byte(words[1])) >> 16 & 0x7fff
	last := errNoServer
	for i := range uint32(len(c.ring)) {
		h := c.ring[(max(first, 1)+i)%uint32(len(c.ring))]
		if !h.alive() {
			continue
		}
		r, err := h.ask(command, timeout, ttl)
		if err == nil {
			return r, nil
		}
		if last = err; !errors.As(err, new(unreachable)) {
			return reply{}, err
		}
		h.bury()
	}
	return reply{}, last
}

// alive tells whether the server may be asked now. One that is dead is tried by
// one request in deadTime.
func (h *host) alive() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.dead.IsZero() {
		return true
	}
	if time.Since(h.dead) < deadTime {
		return false
	}
	h.dead = time.Now()
	return true
}

func (h *host) bury() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dead = time.Now()
}

func (h *host) revive() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dead = time.Time{}
}

// unreachable is a server that no connection can be made to.
type unreachable struct{ error }

func (u unreachable) Unwrap() error { return u.error }

// ask sends a command and reads the reply. A connection that waited may have been
// closed meanwhile: then another one is made.
func (h *host) ask(command []byte, timeout, ttl time.Duration) (reply, error) {
	for {
		c, kept, err := h.take(ttl)
		if err != nil {
			return reply{}, unreachable{err}
		}
		if timeout > 0 {
			c.SetDeadline(time.Now().Add(timeout)) //nolint:errcheck // the dialogue tells
		}
		r, err := c.exchange(command)
		if err == nil {
			h.give(c, ttl)
			h.revive()
			return r, nil
		}
		c.Close() //nolint:errcheck // it is of no use any more
		var late net.Error
		if !kept || errors.Is(err, errReply) || errors.As(err, &late) && late.Timeout() {
			return reply{}, err
		}
	}
}

func (c *conn) exchange(command []byte) (reply, error) {
	if _, err := c.Write(command); err != nil {
		return reply{}, err
	}
	return readReply(c.in)
}

// take gives a connection; kept tells whether it was used before.
func (h *host) take(ttl time.Duration) (c *conn, kept bool, err error) {
	h.mu.Lock()
	if n := len(h.idle); n > 0 {
		c, h.idle = h.idle[n-1], h.idle[:n-1]
	}
	h.mu.Unlock()
	if c != nil && (ttl == 0 || time.Since(c.freed) < ttl) {
		return c, true, nil
	}
	if c != nil {
		c.Close() //nolint:errcheck // it is too old
	}
	ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
	defer cancel()
	addrs, err := h.resolve(ctx)
	if err != nil {
		return nil, false, err
	}
	var d net.Dialer
	raw, err := d.DialContext(ctx, "tcp", net.JoinHostPort(addrs[0].Unmap().String(), strconv.Itoa(h.port)))
	if err != nil {
		return nil, false, err
	}
	return &conn{Conn: raw, in: bufio.NewReader(raw)}, false, nil
}

// resolve looks the name up, with what was known outside of the jail.
func (h *host) resolve(ctx context.Context) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(h.name); err == nil {
		return []netip.Addr{a}, nil
	}
	addrs, err := server.Resolver().LookupNetIP(ctx, "ip", h.name)
	if err == nil && len(addrs) == 0 {
		err = errNoServer
	}
	return addrs, err
}

// give lets a connection wait for others.
func (h *host) give(c *conn, ttl time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c.freed = time.Now(); len(h.idle) >= maxIdle || c.in.Buffered() > 0 {
		c.Close() //nolint:errcheck // there are enough
		return
	}
	h.idle = append(h.idle, c)
	if ttl > 0 && h.reap == nil {
		h.reap = time.AfterFunc(ttl, func() { h.expire(ttl) })
	}
}

// expire closes the connections that nobody has used for so long.
func (h *host) expire(ttl time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.idle) > 0 && time.Since(h.idle[0].freed) >= ttl {
		h.idle[0].Close() //nolint:errcheck // nobody uses it
		h.idle = h.idle[1:]
	}
	h.reap = nil
	if len(h.idle) > 0 {
		h.reap = time.AfterFunc(ttl-time.Since(h.idle[0].freed), func() { h.expire(ttl) })
	}
}
