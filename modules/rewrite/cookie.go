package rewrite

import (
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

// cookie marks a request that a cookie of that name was set for.
type cookie string

// addCookie sets a cookie as [CO] says:
// name:value:domain[:minutes[:path[:secure[:httponly[:samesite]]]]]. With a
// semicolon first, semicolons part the fields (add_cookie).
func addCookie(r *server.Request, s string) {
	sep := ":"
	if rest, ok := strings.CutPrefix(s, ";"); ok {
		s, sep = rest, ";"
	}
	var f [8]string
	n := 0
	for _, field := range strings.Split(s, sep) { // as strtok does: an empty field is none
		if field != "" && n < len(f) {
			f[n] = field
			n++
		}
	}
	if n < 3 {
		return
	}
	name, value, domain, minutes, path, secure, httpOnly, sameSite := f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7]
	top := r
	for top.Main != nil {
		top = top.Main
	}
	if top.Marked(cookie(name)) {
		logf(top, 5, "", "skipping already set cookie '%s'", name)
		return
	}
	var b strings.Builder
	b.WriteString(name + "=" + value + "; path=")
	if path == "" {
		path = "/"
	}
	b.WriteString(path + "; domain=" + domain)
	if m := atoi(minutes); m != 0 {
		b.WriteString("; expires=" + r.Received.Add(time.Duration(m)*time.Minute).UTC().Format("Mon, 02-Jan-2006 15:04:05 GMT"))
	}
	if strings.EqualFold(secure, "true") || secure == "1" || strings.EqualFold(secure, "secure") {
		b.WriteString("; secure")
		// Apache leaves HttpOnly out without secure (observed on 2.4.71).
		if strings.EqualFold(httpOnly, "true") || httpOnly == "1" || strings.EqualFold(httpOnly, "HttpOnly") {
			b.WriteString("; HttpOnly")
		}
	}
	if sameSite != "" && sameSite != "0" && !strings.EqualFold(sameSite, "false") {
		b.WriteString("; SameSite=" + sameSite)
	}
	top.ErrOut.Add("Set-Cookie", b.String())
	top.Mark(cookie(name))
	logf(top, 5, "", "setting cookie '%s'", b.String())
}
