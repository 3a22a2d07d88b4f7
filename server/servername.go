package server

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
)

// nameServers gives a name to each server without ServerName, as Apache does:
// to the main server that of the machine, to a virtual host that of its address.
func nameServers(cfg *directives.Config) httpdconf.Diagnostics {
	var diags httpdconf.Diagnostics
	warn := func(format string, args ...any) {
		diags = append(diags, httpdconf.Diagnostic{Severity: httpdconf.Warning, NoPos: true, Summary: fmt.Sprintf(format, args...)})
	}
	main := CoreServer.EditServer(cfg.Main)
	if main.ServerName == "" {
		name, qualified := localName()
		main.ServerName = name
		if !qualified {
			warn("AH00558: %s: Could not reliably determine the server's fully qualified domain name, using %s. "+
				"Set the 'ServerName' directive globally to suppress this message", ProgramName, name)
		}
	}
	for _, v := range cfg.Hosts {
		c := CoreServer.EditServer(v)
		if c.ServerName != "" {
			continue
		}
		c.ServerName = main.ServerName
		if len(c.Addrs) > 0 && c.Addrs[0].Addr.IsValid() {
			ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
			if c.ServerName = reverse(ctx, c.Addrs[0].Addr); c.ServerName == "" {
				warn("AH00549: Failed to resolve server name for %s (check DNS) -- or specify an explicit ServerName", c.Addrs[0].Addr)
				c.ServerName = "bogus_host_without_reverse_dns"
			}
			cancel()
		}
	}
	return diags
}

// localName is the machine's name with its domain, or an address (ap_get_local_host).
func localName() (name string, qualified bool) {
	host, err := os.Hostname()
	if err != nil {
		return "127.0.0.1", false
	}
	if strings.Contains(host, ".") {
		return host, true
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	addrs, err := Resolver().LookupNetIP(ctx, "ip4", host)
	if err != nil || len(addrs) == 0 {
		return "127.0.0.1", false
	}
	if full := reverse(ctx, addrs[0]); strings.Contains(full, ".") {
		return full, true
	}
	return addrs[0].Unmap().String(), false
}

// DumpVhosts writes the virtual hosts in the form of "httpd -S".
func DumpVhosts(w io.Writer, g *Generation) {
	fmt.Fprintln(w, "VirtualHost configuration:")
	keys := slices.SortedFunc(maps.Keys(g.vhosts.byAddr), func(a, b netip.AddrPort) int { return b.Compare(a) })
	for _, k := range keys {
		host := k.Addr().String()
		if k.Addr().Is6() {
			host = "[" + host + "]"
		}
		dumpChain(w, host, int(k.Port()), g.vhosts.byAddr[k])
	}
	for _, p := range slices.Sorted(maps.Keys(g.vhosts.any)) {
		if p != 0 {
			dumpChain(w, "*", int(p), g.vhosts.any[p])
		}
	}
	if c := g.vhosts.any[0]; c != nil {
		dumpChain(w, "*", 0, c)
	}
}

func dumpChain(w io.Writer, host string, port int, c *nameChain) {
	portText := "*"
	if port != 0 {
		portText = fmt.Sprint(port)
	}
	at := func(v *directives.Server) string {
		return fmt.Sprintf("%s (%s:%d)", CoreServer.Of(v).ServerName, v.Node.Pos.File, v.Node.Pos.Line)
	}
	if len(c.hosts) == 1 {
		fmt.Fprintf(w, "%-22s %s\n", host+":"+portText, at(c.hosts[0]))
		return
	}
	fmt.Fprintf(w, "%-22s is a NameVirtualHost\n%8s default server %s\n", host+":"+portText, "", at(c.hosts[0]))
	for _, v := range c.hosts {
		fmt.Fprintf(w, "%8s port %s namevhost %s\n", "", portText, at(v))
		conf := CoreServer.Of(v)
		for _, n := range conf.Names {
			fmt.Fprintf(w, "%16s alias %s\n", "", n)
		}
		for _, n := range conf.WildNames {
			fmt.Fprintf(w, "%16s wild alias %s\n", "", n)
		}
	}
}
