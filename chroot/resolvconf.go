package chroot

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// readResolver reads resolv.conf, hosts and nsswitch.conf of a directory; each
// may be missing.
func readResolver(etc string) (*Resolver, error) {
	o, err := readOutside(etc)
	if err != nil {
		return nil, err
	}
	return o.Resolver(), nil
}

// parseResolvConf reads resolv.conf(5) with the C library's limits.
func parseResolvConf(text string) *Resolver {
	r := &Resolver{ndots: 1, timeout: 5 * time.Second, tries: 2}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 2 || line[0] == '#' || line[0] == ';' {
			continue
		}
		switch f[0] {
		case "nameserver":
			if a, err := netip.ParseAddr(f[1]); err == nil && len(r.servers) < 3 {
				r.servers = append(r.servers, net.JoinHostPort(a.String(), "53"))
			}
		case "domain":
			r.search = searchList(f[1:2])
		case "search":
			r.search = searchList(f[1:])
		case "options":
			for _, o := range f[1:] {
				name, value, _ := strings.Cut(o, ":")
				n, err := strconv.Atoi(value)
				if err != nil || n < 0 {
					continue
				}
				switch name {
				case "ndots":
					r.ndots = min(n, 15)
				case "timeout":
					r.timeout = time.Duration(min(max(n, 1), 30)) * time.Second
				case "attempts":
					r.tries = min(max(n, 1), 5)
				}
			}
		}
	}
	if len(r.servers) == 0 {
		r.servers = []string{"127.0.0.1:53"}
	}
	return r
}

func searchList(domains []string) []string {
	var list []string
	for _, d := range domains {
		if d = strings.Trim(d, "."); d != "" {
			list = append(list, d+".")
		}
	}
	return list
}

// parseSwitch reads the order of "hosts:" in nsswitch.conf(5). Actions in
// brackets are passed over: with two sources that can only be asked in turn they
// would change which error is told, no more.
func parseSwitch(text string) []string {
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		sources, ok := strings.CutPrefix(strings.TrimSpace(line), "hosts:")
		if !ok {
			continue
		}
		var order []string
		for _, s := range strings.Fields(sources) {
			if (s == "files" || s == "dns") && !slices.Contains(order, s) {
				order = append(order, s)
			}
			// systemd-resolved reads resolv.conf's servers as well.
			if s == "resolve" && !slices.Contains(strings.Fields(sources), "dns") {
				order = append(order, "dns")
			}
		}
		return order
	}
	return []string{"files", "dns"}
}

// hostsTable is /etc/hosts both ways.
type hostsTable struct {
	byName map[string][]netip.Addr // by canonicalName
	names  map[netip.Addr][]string // without zone, as spelt
}

func (h hostsTable) addrs(host string) []netip.Addr { return h.byName[canonicalName(host)] }

func canonicalName(host string) string { return strings.ToLower(strings.TrimSuffix(host, ".")) }

// parseHosts reads hosts(5): an address, its name, its other names.
func parseHosts(text string) hostsTable {
	h := hostsTable{byName: map[string][]netip.Addr{}, names: map[netip.Addr][]string{}}
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		addr, err := netip.ParseAddr(f[0])
		if err != nil {
			continue
		}
		addr = addr.Unmap()
		for _, name := range f[1:] {
			key := canonicalName(name)
			if !slices.Contains(h.byName[key], addr) {
				h.byName[key] = append(h.byName[key], addr)
			}
			if plain := addr.WithZone(""); !slices.Contains(h.names[plain], name) {
				h.names[plain] = append(h.names[plain], name)
			}
		}
	}
	return h
}
