package proxy

import (
	"context"
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/pattern"
)

// Other proxies to go through, and hosts that are not asked at all.

func addRemote(match bool) func(*server.ProxyServerConfig, *directives.Cmd, string, string, string) error {
	name := "ProxyRemote"
	if match {
		name = "ProxyRemoteMatch"
	}
	return func(c *server.ProxyServerConfig, _ *directives.Cmd, what, url, creds string) error {
		proto, rest, ok := strings.Cut(url, ":")
		if !ok || len(rest) < 3 || rest[:2] != "//" {
			return errors.New(name + ": Bad syntax for a remote proxy server")
		}
		p := &server.ProxyRemote{Scheme: what, Name: url, Proto: proto, Port: -1, Creds: creds}
		host, port, given := strings.Cut(rest[2:], ":")
		if given {
			digits := strings.TrimLeft(port, " \t")
			n, err := strconv.ParseUint(digits[:len(digits)-len(strings.TrimLeft(digits, "0123456789"))], 10, 32)
			if err != nil || n > 65535 {
				return errors.New(name + ": Bad syntax for a remote proxy server (bad port number)")
			}
			p.Port = int(n)
		} else {
			host = rest[2:]
		}
		p.Host = server.LowerASCII(host)
		if p.Port == -1 {
			p.Port = server.ProxyPort(server.LowerASCII(proto))
		}
		if match {
			re, err := pattern.Compile(what, pattern.DefaultFlags())
			if err != nil {
				return errors.New("Regular expression for ProxyRemoteMatch could not be compiled.")
			}
			p.Regex = re
		} else if !strings.Contains(what, ":") {
			p.Scheme = server.LowerASCII(what)
		}
		c.Remotes = append(c.Remotes, p)
		return nil
	}
}

// matches tells whether a URL is asked for through the remote proxy.
func remoteFor(p *server.ProxyRemote, scheme, url string) bool {
	switch {
	case p.Regex != nil:
		return p.Scheme == "*" || p.Regex.MatchString(url)
	case p.Scheme == "*":
		return true
	case strings.Contains(p.Scheme, ":"):
		return len(url) >= len(p.Scheme) && strings.EqualFold(url[:len(p.Scheme)], p.Scheme)
	}
	return strings.EqualFold(scheme, p.Scheme)
}

// lookup finds addresses while the configuration is read; nothing when it is a
// child's second reading in a place where the parent has found nothing either.
func lookup(_ *directives.Cmd, host string) []netip.Addr {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	list, err := server.Resolver().LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil
	}
	for i := range list {
		list[i] = list[i].Unmap()
	}
	return list
}

func addBlocked(c *server.ProxyServerConfig, cmd *directives.Cmd, arg string) error {
	for _, b := range c.Blocked {
		if strings.EqualFold(b.Name, arg) {
			return nil
		}
	}
	b := &server.ProxyBlocked{Name: arg}
	if arg[0] != '*' && strings.Trim(arg, ".") == arg {
		b.Addrs = lookup(cmd, arg)
	}
	c.Blocked = append(c.Blocked, b)
	return nil
}

func addDirect(c *server.ProxyServerConfig, cmd *directives.Cmd, arg string) error {
	for _, d := range c.Direct {
		if strings.EqualFold(d.Name, arg) {
			return nil
		}
	}
	d := &server.ProxyDirect{Name: arg}
	if n, ok := parseNetwork(arg, cmd); ok {
		d.Network = n
	} else {
		switch name := strings.TrimSuffix(arg, "."); {
		case len(name) > 1 && name[0] == '.' && isDomain(name[1:]):
			d.Domain, d.Name = true, server.LowerASCII(name)
		case isHostName(name, cmd):
			d.Name = server.LowerASCII(name)
		default:
			d.Word = true
		}
	}
	c.Direct = append(c.Direct, d)
	return nil
}

func isDomain(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.') {
			return false
		}
	}
	return s != ""
}

// isHostName tells whether a name can be looked up now (ap_proxy_is_hostname).
func isHostName(name string, cmd *directives.Cmd) bool {
	return isDomain(name) && name[0] != '.' && len(lookup(cmd, name)) > 0
}

// parseNetwork reads "192.168", "10.0.0.0/8" (ap_proxy_is_ipaddr): without a
// number of bits, the zeros at the end are not compared.
func parseNetwork(s string, cmd *directives.Cmd) (netip.Prefix, bool) {
	text, mask, masked := strings.Cut(s, "/")
	parts := strings.Split(strings.TrimSuffix(text, "."), ".")
	if len(parts) > 4 {
		return netip.Prefix{}, false
	}
	var quad [4]byte
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 0, 8)
		if err != nil {
			return netip.Prefix{}, false
		}
		quad[i] = byte(n)
	}
	bits := 0
	addr := netip.AddrFrom4(quad)
	if masked {
		n, err := strconv.ParseUint(mask, 0, 8)
		if err != nil || n > 32 {
			return netip.Prefix{}, false
		}
		bits = int(n)
	} else {
		quads := len(parts)
		for quads > 0 && quad[quads-1] == 0 {
			quads--
		}
		if quads < 1 {
			return netip.Prefix{}, false
		}
		if bits = 8 * quads; bits != 32 {
			cmd.LogWarning("AH00900: Warning: NetMask not supplied with IP-Addr; guessing: %s/%d", addr, bits)
		}
	}
	p := netip.PrefixFrom(addr, bits)
	if m := p.Masked(); m != p {
		cmd.LogWarning("AH00901: Warning: NetMask and IP-Addr disagree in %s/%d", addr, bits)
		cmd.LogWarning("AH00902:          Set to %s/%d", m.Addr(), bits)
		p = m
	}
	return p, true
}

// isDirect tells whether the request's host is asked without a remote proxy.
func isDirect(d *server.ProxyDirect, host string) bool {
	switch {
	case d.Network.IsValid():
		a, err := netip.ParseAddr(host)
		if err != nil {
			for _, a := range lookup(nil, host) {
				if a.Is4() && d.Network.Contains(a) {
					return true
				}
			}
			return false
		}
		return d.Network.Contains(a.Unmap())
	case d.Domain:
		return len(host) >= len(d.Name) && strings.EqualFold(host[len(host)-len(d.Name):], d.Name)
	case d.Word:
		return strings.Contains(host, d.Name)
	}
	return strings.EqualFold(host, d.Name)
}
