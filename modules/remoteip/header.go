package remoteip

import (
	"net/netip"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// setClient makes the address that was told the request's client
// (remoteip_modify_request).
func setClient(r *server.Request) server.Status {
	if r.Conn.Foretold {
		return fromProtocol(r)
	}
	c := slot.Of(r.Server)
	if c.header == "" {
		return server.Declined
	}
	text, ok := r.FieldIn(c.header)
	if !ok {
		return server.OK
	}
	found := c.walk(r, text)
	if !found.any {
		return server.OK
	}
	if found.rest != nil {
		r.SetFieldIn(c.header, *found.rest)
	} else {
		r.UnsetFieldIn(c.header)
	}
	r.Client, r.ClientIP = found.client, found.ip
	if found.proxies == "" {
		elog.Trace(1, r).Msgf("Using %s as client's IP by internal proxies", found.ip)
		return server.OK
	}
	r.Notes.Set("remoteip-proxy-ip-list", found.proxies)
	if c.proxiesHeader != "" {
		r.SetFieldIn(c.proxiesHeader, found.proxies)
	}
	elog.Trace(1, r).Msgf("Using %s as client's IP by proxies %s", found.ip, found.proxies)
	return server.OK
}

// told is what a field came to.
type told struct {
	any     bool // an address was taken
	client  netip.Addr
	ip      string
	proxies string  // the addresses passed on the way, but for internal ones
	rest    *string // what of the field was not used; nil: all was
}

// walk goes from the last address of the field to the first, for as long as the
// one behind is a proxy that is trusted. An internal proxy may name any address,
// an external one only public ones, and nothing an external one names is
// internal any more.
func (c *config) walk(r *server.Request, text string) told {
	t := told{client: r.Client.Unmap(), ip: r.ClientIP}
	trusted := len(c.proxies) > 0
	internal := trusted
	left, more := text, true
	for more {
		if trusted {
			p, ok := c.find(t.client)
			if !ok {
				t.rest = &left
				break
			}
			internal = internal && p.internal
		}
		at := strings.LastIndexByte(left, ',')
		raw := left[at+1:]
		word := strings.TrimRight(strings.TrimLeft(raw, " "), " ")
		unused := func() {
			rest := strings.TrimRight(left, " ")
			if at < 0 {
				rest = word
			} else if word == "" {
				rest = left
			}
			t.rest = &rest
		}
		if word == "" {
			unused()
			break
		}
		a, err := netip.ParseAddr(word)
		if err != nil {
			elog.Debug(r).Msgf("AH01568: RemoteIP: Header %s value of %s cannot be parsed as a client IP", c.header, word)
			unused()
			break
		}
		a = a.Unmap()
		if !internal && !public(a) {
			elog.Debug(r).Msgf("AH01569: RemoteIP: Header %s value of %s appears to be a private IP or nonsensical.  Ignored", c.header, word)
			unused()
			break
		}
		if !internal {
			if t.proxies != "" {
				t.proxies += ", "
			}
			t.proxies += t.ip
		}
		t.any, t.client, t.ip = true, a, a.String()
		if more = at >= 0; more {
			left = left[:at]
		}
	}
	return t
}

// find is the first proxy whose network the address is in.
func (c *config) find(a netip.Addr) (proxy, bool) {
	for _, p := range c.proxies {
		if p.net.Contains(a) {
			return p, true
		}
	}
	return proxy{}, false
}

// public tells whether an address is one that the whole internet knows, as
// Apache sees it: not of RFC 3330's private networks, and global unicast.
func public(a netip.Addr) bool {
	if a.Is4() {
		b := a.As4()
		return !(b[0] == 10 || b[0] == 127 || b[0] == 169 && b[1] == 254 || b[0] == 172 && b[1]&0xf0 == 16 || b[0] == 192 && b[1] == 168)
	}
	return a.As16()[0]&0xe0 == 0x20
}
