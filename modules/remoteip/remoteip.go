// Package remoteip takes the client's address from what proxies say of it
// (mod_remoteip): from a field of the request, as far as each proxy on the way
// is trusted, or from the PROXY protocol at the beginning of the connection.
package remoteip

import (
	"slices"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is remoteip_module.
var Module = server.Module{
	Name: "remoteip_module",
	Directives: directives.Table{
		{Name: "RemoteIPHeader", In: directives.InServer,
			Usage: "Specifies a request header to trust as the client IP, e.g. X-Forwarded-For",
			Set:   slot.Take1(func(c *config, _ *directives.Cmd, name string) error { c.header = name; return nil })},
		{Name: "RemoteIPProxiesHeader", In: directives.InServer,
			Usage: "Specifies a request header to record proxy IP's, e.g. X-Forwarded-By; if not given then do not record",
			Set:   slot.Take1(func(c *config, _ *directives.Cmd, name string) error { c.proxiesHeader = name; return nil })},
		{Name: "RemoteIPTrustedProxy", In: directives.InServer,
			Usage: "Specifies one or more proxies which are trusted to present IP headers", Set: slot.Iterate(addProxy(false))},
		{Name: "RemoteIPInternalProxy", In: directives.InServer,
			Usage: "Specifies one or more internal (transparent) proxies which are trusted to present IP headers",
			Set:   slot.Iterate(addProxy(true))},
		{Name: "RemoteIPTrustedProxyList", In: directives.InServer, Reads: directives.BeforeJail,
			Usage: "The filename to read the list of trusted proxies, see the RemoteIPTrustedProxy directive",
			Set:   slot.Take1(readList(false))},
		{Name: "RemoteIPInternalProxyList", In: directives.InServer, Reads: directives.BeforeJail,
			Usage: "The filename to read the list of internal proxies, see the RemoteIPInternalProxy directive",
			Set:   slot.Take1(readList(true))},
		{Name: "RemoteIPProxyProtocol", In: directives.InServer, Usage: "Enable PROXY protocol handling ('on', 'off')",
			Set: slot.FlagErr(enableProtocol)},
		{Name: "RemoteIPProxyProtocolExceptions", In: directives.InServer,
			Usage: "Disable PROXY protocol handling for this list of networks in CIDR format", Set: slot.TakeN(addExceptions)},
	},
	Hooks: []server.Hook{
		server.PostConfig.Middle(sayProtocol),
		server.PostReadRequest.First(setClient),
	},
	Preface: preface,
}

var slot = directives.NewServerSlot(merge)

type config struct {
	header        string
	proxiesHeader string
	proxies       []proxy

	// Of the main server alone.
	enabled, disabled []endpoint
	overridden        []override
	exceptions        []server.Subnet
}

// proxy is one that is believed what it says of clients. An internal one may
// name addresses of private networks, and is not recorded.
type proxy struct {
	net      server.Subnet
	internal bool
}

// merge leaves the PROXY protocol out, as Apache does: only the main server's
// lists are asked.
func merge(base, add config) config {
	m := config{header: base.header, proxiesHeader: base.proxiesHeader}
	if add.header != "" {
		m.header = add.header
	}
	if add.proxiesHeader != "" {
		m.proxiesHeader = add.proxiesHeader
	}
	m.proxies = slices.Concat(add.proxies, base.proxies) // the first that has an address decides
	return m
}

// mainOf is the main server's configuration, wherever the directive stands.
func mainOf(cmd *directives.Cmd) *config {
	if cmd.Server.Main != nil {
		return slot.EditServer(cmd.Server.Main)
	}
	return slot.EditServer(cmd.Server)
}

var elog = server.NewLog("remoteip")
