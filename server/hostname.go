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

// ClientHost is the client's name where HostnameLookups allows to look it up, or
// where a look-up for access control has found it already; else its address
// (ap_get_useragent_host with REMOTE_NAME).
func (r *Request) ClientHost() string {
	r.DependsOnClient()
	name := ""
	switch CoreDir.Of(r.Dir).HostnameLookups.Else(LookupsOff) {
	case LookupsOff:
		if r.Client == r.Conn.Remote.Addr() && r.Conn.RemoteHost != noHost {
			name = r.Conn.RemoteHost
		}
	case LookupsDouble:
		name = r.lookupClient(true)
	default:
		name = r.lookupClient(false)
	}
	if name == "" {
		return r.ClientIP
	}
	return name
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

// noHost is Conn.RemoteHost of a client whose address has no name.
const noHost = "-"

// lookupClient is the client's name, remembered for the connection; "" for none,
// or when double is asked for and the name does not lead back to the address.
func (r *Request) lookupClient(double bool) string {
	r.Unrepeatable()
	c := r.Conn
	ctx, cancel := context.WithTimeout(context.Background(), lookupLimit)
	defer cancel()
	if r.Client != c.Remote.Addr() {
		name := reverse(ctx, r.Client)
		if double && !leadsBack(ctx, name, r.Client) {
			return ""
		}
		return name
	}
	if c.RemoteHost == "" {
		if c.RemoteHost = reverse(ctx, r.Client); c.RemoteHost == "" {
			c.RemoteHost = noHost
		}
	}
	if c.RemoteHost == noHost {
		return ""
	}
	if double && !c.RemoteHostChecked {
		c.RemoteHostChecked, c.RemoteHostDouble = true, leadsBack(ctx, c.RemoteHost, r.Client)
	}
	if double && !c.RemoteHostDouble {
		return ""
	}
	return c.RemoteHost
}

// reverse is the name of an address; "" for none.
func reverse(ctx context.Context, a netip.Addr) string {
	names, err := Resolver().LookupAddr(ctx, a.Unmap())
	if err != nil || len(names) == 0 {
		return ""
	}
	return strings.ToLower(strings.TrimSuffix(names[0], "."))
}

// leadsBack tells whether an address is one of a name's.
func leadsBack(ctx context.Context, name string, a netip.Addr) bool {
	if name == "" {
		return false
	}
	addrs, err := Resolver().LookupNetIP(ctx, "ip", name)
	return err == nil && slices.ContainsFunc(addrs, func(b netip.Addr) bool { return b.Unmap() == a.Unmap() })
}
