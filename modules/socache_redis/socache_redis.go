// Package socache_redis keeps small objects on Redis servers (mod_socache_redis),
// so that several machines know the same.
package socache_redis

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is socache_redis_module.
var Module = server.Module{
	Name: "socache_redis_module",
	Directives: directives.Table{
		{Name: "RedisConnPoolTTL", In: directives.InServer, Usage: "TTL used for the connection pool with the Redis server(s)",
			Set: slot.Take1(func(c *config, cmd *directives.Cmd, word string) error { return setTime(&c.ttl, cmd, word) })},
		{Name: "RedisTimeout", In: directives.InServer, Usage: "R/W timeout used for the connection with the Redis server(s)",
			Set: slot.Take1(func(c *config, cmd *directives.Cmd, word string) error { return setTime(&c.timeout, cmd, word) })},
	},
	Socache: &server.SocacheProvider{Name: "redis", Open: open, Check: func(args string) error { _, err := parse(args); return err }},
}

var (
	slot = directives.NewServerSlot(func(base, add config) config {
		return config{ttl: add.ttl.Or(base.ttl), timeout: add.timeout.Or(base.timeout)}
	})
)

type config struct {
	ttl     directives.Opt[time.Duration] // how long a connection that nobody uses is kept
	timeout directives.Opt[time.Duration] // of each dialogue; 0: none
}

const (
	defaultTTL     = 15 * time.Second
	defaultTimeout = 5 * time.Second
	defaultPort    = 6379
)

func setTime(to *directives.Opt[time.Duration], cmd *directives.Cmd, word string) error {
	d, err := server.ParseTimeout(word, time.Second)
	switch {
	case err != nil:
		return errors.New(cmd.Name + " has wrong format")
	case d > time.Hour:
		return errors.New(cmd.Name + " can only be 0 or up to one hour.")
	}
	*to = directives.Given(d)
	return nil
}

// open takes "host:port,host:port". Nothing is connected to before an object is
// asked for.
func open(cmd *directives.Cmd, args string) (server.Socache, error) {
	hosts, err := parse(args)
	if err != nil {
		return nil, err
	}
	c := &cache{}
	if cmd != nil {
		c.server = cmd.Server
	}
	for _, h := range hosts {
		c.ring = append(c.ring, &host{hostPort: h})
	}
	return c, nil
}

// hostPort is where a server listens.
type hostPort struct {
	name string
	port int
}

// parse reads a list of servers as apr_parse_addr_port does.
func parse(args string) (hosts []hostPort, err error) {
	if args == "" {
		return nil, errors.New("List of server names required to create redis socache.")
	}
	for h := range strings.SplitSeq(args, ",") {
		if h == "" {
			continue
		}
		at, ok := parseHost(h)
		switch {
		case !ok:
			return nil, errors.New("Failed to Parse redis Server: '" + h + "'")
		case at.name == "":
			return nil, errors.New("Failed to Parse Server, no hostname specified: '" + h + "'")
		}
		hosts = append(hosts, at)
	}
	if len(hosts) == 0 {
		return nil, errors.New("List of server names required to create redis socache.")
	}
	return hosts, nil
}

// parseHost reads "name", "name:port", "[address]:port" or a port alone.
func parseHost(s string) (hostPort, bool) {
	if port, err := strconv.ParseUint(s, 10, 16); err == nil && port > 0 {
		return hostPort{port: int(port)}, true
	}
	name, port := s, defaultPort
	if i := strings.LastIndexByte(s, ':'); i >= 0 && !strings.HasSuffix(s, "]") {
		n, err := strconv.ParseUint(s[i+1:], 10, 16)
		if err != nil || n == 0 {
			return hostPort{}, false
		}
		name, port = s[:i], int(n)
	}
	if inner, ok := strings.CutPrefix(name, "["); ok {
		a, err := netip.ParseAddr(strings.TrimSuffix(inner, "]"))
		if err != nil || !a.Is6() || !strings.HasSuffix(inner, "]") {
			return hostPort{}, false
		}
		return hostPort{a.String(), port}, true
	}
	return hostPort{name, port}, name != "" && !strings.Contains(name, ":")
}

func (h hostPort) String() string { return net.JoinHostPort(h.name, strconv.Itoa(h.port)) }

// cache is a list of servers.
type cache struct {
	ring   []*host
	server *directives.Server // whose timeouts hold
}

func (c *cache) config() (ttl, timeout time.Duration) {
	if c.server == nil {
		return defaultTTL, defaultTimeout
	}
	conf := slot.Of(c.server)
	return conf.ttl.Else(defaultTTL), conf.timeout.Else(defaultTimeout)
}

// name is a key as it is stored: keys of any length and content have one.
func name(key string) string {
	sum := sha256.Sum256([]byte(key))
	return "donjon:" + hex.EncodeToString(sum[:])
}

func (c *cache) Store(key, value string, expires time.Time) error {
	left := int64(time.Until(expires) / time.Second)
	if left <= 0 {
		c.Remove(key)
		return nil
	}
	r, err := c.ask("SETEX", name(key), strconv.FormatInt(left, 10), value)
	if err == nil && (r.kind != simple || r.text != "OK") {
		err = r.unexpected()
	}
	return err
}

func (c *cache) Retrieve(key string) (string, bool, error) {
	r, err := c.ask("GET", name(key))
	switch {
	case err != nil:
		return "", false, err
	case r.kind == null:
		return "", false, nil
	case r.kind != bulk:
		return "", false, r.unexpected()
	}
	return r.text, true, nil
}

func (c *cache) Remove(key string) { c.ask("DEL", name(key)) } //nolint:errcheck // it may be forgotten already
