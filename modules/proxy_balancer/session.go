package proxy_balancer

import (
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// session is what a request says about the member that its session began with.
type session struct {
	found  bool   // there is a route, which may be empty
	name   string // of the parameter or cookie
	route  string
	worker *server.ProxyWorker // nil when no usable member has the route
}

// findSession looks for the route in the URL, then in a cookie
// (find_session_route).
func findSession(c *server.ProxyCall, now *server.ProxyBalancerSettings) (s session) {
	if now.Sticky == "" {
		return s
	}
	r, p := c.R, &c.Balancer.Params
	if s.route, s.found = pathParam(c.URL, now.StickyPath, p.ScolonPathDelim.Else(false)); s.found {
		s.name = now.StickyPath
		elog.Debug(r).Msgf("AH01159: Found value %s for stickysession %s", s.route, s.name)
	} else {
		cookies, _ := r.FieldIn("Cookie")
		if s.route, s.found = cookieParam(cookies, now.Sticky); !s.found {
			return s
		}
		s.name = now.Sticky
		elog.Debug(r).Msgf("AH01160: Found value %s for stickysession %s", s.route, s.name)
	}
	if sep := p.StickySeparator.Else('.'); sep != 0 {
		i := strings.IndexByte(s.route, sep)
		if i < 0 {
			s.route, s.found = "", false
			return s
		}
		s.route = s.route[i+1:]
	}
	if s.route == "" {
		return s
	}
	elog.Debug(r).Msgf("AH01161: Found route %s", s.route)
	if s.worker = byRoute(c, s.route, 1); s.worker != nil {
		if route := s.worker.Settings().Route; route != s.route {
			r.Env.Set("BALANCER_ROUTE_CHANGED", "1")
			elog.Debug(r).Msgf("AH01162: Route changed from %s to %s", s.route, route)
		}
	}
	return s
}

// pathParam is the value of name= in a URL, wherever it stands
// (get_path_param). It ends where a query or another parameter begins.
func pathParam(url, name string, semicolon bool) (string, bool) {
	ends := "?&"
	if semicolon {
		ends = ";?&"
	}
	for at := 0; ; {
		i := strings.Index(url[at:], name)
		if i < 0 {
			return "", false
		}
		at += i + len(name)
		if at+1 < len(url) && url[at] == '=' {
			// As strtok does, it passes over delimiters in front of a value.
			value := strings.TrimLeft(url[at+1:], ends)
			if value == "" {
				return "", false
			}
			if j := strings.IndexAny(value, ends); j >= 0 {
				value = value[:j]
			}
			return value, true
		}
		if name == "" || at >= len(url) {
			return "", false
		}
	}
}

// cookieParam is the value of a cookie (get_cookie_param).
func cookieParam(cookies, name string) (string, bool) {
	for from := 0; name != ""; {
		i := strings.Index(cookies[from:], name)
		if i < 0 {
			return "", false
		}
		start := from + i
		from = start + 1
		if start > 0 && !strings.ContainsRune(";, \t\n\v\f\r", rune(cookies[start-1])) {
			continue
		}
		value := strings.TrimLeft(cookies[start+len(name):], " \t\n\v\f\r")
		if len(value) < 2 || value[0] != '=' {
			continue
		}
		value = value[1:]
		if j := strings.IndexAny(value, ";,"); j >= 0 {
			value = value[:j]
		}
		return value, true
	}
	return "", false
}

// byRoute is the member with a route, or, where that may not be taken, the one
// that its redirect= names; standbys come last (find_route_worker).
func byRoute(c *server.ProxyCall, route string, depth int) *server.ProxyWorker {
	at := server.ServerSubject(c.R.Gen, c.R.Server)
	workers := c.Balancer.Workers()
	for _, standby := range [...]bool{false, true} {
		for _, w := range workers {
			now := w.Settings()
			if (w.Shared.Status()&server.ProxyHotStandby != 0) != standby || now.Route == "" || now.Route != route {
				continue
			}
			if w.Usable("BALANCER", at) {
				return w
			}
			if now.Redirect == "" || depth >= len(workers) {
				continue
			}
			if other := byRoute(c, now.Redirect, depth+1); other != nil && other.Usable("BALANCER", at) {
				return other
			}
		}
	}
	return nil
}

// isRoute tells whether a member has the route.
func isRoute(b *server.ProxyBalancer, route string) bool {
	for _, w := range b.Workers() {
		if own := w.Settings().Route; own != "" && own == route {
			return true
		}
	}
	return false
}
