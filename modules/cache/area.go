package cache

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// area is the URLs that a CacheEnable or CacheDisable is about.
type area struct {
	provider string // of CacheEnable
	scheme   string // "" for any
	host     string // "" for any; ".example.com" and "*example.com" for all that end so
	port     string // of a URL with a host: its own, or that of its scheme
	path     string // what paths begin with
}

func parseArea(text string) (area, error) {
	u, err := url.Parse(text)
	if err != nil {
		return area{}, err
	}
	a := area{scheme: strings.ToLower(u.Scheme), host: strings.ToLower(u.Hostname()), port: u.Port(), path: u.Path}
	if a.host == "" && a.scheme != "" && u.Opaque != "" {
		a.path = u.Opaque
	}
	if a.host != "" && a.port == "" {
		a.port = "80"
		if a.scheme == "https" {
			a.port = "443"
		}
	}
	return a, nil
}

func enable(c *config, cmd *directives.Cmd, provider, text string) error {
	if strings.HasPrefix(provider, "/") {
		return fmt.Errorf("provider (%s) starts with a '/'.  Are url and provider switched?", provider)
	}
	where := cmd.Path
	if text == "" {
		text = where
	}
	if text == "" {
		return fmt.Errorf("CacheEnable provider (%s) is missing an URL.", provider)
	}
	if where != "" && !strings.HasPrefix(text, where) && !strings.Contains(text, "://") {
		return errors.New("When in a Location, CacheEnable must specify a path or an URL below that location.")
	}
	a, err := parseArea(text)
	a.provider = provider
	c.enabled = append(c.enabled, a)
	return err
}

func disable(c *config, cmd *directives.Cmd, text string) error {
	if cmd.Path != "" {
		if !strings.EqualFold(text, "on") {
			return errors.New("CacheDisable must be followed by the word 'on' when in a Location.")
		}
		c.off = true
		return nil
	}
	if !strings.HasPrefix(text, "/") && !strings.Contains(text, ":") {
		return errors.New("CacheDisable must specify a path or an URL.")
	}
	a, err := parseArea(text)
	c.disabled = append(c.disabled, a)
	return err
}

// has tells whether a request is in the area (uri_meets_conditions).
func (a *area) has(r *server.Request) bool {
	if a.host != "" {
		host := strings.ToLower(r.ServerName())
		switch a.host[0] {
		case '.':
			if !strings.HasSuffix(host, a.host) {
				return false
			}
		case '*':
			if !strings.HasSuffix(host, a.host[1:]) {
				return false
			}
		default:
			if host != a.host {
				return false
			}
		}
	}
	if a.scheme != "" && a.scheme != r.Scheme() || a.port != "" && server.Atoi(a.port) != int(r.Conn.Local.Port()) {
		return false
	}
	return strings.HasPrefix(r.URI, a.path)
}

// keeps tells whether anything may be kept here.
func (c *config) keeps() bool { return len(c.enabled) > 0 && !c.off }

// providers are those that may keep the answer to a request.
func providers(r *server.Request) []*server.CacheProvider {
	c := slot.Of(r.Dir)
	if !c.keeps() {
		return nil
	}
	for i := range c.disabled {
		if c.disabled[i].has(r) {
			return nil
		}
	}
	var list []*server.CacheProvider
	for i := range c.enabled {
		if c.enabled[i].has(r) {
			if p := server.FindCacheProvider(r.Gen.Modules, c.enabled[i].provider); p != nil {
				list = append(list, p)
			}
		}
	}
	return list
}
