// Package usertrack gives each client a cookie to know it again by (mod_usertrack).
package usertrack

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/pattern"
)

// Module is usertrack_module.
var Module = server.Module{
	Name: "usertrack_module",
	Directives: directives.Table{
		{Name: "CookieExpires", In: directives.FileInfo, Usage: "an expiry date code", Set: take1((*config).setExpires)},
		{Name: "CookieDomain", In: directives.FileInfo, Usage: "domain to which this cookie applies", Set: take1((*config).setDomain)},
		{Name: "CookieStyle", In: directives.FileInfo, Usage: "'Netscape', 'Cookie' (RFC2109), or 'Cookie2' (RFC2965)",
			Set: take1((*config).setStyle)},
		{Name: "CookieTracking", In: directives.FileInfo, Usage: "whether or not to enable cookies",
			Set: flag(func(c *config, on bool) { c.enabled = on })},
		{Name: "CookieName", In: directives.FileInfo, Usage: "name of the tracking cookie", Set: take1((*config).setName)},
		{Name: "CookieSameSite", In: directives.FileInfo, Usage: "SameSite setting", Set: take1((*config).setSameSite)},
		{Name: "CookieSecure", In: directives.FileInfo, Usage: "is cookie secure",
			Set: flag(func(c *config, on bool) { c.secure = on })},
		{Name: "CookieHttpOnly", In: directives.FileInfo, Usage: "is cookie http only",
			Set: flag(func(c *config, on bool) { c.httpOnly = on })},
	},
	Hooks: []server.Hook{server.Fixups.ReallyFirst(track).When(slot.If(func(c *config) bool { return c.enabled }))},
}

var (
	// slot is not merged: the nearest section that says anything says it all.
	slot = directives.NewDirSlot(func(_, add config) config { return add })
	// serverSlot is CookieExpires, in seconds. A virtual host that has any
	// directive of the module has its own, be it 0.
	serverSlot = directives.NewServerSlot(func(_, add int32) int32 { return add })
)

type config struct {
	enabled, secure, httpOnly bool
	name                      string          // "" is defaultName
	find                      *pattern.Regexp // the cookie's value; nil is defaultFind
	domain                    string
	sameSite                  string
	style                     style
}

type style uint8

const (
	netscape style = iota
	cookie         // RFC 2109: max-age in place of expires
	cookie2        // RFC 2965
)

const defaultName = "Apache"

var defaultFind = must(finder(defaultName))

func must(re *pattern.Regexp, err error) *pattern.Regexp {
	if err != nil {
		panic(err)
	}
	return re
}

func take1(f func(*config, *directives.Cmd, string) error) directives.Setter {
	return slot.Take1(func(c *config, cmd *directives.Cmd, arg string) error {
		serverSlot.Edit(cmd)
		return f(c, cmd, arg)
	})
}

func flag(f func(*config, bool)) directives.Setter {
	return slot.FlagErr(func(c *config, cmd *directives.Cmd, on bool) error {
		serverSlot.Edit(cmd)
		f(c, on)
		return nil
	})
}

func (c *config) setName(_ *directives.Cmd, name string) (err error) {
	c.name = name
	if c.find, err = finder(name); err != nil {
		return errors.New("Regular expression could not be compiled.")
	}
	return nil
}

// finder compiles what finds the cookie's value in a Cookie field.
func finder(name string) (*pattern.Regexp, error) {
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		c := name[i]
		if !(c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z') {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	return pattern.Compile("^"+b.String()+"=([^;,]+)|[;,][ \t]*"+b.String()+"=([^;,]+)", pattern.DefaultFlags())
}

func (c *config) setDomain(_ *directives.Cmd, domain string) error {
	switch {
	case domain == "":
		return errors.New("CookieDomain values may not be null")
	case domain[0] != '.':
		return errors.New("CookieDomain values must begin with a dot")
	case !strings.Contains(domain[1:], "."):
		return errors.New("CookieDomain values must contain at least one embedded dot")
	}
	c.domain = domain
	return nil
}

func (c *config) setStyle(cmd *directives.Cmd, word string) error {
	switch strings.ToLower(word) {
	case "netscape":
		c.style = netscape
	case "cookie", "rfc2109":
		c.style = cookie
	case "cookie2", "rfc2965":
		c.style = cookie2
	default:
		return fmt.Errorf("Invalid %s keyword: '%s'", cmd.Name, word)
	}
	return nil
}

func (c *config) setSameSite(_ *directives.Cmd, word string) error {
	switch strings.ToLower(word) {
	case "strict":
		c.sameSite = "SameSite=Strict"
	case "lax":
		c.sameSite = "SameSite=Lax"
	case "none":
		c.sameSite = "SameSite=None"
	default:
		return errors.New("CookieSameSite accepts 'Strict', 'Lax', or 'None'")
	}
	return nil
}

func (c *config) setExpires(cmd *directives.Cmd, code string) error {
	seconds, err := parseExpires(code)
	if err != nil {
		return err
	}
	*serverSlot.Edit(cmd) = seconds
	return nil
}

// units of time by their least spelling; what follows is not looked at.
var units = []struct {
	prefix  string
	seconds int64
}{
	{"y", 60 * 60 * 24 * 365}, {"mo", 60 * 60 * 24 * 30}, {"w", 60 * 60 * 24 * 7}, {"d", 60 * 60 * 24}, {"h", 60 * 60},
	{"mi", 60}, {"s", 1},
}

// parseExpires reads a number of seconds, or "plus 2 weeks 3 days".
func parseExpires(code string) (int32, error) {
	if code != "" && isDigit(code[0]) && isDigit(code[len(code)-1]) {
		return int32(number(code)), nil
	}
	word, code := httpdconf.Getword(code)
	if prefixed(word, "p") {
		word, code = httpdconf.Getword(code)
	}
	total := int64(0)
	for word != "" {
		if !isDigit(word[0]) {
			return 0, errors.New("bad expires code, numeric value expected.")
		}
		n := int64(int32(number(word)))
		if word, code = httpdconf.Getword(code); word == "" {
			return 0, errors.New("bad expires code, missing <type>")
		}
		factor := int64(0)
		for _, u := range units {
			if prefixed(word, u.prefix) {
				factor = u.seconds
				break
			}
		}
		if factor == 0 {
			return 0, errors.New("bad expires code, unrecognized type")
		}
		total += factor * n
		word, code = httpdconf.Getword(code)
	}
	return int32(total), nil
}

func prefixed(word, prefix string) bool {
	return len(word) >= len(prefix) && strings.EqualFold(word[:len(prefix)], prefix)
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// number is the one that s begins with; too large ones are the largest there is.
func number(s string) int64 {
	n, _ := strconv.ParseInt(s[:len(s)-len(strings.TrimLeft(s, "0123456789"))], 10, 64)
	return n
}
