package server

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
)

// Subnet is what "Require ip" and "Allow from" name: an address, a network, or
// the first numbers of an IPv4 address.
type Subnet struct {
	addr, mask [16]byte // IPv4 in IPv6's mapped form
	v4         bool
}

// ErrNotSubnet says that a text does not look like an address at all, so that
// it may be a host's name.
var ErrNotSubnet = errors.New("not an IP address")

// ErrBadMask says that an address was followed by something that is no mask.
var ErrBadMask = errors.New("The specified network mask is invalid.")

// ParseSubnet reads "10.1", "10.1.2.3", "10.0.0.0/8", "10.0.0.0/255.0.0.0",
// "2001:db8::/32" (apr_ipsubnet_create).
func ParseSubnet(s string) (Subnet, error) {
	addr, mask, hasMask := strings.Cut(s, "/")
	n := Subnet{}
	bits := 32
	if a, err := netip.ParseAddr(addr); err == nil && a.Zone() == "" {
		n.v4 = a.Is4()
		n.addr = a.As16()
		if !n.v4 {
			bits = 128
		}
	} else if part, partBits, ok := partialV4(addr); ok {
		if hasMask {
			return n, ErrNotSubnet
		}
		n.v4, n.addr = true, netip.AddrFrom4(part).As16()
		n.setMask(96 + partBits)
		return n, nil
	} else {
		return n, ErrNotSubnet
	}
	if !hasMask {
		n.setMask(128)
		return n, nil
	}
	if width, err := strconv.Atoi(mask); err == nil && strings.Trim(mask, "0123456789") == "" {
		if width < 1 || width > bits {
			return n, ErrBadMask
		}
		n.setMask(128 - bits + width)
		return n, nil
	}
	m, err := netip.ParseAddr(mask)
	if err != nil || !m.Is4() || !n.v4 {
		return n, ErrBadMask
	}
	m4 := m.As4()
	for i := range 12 {
		n.mask[i] = 0xff
	}
	copy(n.mask[12:], m4[:])
	for i := range n.addr {
		n.addr[i] &= n.mask[i]
	}
	return n, nil
}

func (n *Subnet) setMask(bits int) {
	for i := range n.mask {
		switch have := bits - 8*i; {
		case have >= 8:
			n.mask[i] = 0xff
		case have > 0:
			n.mask[i] = byte(0xff << (8 - have))
		}
		n.addr[i] &= n.mask[i]
	}
}

// partialV4 reads the first one to three numbers of an IPv4 address.
func partialV4(s string) (a [4]byte, bits int, ok bool) {
	s = strings.TrimSuffix(s, ".")
	parts := strings.Split(s, ".")
	if len(parts) > 3 {
		return a, 0, false
	}
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 10, 8)
		if err != nil || strings.Trim(p, "0123456789") != "" {
			return a, 0, false
		}
		a[i] = byte(n)
	}
	return a, 8 * len(parts), true
}

// Contains tells whether an address is in the network; an IPv4 address in
// IPv6's mapped form counts as IPv4.
func (n Subnet) Contains(a netip.Addr) bool {
	if a.Unmap().Is4() != n.v4 {
		return false
	}
	b := a.As16()
	for i := range b {
		if b[i]&n.mask[i] != n.addr[i] {
			return false
		}
	}
	return true
}

// InDomain tells whether host is domain or below it; a domain with a leading
// dot has only what is below.
func InDomain(domain, host string) bool {
	if len(host) < len(domain) || !strings.EqualFold(host[len(host)-len(domain):], domain) {
		return false
	}
	return len(host) == len(domain) || domain[0] == '.' || host[len(host)-len(domain)-1] == '.'
}
