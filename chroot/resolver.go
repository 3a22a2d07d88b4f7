package chroot

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Resolver looks names up inside a jail with the configuration of outside: the
// hosts table, the order of nsswitch.conf ("files" and "dns"; services that need
// more than a file are passed over), and the servers, search list, ndots,
// timeout and attempts of resolv.conf.
//
// It exists because net.Resolver reads /etc/resolv.conf and /etc/hosts anew,
// every few seconds, under whatever root the process has then. The queries
// themselves are still net's, sent to the servers of outside. A hosts file that
// somebody has put into the jail is therefore read by net for names that are not
// in the table of outside.
//
// It is immutable and safe for concurrent use.
type Resolver struct {
	hosts   hostsTable
	order   []string // of "files", "dns"
	servers []string // "host:port"
	search  []string // with a trailing dot
	ndots   int
	timeout time.Duration // of one try
	tries   int
}

// LookupNetIP gives the addresses of host; network is "ip", "ip4" or "ip6". An
// unknown name is a *net.DNSError with IsNotFound.
func (r *Resolver) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	if network != "ip" && network != "ip4" && network != "ip6" {
		return nil, net.UnknownNetworkError(network)
	}
	wanted := func(a netip.Addr) bool {
		return network == "ip" || a.Is4() == (network == "ip4")
	}
	found := func(all []netip.Addr) []netip.Addr {
		var some []netip.Addr
		for _, a := range all {
			if a = a.Unmap(); wanted(a) {
				some = append(some, a)
			}
		}
		return some
	}
	if a, err := netip.ParseAddr(host); err == nil {
		if some := found([]netip.Addr{a}); len(some) > 0 {
			return some, nil
		}
		return nil, notFound(host)
	}
	var last error
	for _, source := range r.order {
		switch source {
		case "files":
			if some := found(r.hosts.addrs(host)); len(some) > 0 {
				return some, nil
			}
		case "dns":
			for _, name := range r.candidates(host) {
				all, err := ask(ctx, r, host, func(ctx context.Context, dns *net.Resolver) ([]netip.Addr, error) {
					return dns.LookupNetIP(ctx, network, name)
				})
				if err == nil {
					return found(all), nil
				}
				last = err
				if !isNotFound(err) {
					break
				}
			}
		}
	}
	if some := found(localhost(host)); len(some) > 0 {
		return some, nil
	}
	if last == nil || isNotFound(last) {
		last = notFound(host)
	}
	return nil, last
}

// LookupHost is LookupNetIP for both families, as text.
func (r *Resolver) LookupHost(ctx context.Context, host string) ([]string, error) {
	addrs, err := r.LookupNetIP(ctx, "ip", host)
	texts := make([]string, len(addrs))
	for i, a := range addrs {
		texts[i] = a.String()
	}
	return texts, err
}

// LookupAddr gives the names of an address, without a trailing dot, the first
// being the one that Apache's REMOTE_HOST shows.
func (r *Resolver) LookupAddr(ctx context.Context, addr netip.Addr) ([]string, error) {
	addr = addr.Unmap()
	var last error
	for _, source := range r.order {
		switch source {
		case "files":
			if names := r.hosts.names[addr.WithZone("")]; len(names) > 0 {
				return slices.Clone(names), nil
			}
		case "dns":
			names, err := ask(ctx, r, addr.String(), func(ctx context.Context, dns *net.Resolver) ([]string, error) {
				return dns.LookupAddr(ctx, addr.String())
			})
			if err == nil {
				for i := range names {
					names[i] = strings.TrimSuffix(names[i], ".")
				}
				return names, nil
			}
			last = err
		}
	}
	if last == nil {
		last = notFound(addr.String())
	}
	return nil, last
}

// DialContext is net.Dialer's, with names looked up here: for a transport that
// connects to other servers from within the jail. The addresses are tried in
// turn.
func (r *Resolver) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	host, port, err := net.SplitHostPort(address)
	if err != nil || strings.HasPrefix(network, "unix") {
		return d.DialContext(ctx, network, address)
	}
	family := "ip"
	switch network[len(network)-1] {
	case '4', '6':
		family += network[len(network)-1:]
	}
	addrs, err := r.LookupNetIP(ctx, family, host)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	for _, a := range addrs {
		conn, dialErr := d.DialContext(ctx, network, net.JoinHostPort(a.String(), port))
		if dialErr == nil {
			return conn, nil
		}
		err = errors.Join(err, dialErr)
	}
	return nil, err
}

// Net is a standard resolver that asks the first server of outside; for
// packages that use nothing else (as net.DefaultResolver). It knows neither the
// hosts table nor the search list of outside.
func (r *Resolver) Net() *net.Resolver {
	return to(r.servers[0])
}

func to(server string) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, server)
	}}
}

// ask puts a question to the servers in turn, until one of them gives an answer,
// be it that there is no such name.
func ask[T any](ctx context.Context, r *Resolver, name string, question func(context.Context, *net.Resolver) (T, error)) (T, error) {
	var none T
	var last error
	for range r.tries {
		for _, server := range r.servers {
			tryCtx, cancel := context.WithTimeout(ctx, r.timeout)
			answer, err := question(tryCtx, to(server))
			cancel()
			if err == nil {
				return answer, nil
			}
			if isNotFound(err) {
				return none, notFound(name)
			}
			if ctx.Err() != nil {
				return none, ctx.Err()
			}
			last = err
		}
	}
	return none, fmt.Errorf("lookup %s: %w", name, last)
}

// candidates applies the search list: resolv.conf(5). All end in a dot, so that
// net does not search on its own.
func (r *Resolver) candidates(host string) []string {
	if strings.HasSuffix(host, ".") {
		return []string{host}
	}
	absolute := host + "."
	var names []string
	for _, domain := range r.search {
		names = append(names, absolute+domain)
	}
	if strings.Count(host, ".") >= r.ndots {
		return append([]string{absolute}, names...)
	}
	return append(names, absolute)
}

func notFound(name string) error {
	return &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

func isNotFound(err error) bool {
	var dns *net.DNSError
	return errors.As(err, &dns) && dns.IsNotFound
}

// localhost is RFC 6761 6.3: the name has these addresses wherever no file says
// so.
func localhost(host string) []netip.Addr {
	host = canonicalName(host)
	if host != "localhost" && !strings.HasSuffix(host, ".localhost") {
		return nil
	}
	return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}
}
