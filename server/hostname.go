package server

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// NameResolver looks names and addresses up. A child has one that was loaded
// outside, because the jail has no resolver configuration.
type NameResolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
	LookupAddr(ctx context.Context, addr netip.Addr) ([]string, error)
}

var resolver atomic.Pointer[NameResolver]

// SetResolver replaces the resolver; a child calls it before it serves.
func SetResolver(r NameResolver) { resolver.Store(&r) }

// Resolver looks names up, in the jail too.
func Resolver() NameResolver {
	if r := resolver.Load(); r != nil {
		return *r
	}
	return system{}
}

// system asks as the process is: outside a jail.
type system struct{}

func (system) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, network, host)
}
func (system) LookupAddr(ctx context.Context, a netip.Addr) ([]string, error) {
	return net.DefaultResolver.LookupAddr(ctx, a.String())
}

// lookupLimit bounds one look-up of a client's name.
const lookupLimit = 10 * time.Second

// ClientHost is the client's name where HostnameLookups allows it, else its
// address (ap_get_useragent_host with REMOTE_NAME).
func (r *Request) ClientHost() string {
	r.DependsOnClient()
	if CoreDir.Of(r.Dir).HostnameLookups.Else(LookupsOff) != LookupsOff {
		if name := r.lookupClient(CoreDir.Of(r.Dir).HostnameLookups.Else(LookupsOff) == LookupsDouble); name != "" {
			return name
		}
	}
	return r.ClientIP
}

// ConnHost is ClientHost for the connection's peer.
func (r *Request) ConnHost() string {
	if r.Client == r.Conn.Remote.Addr() {
		return r.ClientHost()
	}
	return r.Conn.ClientIP
}

// ClientHostDouble is the client's name if a look-up of that name leads back to
// its address (REMOTE_DOUBLE_REV); it is asked for by access control, whatever
// HostnameLookups says.
func (r *Request) ClientHostDouble() (string, bool) {
	name := r.lookupClient(true)
	return name, name != ""
}

// lookupClient is the client's name, remembered for the connection; "" for none.
func (r *Request) lookupClient(double bool) string {
	r.Unrepeatable()
	c := r.Conn
	same := r.Client == c.Remote.Addr()
	if same && c.RemoteHost != "" {
		if c.RemoteHost == "-" || double && !c.RemoteHostDouble {
			if c.RemoteHost == "-" {
				return ""
			}
		} else {
			return c.RemoteHost
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookupLimit)
	defer cancel()
	name := reverse(ctx, r.Client, double)
	if same {
		c.RemoteHost, c.RemoteHostDouble = name, double
		if name == "" {
			c.RemoteHost = "-"
		}
	}
	return name
}

func reverse(ctx context.Context, a netip.Addr, double bool) string {
	names, err := Resolver().LookupAddr(ctx, a.Unmap())
	if err != nil || len(names) == 0 {
		return ""
	}
	name := strings.ToLower(strings.TrimSuffix(names[0], "."))
	if !double {
		return name
	}
	addrs, err := Resolver().LookupNetIP(ctx, "ip", name)
	if err != nil || !slices.ContainsFunc(addrs, func(b netip.Addr) bool { return b.Unmap() == a.Unmap() }) {
		return ""
	}
	return name
}
