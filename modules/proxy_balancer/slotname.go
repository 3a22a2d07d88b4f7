package proxy_balancer

import (
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// slotName is what Apache calls the shared memory of a balancer: made of what
// tells the server from others, so that it is the same after a restart
// (make_servers_ids).
func slotName(g *server.Generation, v *directives.Server, b *server.ProxyBalancer) string {
	id := serverIDs(g)[v]
	name := b.Name[len(scheme):]
	safe := strings.Map(func(c rune) rune {
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			return c
		}
		return '_'
	}, name)
	return fmt.Sprintf("p%x_%s", sdbm(id), safe)
}

// serverIDs gives each server's: by the first of its addresses and its name, and
// where that is not enough, by all of them.
func serverIDs(g *server.Generation) map[*directives.Server]string {
	servers := g.Servers()
	first := map[string]int{}
	for _, v := range servers {
		first[serverID(v, false)]++
	}
	ids, taken := map[*directives.Server]string{}, map[string]bool{}
	for i, v := range servers {
		id := serverID(v, false)
		if first[id] > 1 {
			if id = serverID(v, true); taken[id] {
				id = fmt.Sprintf("%s_%x", id, i)
			}
			taken[id] = true
		}
		ids[v] = id
	}
	return ids
}

func serverID(v *directives.Server, full bool) string {
	h := md5.New()
	write := func(s string) { h.Write([]byte(s)) } //nolint:errcheck // cannot fail
	address := func(host, ip string, port int) {
		write(host)
		write(ip)
		h.Write(binary.NativeEndian.AppendUint16(nil, uint16(port))) //nolint:errcheck
	}
	c := server.CoreServer.Of(v)
	if !v.Virtual {
		address("", "0.0.0.0", 0)
	}
	for i, a := range c.Addrs {
		if i > 0 && !full {
			break
		}
		ip := "0.0.0.0"
		if a.Addr.IsValid() {
			ip = a.Addr.String()
		}
		host, _, _ := strings.Cut(a.Given, ":")
		address(host, ip, a.Port)
	}
	write(c.ServerName)
	if full {
		for _, n := range c.Names {
			write(n)
		}
		for _, n := range c.WildNames {
			write(n)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// sdbm is the hash function of that name (PROXY_HASHFUNC_DEFAULT).
func sdbm(s string) uint32 {
	var h uint32
	for i := range len(s) {
		h = uint32(s[i]) + h<<6 + h<<16 - h
	}
	return h
}
