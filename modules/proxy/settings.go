package proxy

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Setters of single values.

func word[T any](to func(*server.ProxyServerConfig) *directives.Opt[T], words map[string]T, problem string) func(*server.ProxyServerConfig, *directives.Cmd, string) error {
	return func(c *server.ProxyServerConfig, _ *directives.Cmd, arg string) error {
		v, ok := words[server.LowerASCII(arg)]
		if !ok {
			return errors.New(problem)
		}
		*to(c) = directives.Given(v)
		return nil
	}
}

var setVia = word(func(c *server.ProxyServerConfig) *directives.Opt[server.ProxyVia] { return &c.Via },
	map[string]server.ProxyVia{"off": server.ProxyViaOff, "on": server.ProxyViaOn, "block": server.ProxyViaBlock, "full": server.ProxyViaFull},
	"ProxyVia must be one of: off | on | full | block")

var setBadHeader = word(func(c *server.ProxyServerConfig) *directives.Opt[server.ProxyBadHeader] { return &c.BadHeader },
	map[string]server.ProxyBadHeader{"iserror": server.ProxyBadHeaderIsError, "ignore": server.ProxyBadHeaderIgnore, "startbody": server.ProxyBadHeaderStartBody},
	"ProxyBadHeader must be one of: IsError | Ignore | StartBody")

var setStatus = word(func(c *server.ProxyServerConfig) *directives.Opt[server.ProxyStatusPage] { return &c.Status },
	map[string]server.ProxyStatusPage{"off": server.ProxyStatusOff, "on": server.ProxyStatusOn, "full": server.ProxyStatusFull},
	"ProxyStatus must be one of: off | on | full")

func setReceiveBuffer(c *server.ProxyServerConfig, _ *directives.Cmd, arg string) error {
	n := server.Atoi(arg)
	if n < 512 && n != 0 {
		return errors.New("ProxyReceiveBufferSize must be >= 512 bytes, or 0 for system default.")
	}
	c.ReceiveBufferSize = directives.Given(n)
	return nil
}

// defaultBuffer is how much is read from a backend at one time (AP_IOBUFSIZE).
const defaultBuffer = 8192

func setIOBuffer(c *server.ProxyServerConfig, _ *directives.Cmd, arg string) error {
	n := server.Atoi(arg)
	if n < 512 && n != 0 {
		return errors.New("ProxyIOBufferSize must be >= 512 bytes, or 0 for system default.")
	}
	if n == 0 {
		n = defaultBuffer
	}
	c.IOBufferSize = directives.Given(n)
	return nil
}

func setMaxForwards(c *server.ProxyServerConfig, _ *directives.Cmd, arg string) error {
	c.MaxForwards = directives.Given(server.Atoi(arg))
	return nil
}

func setDomain(c *server.ProxyServerConfig, _ *directives.Cmd, arg string) error {
	if arg[0] != '.' {
		return errors.New("ProxyDomain: domain name must start with a dot.")
	}
	c.Domain = arg
	return nil
}

func setTimeout(c *server.ProxyServerConfig, _ *directives.Cmd, arg string) error {
	n := server.Atoi(arg)
	if n < 1 {
		return errors.New("Proxy Timeout must be at least 1 second.")
	}
	c.Timeout = directives.Given(time.Duration(n) * time.Second)
	return nil
}

func setGrowth(c *server.ProxyServerConfig, _ *directives.Cmd, arg string) error {
	n := server.Atoi(arg)
	if n < 0 || n > 1000 {
		return errors.New("BalancerGrowth must be between 0 and 1000")
	}
	c.Growth = directives.Given(n)
	return nil
}

func setSourceAddress(c *server.ProxyServerConfig, cmd *directives.Cmd, arg string) error {
	a, err := netip.ParseAddr(arg)
	if err != nil {
		list := lookup(cmd, arg)
		if len(list) == 0 {
			return errors.New("ProxySourceAddress invalid value")
		}
		a = list[0]
	}
	c.SourceAddress = a.Unmap()
	return nil
}

func setErrorOverride(c *server.ProxyDirConfig, _ *directives.Cmd, arg string) error {
	on, given := c.ErrorOverride.Get()
	switch {
	case strings.EqualFold(arg, "off"):
		c.ErrorOverride = directives.Given(false)
	case strings.EqualFold(arg, "on"):
		c.ErrorOverride = directives.Given(true)
	case !given:
		return errors.New("ProxyErrorOverride first parameter must be one of: off | on")
	case arg[0] < '0' || arg[0] > '9':
		return errors.New("ProxyErrorOverride: status codes to intercept must be numeric")
	case !on:
		return errors.New("ProxyErrorOverride: status codes must follow a value of 'on'")
	default:
		status := server.Atoi(arg)
		if status < 400 || status > 599 {
			return errors.New("ProxyErrorOverride: status codes to intercept must be valid HTTP Status Codes >=400 && <600")
		}
		c.OverrideCodes = append(slices.Clone(c.OverrideCodes), status)
	}
	return nil
}

func addReverse(c *server.ProxyDirConfig, cmd *directives.Cmd, first, second, third string) error {
	if err := cmd.Check(directives.NotInDirectory | directives.NotInFiles); err != nil {
		return err
	}
	p := server.ProxyReverse{Fake: first, Real: second, Interpolate: third != ""}
	if !cmd.InSection() {
		if second == "" || strings.EqualFold(second, "interpolate") {
			return errors.New("ProxyPassReverse needs a path when not defined in a location")
		}
	} else {
		if second != "" && !strings.EqualFold(second, "interpolate") {
			return errors.New("ProxyPassReverse can not have a path when defined in a location")
		}
		p = server.ProxyReverse{Fake: cmd.Path, Real: first, Interpolate: second != ""}
	}
	c.Reverses = append(c.Reverses, p)
	return nil
}

// cookie makes the setter of a cookie form. Apache calls what backends say fake
// here, and what clients see real.
func cookie(list func(*server.ProxyDirConfig) *[]server.ProxyReverse) func(*server.ProxyDirConfig, *directives.Cmd, string, string, string) error {
	return func(c *server.ProxyDirConfig, _ *directives.Cmd, from, to, interpolate string) error {
		l := list(c)
		*l = append(*l, server.ProxyReverse{Fake: to, Real: from, Interpolate: interpolate != ""})
		return nil
	}
}
