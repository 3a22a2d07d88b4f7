// Package socache_memcache keeps small objects on memcached servers
// (mod_socache_memcache), so that several machines know the same.
package socache_memcache

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is socache_memcache_module.
var Module = server.Module{
	Name: "socache_memcache_module",
	Directives: directives.Table{
		{Name: "MemcacheConnTTL", In: directives.InServer, Usage: "TTL used for the connection with the memcache server(s)",
			Set: slot.Take1((*config).setTTL)},
	},
	Socache: &server.SocacheProvider{Name: "memcache", Open: open, Check: func(args string) error { _, err := parse(args); return err }},
}

var slot = directives.NewServerSlot(func(base, add config) config { return config{ttl: add.ttl.Or(base.ttl)} })

// config is how long a connection that nobody uses is kept.
type config struct{ ttl directives.Opt[time.Duration] }

const (
	defaultTTL  = 15 * time.Second
	defaultPort = "11211"
	// wait bounds each dialogue with a server.
	wait = time.Second
)

func (c *config) setTTL(_ *directives.Cmd, word string) error {
	d, err := server.ParseTimeout(word, time.Second)
	switch {
	case err != nil:
		return errors.New("MemcacheConnTTL has wrong format")
	case d > time.Hour:
		return errors.New("MemcacheConnTTL can only be 0 or up to one hour.")
	}
	c.ttl = directives.Given(d)
	return nil
}

// open takes "host:port,host:port". Nothing is connected to before an object is
// asked for.
func open(cmd *directives.Cmd, args string) (server.Socache, error) {
	hosts, err := parse(args)
	if err != nil {
		return nil, err
	}
	c := memcache.NewFromSelector(&ring{hosts: hosts})
	c.Timeout, c.MaxIdleConns = wait, 32
	var main *directives.Server
	if cmd != nil {
		main = cmd.Server
	}
	return &cache{client: c, server: main}, nil
}

func parse(args string) (hosts []string, err error) {
	if args == "" {
		return nil, errors.New("List of server names required to create memcache socache.")
	}
	for h := range strings.SplitSeq(args, ",") {
		host, port, ok := strings.Cut(h, ":")
		if !ok {
			port = defaultPort
		}
		n, err := strconv.ParseUint(port, 10, 16)
		if host == "" || err != nil || n == 0 {
			return nil, errors.New("Failed to Parse memcache Server: '" + h + "'")
		}
		hosts = append(hosts, net.JoinHostPort(host, port))
	}
	return hosts, nil
}

// ring chooses a server for each key, as apr_memcache does.
type ring struct {
	hosts []string
	mu    sync.Mutex
	addrs []net.Addr // of the names that were resolved; in the order of hosts
}

func (r *ring) PickServer(key string) (net.Addr, error) {
	all, err := r.resolved()
	if err != nil {
		return nil, err
	}
	return all[crc32.ChecksumIEEE([]byte(key))>>16&0x7fff%uint32(len(all))], nil
}

func (r *ring) Each(f func(net.Addr) error) error {
	all, err := r.resolved()
	for i := 0; err == nil && i < len(all); i++ {
		err = f(all[i])
	}
	return err
}

// resolved looks the names up once, with what was known outside of the jail.
func (r *ring) resolved() ([]net.Addr, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.addrs != nil {
		return r.addrs, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	var all []net.Addr
	for _, h := range r.hosts {
		name, port, _ := net.SplitHostPort(h)
		ips, err := server.Resolver().LookupNetIP(ctx, "ip", name)
		if err != nil {
			return nil, err
		}
		n, _ := strconv.Atoi(port)
		all = append(all, &net.TCPAddr{IP: ips[0].Unmap().AsSlice(), Port: n})
	}
	r.addrs = all
	return all, nil
}

type cache struct {
	client *memcache.Client
	server *directives.Server // whose MemcacheConnTTL holds

	mu   sync.Mutex
	idle *time.Timer // closes the connections
}

// used is told of each dialogue: connections that nobody uses are closed after
// MemcacheConnTTL.
func (c *cache) used() {
	ttl := defaultTTL
	if c.server != nil {
		ttl = slot.Of(c.server).ttl.Else(defaultTTL)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.idle == nil {
		c.idle = time.AfterFunc(ttl, func() { c.client.Close() }) //nolint:errcheck // they are of no use any more
		return
	}
	c.idle.Reset(ttl)
}

// name is a key as memcached takes it: at most 250 bytes without blanks.
func name(key string) string {
	sum := sha256.Sum256([]byte(key))
	return "donjon:" + hex.EncodeToString(sum[:])
}

func (c *cache) Store(key, value string, expires time.Time) error {
	defer c.used()
	left := int32(time.Until(expires) / time.Second)
	if left <= 0 {
		c.Remove(key)
		return nil
	}
	const relative = 30 * 24 * 3600 // more would be a date
	return c.client.Set(&memcache.Item{Key: name(key), Value: []byte(value), Expiration: min(left, relative)})
}

func (c *cache) Retrieve(key string) (string, bool, error) {
	defer c.used()
	item, err := c.client.Get(name(key))
	switch {
	case errors.Is(err, memcache.ErrCacheMiss):
		return "", false, nil
	case err != nil:
		return "", false, err
	}
	return string(item.Value), true, nil
}

func (c *cache) Remove(key string) {
	defer c.used()
	c.client.Delete(name(key)) //nolint:errcheck // it may be forgotten already
}
