package server

import (
	"net/netip"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server/pattern"
)

// ProxyVia is what ProxyVia says.
type ProxyVia uint8

const (
	ProxyViaOff ProxyVia = iota
	ProxyViaOn
	ProxyViaBlock
	ProxyViaFull
)

// ProxyBadHeader is what ProxyBadHeader says.
type ProxyBadHeader uint8

const (
	ProxyBadHeaderIsError ProxyBadHeader = iota
	ProxyBadHeaderIgnore
	ProxyBadHeaderStartBody
)

// ProxyRemote is another proxy through which URLs that match are asked for.
type ProxyRemote struct {
	Scheme string // of the URLs, a partial URL, or "*"
	Regex  *pattern.Regexp
	Name   string // "http://proxy.example.com:8080"
	Proto  string
	Host   string
	Port   int
	Creds  string // "user:password"; "" for none
}

// ProxyAlias is a ProxyPass.
type ProxyAlias struct {
	Fake     string // path or pattern as written
	Real     string // URL; "!" for none
	Regex    *pattern.Regexp
	Flags    ProxyAliasFlags
	Worker   *ProxyWorker   // nil where a balancer or none is meant
	Balancer *ProxyBalancer // nil where a worker is meant
}

// ProxyAliasFlags are the words behind a ProxyPass.
type ProxyAliasFlags uint16

const (
	ProxyPassNocanon ProxyAliasFlags = 1 << iota
	ProxyPassInterpolate
	ProxyPassNoquery
	ProxyMapEncoded
	ProxyMapServlet // implies ProxyMapEncoded
)

// ProxyReverse is a ProxyPassReverse or one of its cookie forms.
type ProxyReverse struct {
	Fake        string // what clients see
	Real        string // what backends say
	Interpolate bool
}

// ProxySection is a <Proxy> section; its Conf is laid over the server's
// defaults for requests whose URL matches.
type ProxySection struct {
	Pattern string
	Regex   *pattern.Regexp
	Glob    bool
	Conf    *directives.Conf
}

// ProxyBlocked is an argument of ProxyBlock.
type ProxyBlocked struct {
	Name  string       // lower case; "*" for all
	Addrs []netip.Addr // what the name stood for when the configuration was read
}

// ProxyServerConfig is mod_proxy's part of a server (proxy_server_conf).
type ProxyServerConfig struct {
	Requests          directives.Opt[bool]
	Aliases           []*ProxyAlias
	Sections          []*ProxySection
	Workers           []*ProxyWorker
	Balancers         []*ProxyBalancer
	Remotes           []*ProxyRemote
	Blocked           []*ProxyBlocked
	Direct            []*ProxyDirect // NoProxy
	Domain            string
	Via               directives.Opt[ProxyVia]
	Timeout           directives.Opt[time.Duration]
	BadHeader         directives.Opt[ProxyBadHeader]
	MaxForwards       directives.Opt[int]
	ReceiveBufferSize directives.Opt[int]
	IOBufferSize      directives.Opt[int]
	SourceAddress     netip.Addr // invalid: not given
	Status            directives.Opt[ProxyStatusPage]
	Growth            directives.Opt[int]  // BalancerGrowth
	Persist           directives.Opt[bool] // BalancerPersist
	Inherit           directives.Opt[bool] // BalancerInherit
	PassInherit       directives.Opt[bool] // ProxyPassInherit

	// Forward and Reverse serve URLs that no worker of the configuration is for.
	Forward, Reverse *ProxyWorker
}

// ProxyStatusPage is how much mod_status tells of balancers: ProxyStatus.
type ProxyStatusPage uint8

const (
	ProxyStatusOff ProxyStatusPage = iota
	ProxyStatusOn
	ProxyStatusFull
)

// ProxyDirect is an argument of NoProxy: who is asked without ProxyRemote.
type ProxyDirect struct {
	Name    string
	Network netip.Prefix // valid for an address or a subnet
	Domain  bool         // .example.com
	Word    bool         // a part of a name
}

// ProxyDirConfig is mod_proxy's part of a directory (proxy_dir_conf).
type ProxyDirConfig struct {
	Reverses      []ProxyReverse
	CookiePaths   []ProxyReverse
	CookieDomains []ProxyReverse
	Interpolate   directives.Opt[bool]
	PreserveHost  directives.Opt[bool]
	AddHeaders    directives.Opt[bool]
	Forward100    directives.Opt[bool]
	ErrorOverride directives.Opt[bool]
	OverrideCodes []int // nil: all
	Alias         *ProxyAlias
	Name          string // of the <Proxy> section that it stands in
	SectionBase   *ProxySection
}

// ProxyServer and ProxyDir are the slots of mod_proxy's configuration.
var (
	ProxyServer = directives.NewServerSlot(mergeProxyServer)
	ProxyDir    = directives.NewDirSlot(mergeProxyDir)
)

func mergeProxyServer(base, add ProxyServerConfig) ProxyServerConfig {
	m := ProxyServerConfig{
		Requests: add.Requests.Or(base.Requests), Sections: directives.Append(base.Sections, add.Sections),
		Aliases: directives.Append(base.Aliases, add.Aliases), Remotes: add.Remotes, Blocked: directives.Append(base.Blocked, add.Blocked),
		Direct: directives.Append(base.Direct, add.Direct), Domain: add.Domain,
		Via: add.Via.Or(base.Via), Timeout: add.Timeout.Or(base.Timeout), BadHeader: add.BadHeader.Or(base.BadHeader),
		MaxForwards: add.MaxForwards.Or(base.MaxForwards), ReceiveBufferSize: add.ReceiveBufferSize.Or(base.ReceiveBufferSize),
		IOBufferSize: add.IOBufferSize.Or(base.IOBufferSize), SourceAddress: add.SourceAddress, Status: add.Status.Or(base.Status),
		Growth: add.Growth.Or(base.Growth), Persist: add.Persist.Or(base.Persist), Inherit: add.Inherit.Or(base.Inherit),
		PassInherit: add.PassInherit.Or(base.PassInherit),
		Workers:     add.Workers, Balancers: add.Balancers,
		Forward: add.Forward, Reverse: add.Reverse,
	}
	if m.Domain == "" {
		m.Domain = base.Domain
	}
	if !m.SourceAddress.IsValid() {
		m.SourceAddress = base.SourceAddress
	}
	// Whatever ProxyPassInherit says, the main server's ProxyPass hold here too:
	// what it keeps away is ProxyRemote (observed on 2.4.71).
	if m.Inherit.Else(true) || m.PassInherit.Else(true) {
		m.Workers = directives.Append(base.Workers, add.Workers)
		m.Balancers = directives.Append(base.Balancers, add.Balancers)
	}
	if m.PassInherit.Else(true) {
		m.Remotes = directives.Append(base.Remotes, add.Remotes)
	}
	if m.Forward == nil {
		m.Forward = base.Forward
	}
	if m.Reverse == nil {
		m.Reverse = base.Reverse
	}
	return m
}

func mergeProxyDir(base, add ProxyDirConfig) ProxyDirConfig {
	m := ProxyDirConfig{
		Reverses:      directives.Append(base.Reverses, add.Reverses),
		CookiePaths:   directives.Append(base.CookiePaths, add.CookiePaths),
		CookieDomains: directives.Append(base.CookieDomains, add.CookieDomains),
		Interpolate:   add.Interpolate.Or(base.Interpolate), PreserveHost: add.PreserveHost.Or(base.PreserveHost),
		AddHeaders: add.AddHeaders.Or(base.AddHeaders), Forward100: add.Forward100.Or(base.Forward100),
		ErrorOverride: add.ErrorOverride.Or(base.ErrorOverride), OverrideCodes: add.OverrideCodes,
		Alias: add.Alias, Name: add.Name,
	}
	if !add.ErrorOverride.IsSet() {
		m.OverrideCodes = base.OverrideCodes
	}
	if m.Alias == nil {
		m.Alias = base.Alias
	}
	return m
}

// Forwards tells whether any server is a forward proxy (ProxyRequests).
func (g *Generation) Forwards() bool {
	for _, v := range g.Servers() {
		if ProxyServer.Of(v).Requests.Else(false) {
			return true
		}
	}
	return false
}

// FindBalancer is the balancer that a URL names, or nil (ap_proxy_get_balancer).
func (c *ProxyServerConfig) FindBalancer(url string) *ProxyBalancer {
	scheme, rest, ok := strings.Cut(url, "://")
	if !ok || !equalFold(scheme, "balancer") {
		return nil
	}
	host, _, _ := strings.Cut(rest, "/")
	name := "balancer://" + LowerASCII(host)
	for _, b := range c.Balancers {
		if b.Name == name {
			return b
		}
	}
	return nil
}

// FindWorker is the worker for a URL, or nil: of those whose names it begins
// with the one with the longest (ap_proxy_get_worker). The URL may begin with
// "unix:…|". With balancer only its members are looked at.
func (c *ProxyServerConfig) FindWorker(balancer *ProxyBalancer, url string) *ProxyWorker {
	list := c.Workers
	if balancer != nil {
		list = balancer.Workers()
	}
	_, url = SplitUnixURL(url)
	i := strings.Index(url, "://")
	if i <= 0 {
		return nil
	}
	// Scheme and authority are compared in lower case.
	end := strings.IndexByte(url[i+3:], '/')
	if end < 0 {
		end = len(url)
	} else {
		end += i + 3
	}
	url = LowerASCII(url[:end]) + url[end:]
	var best *ProxyWorker
	for _, w := range list {
		if best != nil && len(w.Name) <= len(best.Name) || len(w.Name) < end || len(w.Name) > len(url) {
			continue
		}
		if w.Glob && matchWorkerGlob(url, w.Name) || !w.Glob && strings.HasPrefix(url, w.Name) {
			best = w
		}
	}
	return best
}

// SplitUnixURL takes the socket off a URL: "unix:/path|http://host/"; "" when
// there is none (ap_proxy_de_socketfy's counterpart).
func SplitUnixURL(url string) (socket, rest string) {
	if len(url) < 5 || !equalFold(url[:5], "unix:") {
		return "", url
	}
	socket, rest, ok := strings.Cut(url[5:], "|")
	if !ok {
		return "", url
	}
	return socket, rest
}

// matchWorkerGlob matches the name of a ProxyPassMatch's worker: $n stands for
// anything (ap_proxy_strcmp_ematch).
func matchWorkerGlob(s, name string) bool {
	for {
		i := strings.IndexByte(name, '$')
		if i < 0 || i+1 >= len(name) || name[i+1] < '0' || name[i+1] > '9' {
			return strings.HasPrefix(s, name)
		}
		if !strings.HasPrefix(s, name[:i]) {
			return false
		}
		s, name = s[i:], name[i+2:]
		if name == "" {
			return true
		}
		next := name
		if j := strings.IndexByte(name, '$'); j > 0 {
			next = name[:j]
		}
		at := strings.Index(s, next)
		if at < 0 {
			return false
		}
		s = s[at:]
	}
}
