package remoteip

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
)

func addProxy(internal bool) func(*config, *directives.Cmd, string) error {
	return func(c *config, cmd *directives.Cmd, text string) error {
		list, err := parseProxy(cmd.Name, text, internal)
		c.proxies = append(c.proxies, list...)
		return err
	}
}

// readList reads a file of proxies.
func readList(internal bool) func(*config, *directives.Cmd, string) error {
	return func(c *config, cmd *directives.Cmd, file string) error {
		file = cmd.ServerRootRelative(file)
		text, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("%s: Could not open file %s: %s", cmd.Name, file, reason(err))
		}
		for i, line := range strings.Split(string(text), "\n") {
			for _, w := range httpdconf.Words(line) {
				if strings.HasPrefix(w, "#") {
					break
				}
				list, err := parseProxy(cmd.Name, w, internal)
				if err != nil {
					return fmt.Errorf("%w at line %d of %s", err, i+1, file)
				}
				c.proxies = append(c.proxies, list...)
			}
		}
		return nil
	}
}

// reason is the text of the errno behind an error.
func reason(err error) string {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return server.Strerror(errno)
	}
	return err.Error()
}

func looksLikeIP(s string) bool {
	return strings.Contains(s, ":") || strings.Trim(s, "0123456789.") == ""
}

// parseProxy reads an address, a network or the name of a host, which may have
// several addresses.
func parseProxy(directive, text string, internal bool) ([]proxy, error) {
	bad := func(why string) error {
		return fmt.Errorf("RemoteIP: Error parsing IP %s (%s error) for %s", text, why, directive)
	}
	addr, mask, hasMask := strings.Cut(text, "/")
	if looksLikeIP(addr) {
		n, err := server.ParseSubnet(text)
		switch {
		case errors.Is(err, server.ErrBadMask):
			return nil, bad(err.Error())
		case err != nil && addr == "":
			return nil, bad("Invalid argument")
		case err != nil:
			return nil, bad("The specified IP address is invalid.")
		}
		return []proxy{{n, internal}}, nil
	}
	if hasMask {
		return nil, fmt.Errorf("RemoteIP: Error parsing IP %s the subnet /%s is invalid for %s", text, mask, directive)
	}
	ips, err := net.LookupIP(addr)
	if err != nil {
		return nil, bad("Name or service not known")
	}
	var list []proxy
	for _, ip := range ips {
		if a, ok := netip.AddrFromSlice(ip); ok {
			n, err := server.ParseSubnet(a.Unmap().String())
			if err != nil {
				return nil, bad(err.Error())
			}
			list = append(list, proxy{n, internal})
		}
	}
	return list, nil
}
