package lua

import (
	"fmt"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/donjon-httpd/donjon/server"
)

// cookie is what setcookie was given.
type cookie struct {
	key, value, path, domain string
	expires                  int64 // seconds since 1970; 0: with the session
	secure, httpOnly         bool
}

// setCookie takes a table, or key, value, secure and expires.
func setCookie(c *call) int {
	r := c.request(1)
	k := cookie{}
	if t, ok := c.L.Get(2).(*lua.LTable); ok {
		// Values are looked at on top of the stack, which is what messages about them say.
		in := func(name string) *call {
			c.L.SetTop(2)
			c.L.Push(c.L.GetField(t, name))
			return c
		}
		k.key, k.value = in("key").cText(-1), in("value").cText(-1)
		k.expires = in("expires").optInteger(-1, 0)
		k.secure, k.httpOnly = in("secure").flag(-1), in("httponly").flag(-1)
		k.path, k.domain = cString(in("path").optText(-1, "/")), cString(in("domain").optText(-1, ""))
	} else {
		k.key, k.value, k.secure, k.expires = c.cText(2), c.cText(3), c.flag(4), c.optInteger(5, 0)
	}
	r.ErrOut.Add("Set-Cookie", k.String())
	return 0
}

// String is the field; attributes that are not given leave their blanks.
func (k cookie) String() string {
	secure, expires, httpOnly, domain, path := "", "", "", "", ""
	if k.secure {
		secure = "Secure;"
	}
	if k.expires > 0 {
		expires = "Expires=" + time.Unix(k.expires, 0).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT") + ";"
	}
	if k.httpOnly {
		httpOnly = "HttpOnly;"
	}
	if k.domain != "" {
		domain = "Domain=" + k.domain + ";"
	}
	if k.path != "" {
		path = "Path=" + k.path + ";"
	}
	return fmt.Sprintf("%s=%s; %s %s %s %s %s", server.EscapeForm(k.key), server.EscapeForm(k.value), secure, expires, httpOnly, domain, path)
}

func getCookie(c *call) int {
	r := c.request(1)
	if v, ok := r.ReadCookie(c.cText(2), false); ok {
		return c.pushText(v)
	}
	return 0
}
