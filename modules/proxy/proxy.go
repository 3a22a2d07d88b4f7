// Package proxy asks other servers on behalf of clients (mod_proxy): which URLs
// are asked for where (ProxyPass), with which rules (<Proxy>), and through what
// (ProxyRemote). How a server is spoken to is the business of the modules for
// schemes (proxy_http, proxy_fcgi); what they all need is in server/proxy*.go.
package proxy

import (
	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is proxy_module.
var Module = server.Module{
	Name:       "proxy_module",
	Directives: table(),
	Mutexes:    []string{"proxy"},
	StatusPage: statusPage,

	ProxyDefine: addWorker,
	Hooks: []server.Hook{
		server.PostReadRequest.First(detect).Plain(),
		server.PreTranslateName.Middle(func(r *server.Request) server.Status { return translate(r, true) }).Plain(),
		server.TranslateName.First(func(r *server.Request) server.Status { return translate(r, false) }).Plain(),
		server.MapToStorage.First(mapLocation).Plain(),
		server.Fixups.First(fixup).Plain(),
		server.Handler.First(handle).Plain().HarmlessUnless(handles),
		server.PostConfig.Middle(share),
		server.ChildExit.Middle(saveAll),
	},
}

var (
	elog       = server.NewLog("proxy")
	serverSlot = server.ProxyServer
	dirSlot    = server.ProxyDir
)

const (
	prefix      = "proxy:"
	handlerName = "proxy-server"
)

const anywhere = directives.InServer | directives.InDir

func table() directives.Table {
	return directives.Table{
		{Name: "<Proxy", In: directives.InServer, Forbid: directives.NotInDirContext,
			Usage: "Container for directives affecting resources located in the proxied location", Set: serverSlot.Raw(section(false))},
		{Name: "<ProxyMatch", In: directives.InServer, Forbid: directives.NotInDirContext,
			Usage: "Container for directives affecting resources located in the proxied location, in regular expression syntax",
			Set:   serverSlot.Raw(section(true))},
		{Name: "ProxyRequests", In: directives.InServer, Usage: "on if the true proxy requests should be accepted",
			Set: serverSlot.Flag(func(c *server.ProxyServerConfig, on bool) { c.Requests = directives.Given(on) })},
		{Name: "ProxyRemote", In: directives.InServer, Usage: "a scheme, partial URL or '*' and a proxy server",
			Set: serverSlot.Take23(addRemote(false))},
		{Name: "ProxyRemoteMatch", In: directives.InServer, Usage: "a regex pattern and a proxy server",
			Set: serverSlot.Take23(addRemote(true))},
		{Name: "ProxyPassInterpolateEnv", In: anywhere, Usage: "Interpolate Env Vars in reverse Proxy",
			Set: dirSlot.Flag(func(c *server.ProxyDirConfig, on bool) { c.Interpolate = directives.Given(on) })},
		{Name: "ProxyPass", In: anywhere, Usage: "a virtual path and a URL", Set: dirSlot.Raw(addPass(false))},
		{Name: "ProxyPassMatch", In: anywhere, Usage: "a virtual path and a URL", Set: dirSlot.Raw(addPass(true))},
		{Name: "ProxyPassReverse", In: anywhere, Usage: "a virtual path and a URL for reverse proxy behaviour",
			Set: dirSlot.Take123(addReverse)},
		{Name: "ProxyPassReverseCookiePath", In: anywhere, Usage: "Path rewrite rule for proxying cookies",
			Set: dirSlot.Take23(cookie(func(c *server.ProxyDirConfig) *[]server.ProxyReverse { return &c.CookiePaths }))},
		{Name: "ProxyPassReverseCookieDomain", In: anywhere, Usage: "Domain rewrite rule for proxying cookies",
			Set: dirSlot.Take23(cookie(func(c *server.ProxyDirConfig) *[]server.ProxyReverse { return &c.CookieDomains }))},
		{Name: "ProxyBlock", In: directives.InServer,
			Usage: "A list of names, hosts or domains to which the proxy will not connect", Set: serverSlot.Iterate(addBlocked)},
		{Name: "ProxyReceiveBufferSize", In: directives.InServer,
			Usage: "Receive buffer size for outgoing HTTP and FTP connections in bytes", Set: serverSlot.Take1(setReceiveBuffer)},
		{Name: "ProxyIOBufferSize", In: directives.InServer,
			Usage: "IO buffer size for outgoing HTTP and FTP connections in bytes", Set: serverSlot.Take1(setIOBuffer)},
		{Name: "ProxyMaxForwards", In: directives.InServer,
			Usage: "The maximum number of proxies a request may be forwarded through.", Set: serverSlot.Take1(setMaxForwards)},
		{Name: "NoProxy", In: directives.InServer,
			Usage: "A list of domains, hosts, or subnets to which the proxy will connect directly", Set: serverSlot.Iterate(addDirect)},
		{Name: "ProxyDomain", In: directives.InServer,
			Usage: "The default intranet domain name (in absence of a domain in the URL)", Set: serverSlot.Take1(setDomain)},
		{Name: "ProxyVia", In: directives.InServer,
			Usage: "Configure Via: proxy header header to one of: on | off | block | full", Set: serverSlot.Take1(setVia)},
		{Name: "ProxyErrorOverride", In: anywhere, Usage: "use our error handling pages instead of the servers' we are proxying",
			Set: dirSlot.Iterate(setErrorOverride)},
		{Name: "ProxyPreserveHost", In: anywhere, Usage: "on if we should preserve host header while proxying",
			Set: dirSlot.Flag(func(c *server.ProxyDirConfig, on bool) { c.PreserveHost = directives.Given(on) })},
		{Name: "ProxyTimeout", In: directives.InServer,
			Usage: "Set the timeout (in seconds) for a proxied connection. This overrides the server timeout", Set: serverSlot.Take1(setTimeout)},
		{Name: "ProxyBadHeader", In: directives.InServer,
			Usage: "How to handle bad header line in response: IsError | Ignore | StartBody", Set: serverSlot.Take1(setBadHeader)},
		{Name: "BalancerMember", In: anywhere, Forbid: directives.NotInHtaccess,
			Usage: "A balancer name and scheme with list of params", Set: serverSlot.Raw(addMember)},
		{Name: "BalancerGrowth", In: directives.InServer,
			Usage: "Number of additional Balancers that can be added post-config", Set: serverSlot.Take1(setGrowth)},
		{Name: "BalancerPersist", In: directives.InServer,
			Usage: "on if the balancer should persist changes on reboot/restart made via the Balancer Manager",
			Set:   serverSlot.Flag(func(c *server.ProxyServerConfig, on bool) { c.Persist = directives.Given(on) })},
		{Name: "BalancerInherit", In: directives.InServer,
			Usage: "on if this server should inherit Balancers and Workers defined in the main server (Setting to off recommended if using the Balancer Manager)",
			Set:   serverSlot.Flag(func(c *server.ProxyServerConfig, on bool) { c.Inherit = directives.Given(on) })},
		{Name: "ProxyPassInherit", In: directives.InServer,
			Usage: "on if this server should inherit all ProxyPass directives defined in the main server (Setting to off recommended if using the Balancer Manager)",
			Set:   serverSlot.Flag(func(c *server.ProxyServerConfig, on bool) { c.PassInherit = directives.Given(on) })},
		{Name: "ProxyStatus", In: directives.InServer, Usage: "Configure Status: proxy status to one of: on | off | full",
			Set: serverSlot.Take1(setStatus)},
		{Name: "ProxySet", In: anywhere, Forbid: directives.NotInHtaccess, Usage: "A balancer or worker name with list of params",
			Set: serverSlot.Raw(proxySet)},
		{Name: "ProxySourceAddress", In: directives.InServer, Usage: "Configure local source IP used for request forward",
			Set: serverSlot.Take1(setSourceAddress)},
		{Name: "ProxyAddHeaders", In: anywhere, Usage: "on if X-Forwarded-* headers should be added or completed",
			Set: dirSlot.Flag(func(c *server.ProxyDirConfig, on bool) { c.AddHeaders = directives.Given(on) })},
		{Name: "Proxy100Continue", In: anywhere,
			Usage: "on if 100-Continue should be forwarded to the origin server, off if the proxy should handle it by itself",
			Set:   dirSlot.Flag(func(c *server.ProxyDirConfig, on bool) { c.Forward100 = directives.Given(on) })},
	}
}
