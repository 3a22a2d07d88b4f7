package server

import "strings"

// ProxyReverseMaps are the ProxyPassReverse of a request whose variables were
// put in.
type ProxyReverseMaps struct {
	Locations, CookiePaths, CookieDomains []ProxyReverse
}

// ProxyReverses are the maps of a request with ProxyPassInterpolateEnv.
var ProxyReverses RequestSlot[ProxyReverseMaps]

// ProxyMoreReverse is a map of one request, behind those of the configuration.
var ProxyMoreReverse RequestSlot[ProxyReverse]

func (r *Request) reverseMaps() ProxyReverseMaps {
	if m := ProxyReverses.Of(r); m != nil {
		return *m
	}
	d := ProxyDir.Of(r.Dir)
	m := ProxyReverseMaps{d.Reverses, d.CookiePaths, d.CookieDomains}
	if more := ProxyMoreReverse.Of(r); more != nil {
		m.Locations = append(m.Locations[:len(m.Locations):len(m.Locations)], *more)
	}
	return m
}

// ProxyLocation writes a URL that a backend says as clients see it
// (ap_proxy_location_reverse_map).
func (r *Request) ProxyLocation(url string) string {
	if r.Forward || !r.Proxied {
		return url
	}
	for _, p := range r.reverseMaps().Locations {
		if len(p.Real) >= 9 && equalFold(p.Real[:9], "balancer:") {
			if b := ProxyServer.Of(r.Server).FindBalancer(p.Real); b != nil {
				if u, ok := p.fromMembers(b, url); ok {
					return r.absolute(u)
				}
				continue
			}
		}
		part := url
		if strings.HasPrefix(p.Real, "/") {
			if i := strings.Index(url, "://"); i >= 0 {
				if j := strings.IndexByte(url[i+3:], '/'); j >= 0 {
					part = url[i+3+j:]
				}
			}
		}
		if p.Real != "" && len(part) >= len(p.Real) && equalFold(part[:len(p.Real)], p.Real) {
			return r.absolute(p.Fake + part[len(p.Real):])
		}
	}
	return url
}

// fromMembers maps the URL of any member of a balancer:
// "ProxyPassReverse /a balancer://b/c" maps "http://member/c/d" to "/a/d".
func (p ProxyReverse) fromMembers(b *ProxyBalancer, url string) (string, bool) {
	rest := p.Real[strings.Index(p.Real, "://")+3:]
	path := ""
	if i := strings.IndexByte(rest, '/'); i >= 0 && i+1 < len(rest) {
		path = rest[i:]
	}
	for _, w := range b.Workers() {
		name := w.Name
		if path != "" {
			name = strings.TrimSuffix(name, "/")
		}
		if len(url) < len(name)+len(path) || !equalFold(url[:len(name)], name) || !strings.HasPrefix(url[len(name):], path) {
			continue
		}
		left := url[len(name)+len(path):]
		if path == "" && p.Fake == "/" && strings.HasPrefix(left, "/") {
			return left, true
		}
		return p.Fake + left, true
	}
	return "", false
}

func (r *Request) absolute(u string) string {
	if isURL(u) {
		return u
	}
	return r.ConstructURL(u)
}

// isURL is ap_is_url: letters, digits, "+-." and "://".
func isURL(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == ':' {
			return i > 0 && strings.HasPrefix(s[i:], "://")
		}
		if !isAlnum(c) && c != '+' && c != '-' && c != '.' {
			return false
		}
	}
	return false
}

// ProxyCookie writes a Set-Cookie of a backend with the path and domain that
// clients see (ap_proxy_cookie_reverse_map).
func (r *Request) ProxyCookie(cookie string) string {
	if r.Forward || !r.Proxied {
		return cookie
	}
	m := r.reverseMaps()
	if len(m.CookiePaths)+len(m.CookieDomains) == 0 {
		return cookie
	}
	var b strings.Builder
	for i, part := range strings.Split(cookie, ";") {
		if i > 0 {
			b.WriteByte(';')
		}
		lead := len(part) - len(strings.TrimLeft(part, " \t\n\v\f\r"))
		word := part[lead:]
		b.WriteString(part[:lead])
		switch {
		case len(word) >= 5 && equalFold(word[:5], "path="):
			b.WriteString(word[:5] + mapCookie(word[5:], m.CookiePaths, false))
		case len(word) >= 7 && equalFold(word[:7], "domain="):
			b.WriteString(word[:7] + mapCookie(word[7:], m.CookieDomains, true))
		default:
			b.WriteString(word)
		}
	}
	return b.String()
}

// mapCookie puts what clients see in the place of the whole value.
func mapCookie(value string, list []ProxyReverse, fold bool) string {
	for _, p := range list {
		if len(value) < len(p.Real) {
			continue
		}
		head := value[:len(p.Real)]
		if head == p.Real || fold && equalFold(head, p.Real) {
			return p.Fake
		}
	}
	return value
}
