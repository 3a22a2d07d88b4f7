package ldap

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// serverConfig is what belongs to a server; but for the mode, the pool and
// certificates all of it belongs to the main one.
type serverConfig struct {
	searches, compares    directives.Opt[int] // entries that are remembered for each URL
	searchTTL, compareTTL directives.Opt[time.Duration]
	globals               []certificate
	mode                  directives.Opt[server.LDAPSecurity]
	verify                directives.Opt[bool]
	connectTimeout        directives.Opt[time.Duration] // 0: the system's
	timeout               directives.Opt[time.Duration] // 0: none
	poolTTL               directives.Opt[time.Duration] // below 0: none
	retries               directives.Opt[int]
	retryDelay            time.Duration
}

func mergeServer(base, add serverConfig) serverConfig {
	mode, ttl := add.mode.Or(base.mode), add.poolTTL.Or(base.poolTTL)
	add = base
	add.mode, add.poolTTL = mode, ttl
	return add
}

// config is what may differ between sections.
type config struct {
	clients   []certificate
	referrals directives.Opt[referrals]
	hops      directives.Opt[int]
}

type referrals uint8

const (
	chase referrals = iota // they are followed, as the connection's own user
	ignore
	bySDK // as libldap does of itself: followed, as nobody
)

func merge(base, add config) config {
	return config{
		clients:   directives.Append(base.clients, add.clients),
		referrals: add.referrals.Or(base.referrals),
		hops:      add.hops.Or(base.hops),
	}
}

// atol reads a number as C does: 0 for what is none.
func atol(s string) int64 {
	s = strings.TrimLeft(s, " \t\n\v\f\r")
	end := 0
	for end < len(s) && (s[end] >= '0' && s[end] <= '9' || end == 0 && (s[0] == '-' || s[0] == '+')) {
		end++
	}
	n, _ := strconv.ParseInt(s[:end], 10, 64)
	return n
}

func (c *serverConfig) setSearches(_ *directives.Cmd, arg string) error {
	c.searches = directives.Given(int(max(atol(arg), 0)))
	return nil
}

func (c *serverConfig) setSearchTTL(_ *directives.Cmd, arg string) error {
	d := time.Duration(atol(arg)) * time.Second
	c.searchTTL = directives.Given(d)
	return nil
}

func (c *serverConfig) setCompares(_ *directives.Cmd, arg string) error {
	c.compares = directives.Given(int(max(atol(arg), 0)))
	return nil
}

func (c *serverConfig) setCompareTTL(_ *directives.Cmd, arg string) error {
	d := time.Duration(atol(arg)) * time.Second
	c.compareTTL = directives.Given(d)
	return nil
}

func (c *serverConfig) setMode(_ *directives.Cmd, arg string) error {
	switch strings.ToUpper(arg) {
	case "NONE":
		c.mode = directives.Given(server.LDAPClear)
	case "SSL":
		c.mode = directives.Given(server.LDAPSSL)
	case "TLS", "STARTTLS":
		c.mode = directives.Given(server.LDAPStartTLS)
	default:
		return errors.New("Invalid LDAPTrustedMode setting: must be one of NONE, SSL, or TLS/STARTTLS")
	}
	return nil
}

func (c *serverConfig) setVerify(_ *directives.Cmd, on bool) error {
	c.verify = directives.Given(on)
	return nil
}

func (c *serverConfig) setConnectTimeout(_ *directives.Cmd, arg string) error {
	n := atol(arg)
	c.connectTimeout = directives.Given(time.Duration(n) * time.Second)
	return nil
}

func (c *serverConfig) setTimeout(_ *directives.Cmd, arg string) error {
	n, err := strconv.ParseInt(strings.TrimLeft(arg, " \t"), 10, 64)
	if err != nil {
		return errors.New("Timeout not numerical")
	}
	if n < 0 {
		return errors.New("Timeout must be non-negative")
	}
	c.timeout = directives.Given(time.Duration(n) * time.Second)
	return nil
}

func (c *serverConfig) setPoolTTL(_ *directives.Cmd, arg string) error {
	if arg == "-1" {
		c.poolTTL = directives.Given(time.Duration(-1))
		return nil
	}
	d, err := server.ParseTimeout(arg, time.Second)
	if err != nil {
		return errors.New("LDAPConnectionPoolTTL has wrong format")
	}
	c.poolTTL = directives.Given(d)
	return nil
}

func (c *serverConfig) setRetries(_ *directives.Cmd, arg string) error {
	n := atol(arg)
	if n < 0 {
		return errors.New("LDAPRetries must be >= 0")
	}
	c.retries = directives.Given(int(min(n, 1000)))
	return nil
}

func (c *serverConfig) setRetryDelay(_ *directives.Cmd, arg string) error {
	d, err := server.ParseTimeout(arg, time.Second)
	if err != nil || d < 0 {
		return errors.New("LDAPRetryDelay has wrong format")
	}
	c.retryDelay = d
	return nil
}

func (c *config) setReferrals(_ *directives.Cmd, arg string) error {
	switch strings.ToLower(arg) {
	case "on":
		c.referrals = directives.Given(chase)
	case "off":
		c.referrals = directives.Given(ignore)
	case "default":
		c.referrals = directives.Given(bySDK)
	default:
		return errors.New("LDAPReferrals must be 'on', 'off', or 'default'")
	}
	return nil
}

func (c *config) setHops(_ *directives.Cmd, arg string) error {
	n := atol(arg)
	if n <= 0 {
		return errors.New("LDAPReferralHopLimit must be greater than zero (Use 'LDAPReferrals Off' to disable referral chasing)")
	}
	c.hops = directives.Given(int(n))
	return nil
}
