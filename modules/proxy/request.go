package proxy

import (
	"path"
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/pattern"
)

// detect finds requests of a forward proxy: with an absolute URL that is not
// this server's, or CONNECT (proxy_detect).
func detect(r *server.Request) server.Status {
	c := serverSlot.Of(r.Server)
	if !c.Requests.Else(false) {
		return server.Declined
	}
	switch {
	case r.URL.Scheme != "":
		host, port := splitHost(r.URL.Host, r.Scheme())
		if host != "" && strings.EqualFold(r.URL.Scheme, r.Scheme()) && r.MatchesHost(host, port) {
			return server.Declined
		}
	case r.Method == "CONNECT":
		if host, port, ok := strings.Cut(r.UnparsedURI, ":"); !ok || host == "" || port == "" {
			return server.Declined
		}
	default:
		return server.Declined
	}
	r.Proxied, r.Forward = true, true
	r.URI, r.Filename, r.Handler = r.UnparsedURI, prefix+r.UnparsedURI, handlerName
	return server.Declined
}

func splitHost(authority, scheme string) (host string, port int) {
	host, port = authority, server.ProxyPort(scheme)
	if i := strings.LastIndexByte(authority, ':'); i >= 0 && i > strings.LastIndexByte(authority, ']') {
		host = authority[:i]
		if n, err := strconv.Atoi(authority[i+1:]); err == nil {
			port = n
		}
	}
	return strings.Trim(host, "[]"), port
}

// unmatched says that a ProxyPass is not for the request (HTTP_CONTINUE).
const unmatched server.Status = 100

// translate looks for the ProxyPass of a request (proxy_trans): those that map
// encoded paths before the path is decoded, the others after.
func translate(r *server.Request, early bool) server.Status {
	if r.Proxied {
		if early {
			return server.Done
		}
		return server.OK
	}
	c, dir := serverSlot.Of(r.Server), dirSlot.Of(r.Dir)
	if len(c.Aliases) == 0 && dir.Alias == nil || !strings.HasPrefix(r.URI, "/") || r.Env.Has("no-proxy") {
		return server.Declined
	}
	if a := dir.Alias; a != nil && early == (a.Flags&server.ProxyMapEncoded != 0) {
		if s := pass(r, a, dir); s != unmatched {
			return s
		}
	}
	for _, a := range c.Aliases {
		if early != (a.Flags&server.ProxyMapEncoded != 0) {
			continue
		}
		if s := pass(r, a, dir); s != unmatched {
			return s
		}
	}
	return server.Declined
}

// pass leads the request to what a ProxyPass names, if that is for its path
// (ap_proxy_trans_match).
func pass(r *server.Request, a *server.ProxyAlias, dir *server.ProxyDirConfig) server.Status {
	fake, real := a.Fake, a.Real
	if dir.Interpolate.Else(false) && a.Flags&server.ProxyPassInterpolate != 0 {
		fake, real = interpolate(r, fake), interpolate(r, real)
	}
	kind := "prefix"
	if a.Regex != nil {
		kind = "pattern"
	}
	if e := elog.Trace(2, r); e != nil {
		e.Msgf("AH03461: attempting to match URI path '%s' against %s '%s' for proxying", r.URI, kind, fake)
	}
	nocanon := a.Flags&server.ProxyPassNocanon != 0
	found, mismatch, servlet := "", false, ""
	use := r.URI
	if nocanon {
		use = r.UnparsedURI
	}
	if a.Regex != nil {
		groups := a.Regex.Match(nil, r.URI)
		if groups == nil {
			return unmatched
		}
		if real == "!" {
			if e := elog.Trace(1, r); e != nil {
				e.Msgf("AH03462: proxying is explicitly disabled for URI path '%s'; declining", r.URI)
			}
			return server.Declined
		}
		if nocanon {
			if raw := a.Regex.Match(nil, r.UnparsedURI); raw != nil {
				groups = raw
			} else {
				mismatch, use = true, r.URI
			}
		}
		to, err := pattern.Substitute(real, groups)
		if err != nil {
			elog.Crit(r).Msg("AH01135: Substitution in regular expression failed. Replacement too long?")
			return 500
		}
		if found = prefix + to; to == real {
			found = prefix + real + use // nothing was substituted: $1 is implied
		}
	} else {
		n := 0
		if a.Flags&server.ProxyMapServlet != 0 {
			servlet, n = servletMatch(r.URI, fake)
			nocanon, use = false, r.URI
		} else {
			n = aliasMatch(r.URI, fake)
		}
		if n == 0 {
			return unmatched
		}
		if real == "!" {
			if e := elog.Trace(1, r); e != nil {
				e.Msgf("AH03463: proxying is explicitly disabled for URI path '%s'; declining", r.URI)
			}
			return server.Declined
		}
		if nocanon && n != aliasMatch(r.UnparsedURI, fake) {
			mismatch, use = true, r.URI
		}
		found = prefix + real + use[n:]
	}
	if mismatch {
		elog.Warn(r).Msg("AH01136: Unescaped URL path matched ProxyPass; ignoring unsafe nocanon")
	}
	if s := r.ProxyTrans(found[len(prefix):]); s != server.OK && s != server.Declined {
		return unmatched
	}
	r.Filename, r.Handler, r.Proxied = found, handlerName, true
	if nocanon && !mismatch {
		r.Notes.Set("proxy-nocanon", "1")
	}
	if a.Flags&server.ProxyPassNoquery != 0 {
		r.Notes.Set("proxy-noquery", "1")
	}
	encoded := a.Flags&server.ProxyMapEncoded != 0
	if encoded {
		r.Notes.Set("proxy-noencode", "1")
	}
	if servlet != "" {
		if e := elog.Trace(1, r); e != nil {
			e.Msgf("AH10248: Servlet path '%s' (%s) matches proxy handler '%s'", r.URI, servlet, found)
		}
		r.URI = servlet
	} else {
		if e := elog.Trace(1, r); e != nil {
			e.Msgf("AH03464: URI path '%s' matches proxy handler '%s'", r.URI, found)
		}
	}
	r.BecauseOf("ProxyPass")
	if encoded {
		return server.Done
	}
	return server.OK
}

// interpolate puts environment variables into ${name} (proxy_interpolate).
func interpolate(r *server.Request, s string) string {
	var b strings.Builder
	for {
		i := strings.Index(s, "${")
		if i < 0 {
			break
		}
		n := strings.IndexByte(s[i+2:], '}')
		if n < 0 {
			break
		}
		b.WriteString(s[:i])
		b.WriteString(r.Env.Get(s[i+2 : i+2+n]))
		s = s[i+3+n:]
	}
	b.WriteString(s)
	return b.String()
}

// mapLocation keeps the walks of files away from what is asked of others, and
// applies the <Proxy> sections instead (proxy_map_location, proxy_walk).
func mapLocation(r *server.Request) server.Status {
	if !r.Proxied || !strings.HasPrefix(r.Filename, prefix) {
		return server.Declined
	}
	url := r.Filename[len(prefix):]
	for _, s := range serverSlot.Of(r.Server).Sections {
		switch {
		case s.Regex != nil:
			groups := s.Regex.Match(nil, url)
			if groups == nil {
				continue
			}
			for i, name := range s.Regex.Names() {
				if name != "" && i < len(groups) {
					r.Env.Set(name, groups[i])
				}
			}
		case s.Glob:
			if !pattern.Fnmatch(s.Pattern, url, 0) {
				continue
			}
		case !strings.HasPrefix(url, s.Pattern):
			continue
		}
		r.LayOver(s.Conf)
	}
	return server.OK
}

// fixup has the module of the scheme check the URL and write it as it is asked
// for (proxy_fixup).
func fixup(r *server.Request) server.Status {
	if !r.Proxied || !strings.HasPrefix(r.Filename, prefix) {
		return server.Declined
	}
	if s := takeSocket(r); s != server.OK {
		return s
	}
	dir := dirSlot.Of(r.Dir)
	if dir.Interpolate.Else(false) && !r.Forward {
		server.ProxyReverses.Set(r, &server.ProxyReverseMaps{
			Locations: interpolated(r, dir.Reverses), CookiePaths: interpolated(r, dir.CookiePaths), CookieDomains: interpolated(r, dir.CookieDomains)})
	}
	url := r.Filename[len(prefix):]
	if s := r.ProxyCanon(url); s != server.OK {
		return s
	}
	if strings.IndexByte(url, ':') <= 0 {
		return 400
	}
	return server.OK
}

func interpolated(r *server.Request, list []server.ProxyReverse) []server.ProxyReverse {
	out := make([]server.ProxyReverse, len(list))
	for i, p := range list {
		if p.Interpolate {
			p.Fake, p.Real = interpolate(r, p.Fake), interpolate(r, p.Real)
		}
		out[i] = p
	}
	return out
}

// takeSocket takes "unix:/path|" off the URL and notes the path
// (ap_proxy_fixup_uds_filename).
func takeSocket(r *server.Request) server.Status {
	if r.Forward {
		return server.OK
	}
	socket, url := server.SplitUnixURL(r.Filename[len(prefix):])
	if socket == "" {
		return server.OK
	}
	if !path.IsAbs(socket) {
		if strings.Trim(socket, "/.") == "" {
			elog.Error(r).Msgf("AH10292: Invalid proxy UDS filename (%s)", r.Filename)
			return 500
		}
		socket = path.Join(server.RuntimeDir(r.Gen.Config.Tree), socket)
	}
	r.Notes.Set("uds_path", path.Clean(socket))
	if e := elog.Trace(2, r); e != nil {
		e.Msgf("*: fixup UDS from %s: %s (%s)", r.Filename, url, socket)
	}
	r.Filename = prefix + url
	return server.OK
}
