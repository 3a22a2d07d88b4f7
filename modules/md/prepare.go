package md

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// prepare completes the domains, and has what the store holds of them: the
// parent reads it, and hands it on to the children.
func prepare(g *server.Generation) error {
	c := slot.EditServer(g.Config.Main)
	if len(c.domains) == 0 {
		return nil
	}
	subject := server.ServerSubject(g, g.Config.Main)
	if err := c.complete(g); err != nil {
		return err
	}
	s := store{c.store}
	if c.store == "" {
		s.dir = filepath.Join(server.CoreServer.Of(g.Config.Main).ServerRoot, "md")
	}
	if g.Board == nil {
		if err := s.open(); err != nil {
			return fmt.Errorf("AH10046: setup store for %s: %w", s.dir, err)
		}
	}
	c.store = s.dir
	for _, d := range c.domains {
		if g.Board != nil {
			if err := d.receive(g); err != nil {
				return err
			}
			continue
		}
		if err := c.settle(subject, s, d); err != nil {
			return err
		}
		if err := d.send(g, s); err != nil {
			return err
		}
	}
	return nil
}

// settle gives a domain its certificates, in the parent.
func (c *config) settle(subject server.Subject, s store, d *domain) error {
	if len(d.certFiles) > 0 || len(d.keyFiles) > 0 {
		return d.static()
	}
	if d.agreement == "" && d.mode.Else(renewAuto) != renewManual {
		elog.Warn(subject).Msgf("md(%s): no certificate is obtained before MDCertificateAgreement says that the authority's terms are accepted", d.name)
	}
	switch fresh, err := s.activate(d, c.activation.Else(part{}).length); {
	case err != nil:
		elog.Error(subject).Err(err).Msgf("AH10069: %s: error loading staged set, purging it", d.name)
	case fresh:
		elog.Info(subject).Msgf("AH10068: %s: staged set activated", d.name)
		c.installed(subject, d)
	}
	if d.pairs = s.pairs(d); d.pairs == nil {
		elog.Debug(subject).Msgf("AH10116: %s: providing fallback certificate", d.name)
		p, err := s.fallback(d)
		if err != nil {
			return fmt.Errorf("AH10174: %s: make fallback certificate: %w", d.name, err)
		}
		d.pairs, d.fallback = []server.KeyPair{p}, true
	}
	return s.save(d)
}

// static takes the certificates of files that the configuration names.
func (d *domain) static() error {
	if len(d.certFiles) == 0 {
		return fmt.Errorf("AH10171: The Managed Domain '%s' has MDCertificateKeyFile(s) but no MDCertificateFile.", d.name)
	}
	if len(d.keyFiles) > 0 && len(d.keyFiles) != len(d.certFiles) {
		return fmt.Errorf("AH10170: The Managed Domain '%s' needs one MDCertificateKeyFile for each MDCertificateFile.", d.name)
	}
	for i, f := range d.certFiles {
		key := f
		if i < len(d.keyFiles) {
			key = d.keyFiles[i]
		}
		switch {
		case f.text == "":
			return fmt.Errorf("certificate file not found: %s", f.path)
		case key.text == "":
			return fmt.Errorf("certificate key file not found: %s", key.path)
		}
		d.pairs = append(d.pairs, server.KeyPair{Cert: f.text, Key: key.text})
	}
	return nil
}

// installed tells that a new certificate is in use: it is the one message that
// is told by the parent, outside of the jail.
func (c *config) installed(subject server.Subject, d *domain) {
	argv := words(c.message)
	if len(argv) == 0 {
		return
	}
	if out, err := exec.Command(argv[0], append(argv[1:], "installed", d.name)...).CombinedOutput(); err != nil {
		elog.Error(subject).Err(err).Msgf("AH10109: MDMessageCmd %s failed: %s", c.message, strings.TrimSpace(string(out)))
	}
}

// carried is what the children get of a domain.
type carried struct {
	Pairs    []server.KeyPair
	Fallback bool
	Accounts map[string]string // keys, by the authority's URL
}

func (d *domain) send(g *server.Generation, s store) error {
	k := carried{Pairs: d.pairs, Fallback: d.fallback}
	if d.renews() {
		k.Accounts = map[string]string{}
		for _, a := range d.authorities {
			key, err := s.account(a, d.contact)
			if err != nil {
				return fmt.Errorf("md %s: account at %s: %w", d.name, a, err)
			}
			k.Accounts[a] = key
		}
	}
	text, err := json.Marshal(k)
	g.Keep("md "+d.name, string(text))
	return err
}

func (d *domain) receive(g *server.Generation) error {
	text, ok := g.Kept("md " + d.name)
	var k carried
	if !ok || json.Unmarshal([]byte(text), &k) != nil {
		return errors.New("md " + d.name + ": the parent has told nothing")
	}
	d.pairs, d.fallback, d.accounts = k.Pairs, k.Fallback, k.Accounts
	return nil
}

// renews tells whether a certificate is looked for at an authority.
func (d *domain) renews() bool {
	return len(d.certFiles) == 0 && d.mode.Else(renewAuto) != renewManual && d.agreement != ""
}

// complete fills in what the domains did not say, and finds their hosts.
func (c *config) complete(g *server.Generation) error {
	subject := server.ServerSubject(g, g.Config.Main)
	seen := map[string]*domain{}
	for _, d := range c.domains {
		d.settings = d.settings.over(slot.Of(d.home).settings)
		if d.keys == nil {
			d.keys = []keySpec{{bits: defaultBits}}
		}
		if d.authorities == nil {
			d.authorities = []string{defaultAuthority}
		}
		if d.challenges == nil {
			d.challenges = []string{"tls-alpn-01", "http-01", "dns-01"}
		}
		for _, v := range g.Servers() {
			c.match(g, v, d)
		}
		if d.contact == "" && len(d.hosts) > 0 {
			d.contact = server.CoreServer.Of(d.hosts[0]).ServerAdmin.Else("")
		}
		d.contact = strings.TrimPrefix(d.contact, "mailto:")
		for _, n := range d.names {
			if !validName(n) {
				return fmt.Errorf("md %s with invalid domain name: %s", d.name, n)
			}
			if other := seen[n]; other != nil && other != d {
				return fmt.Errorf("AH10038: two Managed Domains have an overlap in domain '%s'", n)
			}
			seen[n] = d
		}
		if len(d.hosts) == 0 && g.Board == nil {
			elog.Warn(subject).Msgf("AH10045: No VirtualHost matches Managed Domain %s", d.name)
		}
	}
	return nil
}

// match makes a server one of the domain's when it has one of its names.
func (c *config) match(g *server.Generation, v *directives.Server, d *domain) {
	if !v.Virtual && !c.baseServer.Else(false) {
		return
	}
	core := server.CoreServer.Of(v)
	names := []string{core.ServerName}
	if !c.serverNames {
		names = append(append(names, core.Names...), core.WildNames...)
	}
	for _, n := range names {
		if n == "" || !d.covers(n) {
			continue
		}
		d.hosts = append(d.hosts, v)
		for _, other := range append([]string{core.ServerName}, core.Names...) {
			switch {
			case other == "" || d.covers(other):
			case d.members.Else(true):
				d.names = append(d.names, strings.ToLower(other))
			case g.Board == nil:
				elog.Warn(server.ServerSubject(g, v)).Msgf("AH10040: Virtual Host %s matches Managed Domain '%s', but the name/alias %s itself "+
					"is not managed. A requested MD certificate will not match ServerName.", server.NameAndPort(v), d.name, other)
			}
		}
		return
	}
}

func validName(n string) bool {
	n = strings.TrimPrefix(n, "*.")
	if n == "" || len(n) > 253 || !strings.Contains(n, ".") {
		return false
	}
	for _, label := range strings.Split(n, ".") {
		if label == "" || len(label) > 63 || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") {
			return false
		}
		for _, c := range label {
			if c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
				return false
			}
		}
	}
	return true
}

// domainOf is the domain that a server belongs to, nil for none.
func domainOf(g *server.Generation, v *directives.Server) *domain {
	for _, d := range slot.Of(g.Config.Main).domains {
		for _, h := range d.hosts {
			if h == v {
				return d
			}
		}
	}
	return nil
}

func certificatesOf(g *server.Generation, v *directives.Server) []server.KeyPair {
	if d := domainOf(g, v); d != nil {
		return d.pairs
	}
	return nil
}

// staples tells whether the handshakes of a server carry an OCSP response: those
// of managed domains with MDStapling, and then others too, unless MDStapleOthers
// is off.
func staples(g *server.Generation, v *directives.Server) bool {
	c := slot.Of(g.Config.Main)
	if d := domainOf(g, v); d != nil {
		return d.stapling.Else(false) && !d.fallback
	}
	s := slot.Of(v).settings
	return len(c.domains) > 0 && s.stapling.Else(false) && s.stapleOthers.Else(true)
}

// openStaging opens, before the jail closes, the files that take what a child
// obtains.
func openStaging(g *server.Generation) error {
	c := slot.Of(g.Config.Main)
	if len(c.domains) == 0 {
		return nil
	}
	if c.ca == nil {
		if err := loadAuthorities(); err != nil {
			return err
		}
	}
	for _, d := range c.domains {
		if !d.renews() {
			continue
		}
		dir := store{c.store}.path("staging", fileSafe(d.name))
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		var err error
		if d.bundle, err = os.OpenFile(dir+"/bundle.json", os.O_RDWR|os.O_CREATE, 0o600); err != nil {
			return err
		}
		if d.job, err = os.OpenFile(dir+"/job.json", os.O_RDWR|os.O_CREATE, 0o600); err != nil {
			return err
		}
	}
	return nil
}
