package md

import (
	"os"
	"slices"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// config is what stands in a server. But for the settings all of it belongs to
// the main server, wherever it was said.
type config struct {
	settings
	inner *domain // the <MDomainSet> that is being compiled

	domains      []*domain
	baseServer   directives.Opt[bool]
	serverStatus directives.Opt[bool]
	certStatus   directives.Opt[bool]
	ports        portMap
	proxy        string
	proxyCA, ca  *string // PEM; nil: the system's authorities
	store        string
	notify       string // a command line
	message      string
	checkName    string
	checkURL     string
	activation   directives.Opt[part]
	initial      directives.Opt[part]
	interval     directives.Opt[time.Duration]
	retryDelay   directives.Opt[time.Duration]
	failover     directives.Opt[int]
	serverNames  bool // names are matched against ServerName alone
}

// settings are what a domain may say for itself, and the server for all.
type settings struct {
	authorities      []string // URLs of ACME directories
	agreement        string
	protocol         string
	contact          string
	challenges       []string
	mode             directives.Opt[renewMode]
	renewWindow      directives.Opt[part]
	warnWindow       directives.Opt[part]
	mustStaple       directives.Opt[bool]
	require          directives.Opt[require]
	keys             []keySpec
	certFiles        []staticFile
	keyFiles         []staticFile
	binding          directives.Opt[binding]
	profile          string
	profileMandatory directives.Opt[bool]
	ari              directives.Opt[bool]
	stapling         directives.Opt[bool]
	stapleOthers     directives.Opt[bool]
	dns01            string
	dnsVersion       int
	members          directives.Opt[bool] // names of matching hosts become the domain's own
}

type renewMode uint8

const (
	renewAuto renewMode = iota
	renewAlways
	renewManual
)

type require uint8

const (
	requireOff require = iota
	requireTemporary
	requirePermanent
)

type staticFile struct{ path, text string }

type binding struct{ keyID, hmac string }

// domain is a managed domain.
type domain struct {
	settings
	name  string // the first of its names
	names []string
	home  *directives.Server // whose settings hold for what it does not say

	hosts    []*directives.Server // that have one of its names
	pairs    []server.KeyPair
	fallback bool // pairs are not an authority's

	accounts    map[string]string // keys by the authority's URL
	bundle, job *os.File          // in the store; of children
}

func merge(base, add config) config {
	add.settings = add.settings.over(base.settings)
	add.domains = directives.Append(base.domains, add.domains)
	return add
}

func (s settings) over(base settings) settings {
	str := func(a, b string) string {
		if a != "" {
			return a
		}
		return b
	}
	if s.authorities == nil {
		s.authorities = base.authorities
	}
	if s.challenges == nil {
		s.challenges = base.challenges
	}
	if s.keys == nil {
		s.keys = base.keys
	}
	s.agreement, s.protocol, s.contact = str(s.agreement, base.agreement), str(s.protocol, base.protocol), str(s.contact, base.contact)
	s.profile, s.dns01 = str(s.profile, base.profile), str(s.dns01, base.dns01)
	if s.dnsVersion == 0 {
		s.dnsVersion = base.dnsVersion
	}
	s.mode, s.renewWindow, s.warnWindow = s.mode.Or(base.mode), s.renewWindow.Or(base.renewWindow), s.warnWindow.Or(base.warnWindow)
	s.mustStaple, s.require, s.binding = s.mustStaple.Or(base.mustStaple), s.require.Or(base.require), s.binding.Or(base.binding)
	s.profileMandatory, s.ari, s.stapling = s.profileMandatory.Or(base.profileMandatory), s.ari.Or(base.ari), s.stapling.Or(base.stapling)
	s.stapleOthers = s.stapleOthers.Or(base.stapleOthers)
	s.members = s.members.Or(base.members)
	return s
}

// target is what a setting is for: the domain whose section it stands in, or the server.
func (c *config) target() *settings {
	if c.inner != nil {
		return &c.inner.settings
	}
	return &c.settings
}

// covers tells whether a host is one of the domain's names, or matched by one
// with a wildcard.
func (d *domain) covers(host string) bool {
	host = strings.ToLower(host)
	_, parent, _ := strings.Cut(host, ".")
	return slices.Contains(d.names, host) || parent != "" && slices.Contains(d.names, "*."+parent)
}

const defaultAuthority = "https://acme-v02.api.letsencrypt.org/directory"

var knownAuthorities = []struct{ name, url string }{
	{"LetsEncrypt", defaultAuthority},
	{"LetsEncrypt-Test", "https://acme-staging-v02.api.letsencrypt.org/directory"},
	{"Buypass", "https://api.buypass.com/acme/directory"},
	{"Buypass-Test", "https://api.test4.buypass.no/acme/directory"},
}

// part is a length of time, or a part of a certificate's life.
type part struct {
	length  time.Duration
	percent int
}

func (p part) of(life time.Duration) time.Duration {
	if p.percent > 0 {
		return life * time.Duration(p.percent) / 100
	}
	return p.length
}

var (
	defaultRenew = part{percent: 33}
	defaultWarn  = part{percent: 10}
)

const (
	defaultInterval = 12 * time.Hour
	defaultRetry    = 5 * time.Second
	longestRetry    = 24 * time.Hour
	defaultFailover = 13
)
