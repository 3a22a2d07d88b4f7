package proxy_ftp

import (
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// site is the authority of the client's URL as it was written; it is empty for a
// request that is not a forward proxy's.
type site struct {
	scheme, user, password, host string // host with its port
	hasUser, hasPassword         bool
}

// siteOf is the site that the client has named, with the user that its
// Authorization field says instead of the URL's.
func siteOf(r *server.Request) site {
	var s site
	if scheme, rest, ok := strings.Cut(r.UnparsedURI, "://"); ok && !strings.HasPrefix(r.UnparsedURI, "/") {
		if i := strings.IndexAny(rest, "/?#"); i >= 0 {
			rest = rest[:i]
		}
		s.scheme, s.host = scheme, rest
		if i := strings.LastIndexByte(rest, '@'); i >= 0 {
			s.host, s.hasUser = rest[i+1:], true
			s.user, s.password, s.hasPassword = strings.Cut(rest[:i], ":")
		}
		if strings.HasSuffix(s.host, ":") || strings.EqualFold(scheme, "ftp") && strings.HasSuffix(s.host, ":21") {
			s.host = s.host[:strings.LastIndexByte(s.host, ':')]
		}
	}
	if r.UserSet {
		s.user, s.hasUser = r.User, true
	}
	return s
}

// text is the site as a URL without a path (apr_uri_unparse); a password is not
// shown, only that there is one, when masked is set.
func (s site) text(masked bool) string {
	login := ""
	if s.hasUser {
		login = s.user
	}
	if s.hasPassword && masked {
		login += ":XXXXXXXX"
	}
	if s.hasUser || s.hasPassword && masked {
		login += "@"
	}
	if s.host == "" {
		return login
	}
	return s.scheme + "://" + login + s.host
}

// pathOf is the path of a URL, without its query; it begins with a slash.
func pathOf(url string) string {
	if _, rest, ok := strings.Cut(url, "://"); ok && !strings.HasPrefix(url, "/") {
		i := strings.IndexAny(rest, "/?#")
		if i < 0 {
			return "/"
		}
		url = rest[i:]
	}
	if i := strings.IndexAny(url, "?#"); i >= 0 {
		url = url[:i]
	}
	if url == "" {
		return "/"
	}
	return url
}

// clientPath is the path of the client's own URL without "." and "..". That of a
// forward proxy's is still encoded, others are decoded (observed on 2.4.71: what
// was encoded twice is decoded twice then).
func clientPath(r *server.Request) string {
	if !r.Forward {
		return r.URI
	}
	path := pathOf(r.UnparsedURI)
	if clean, ok := r.NormalizedPath(path); ok {
		return clean
	}
	return path
}

// credentials are the user and the password: those of the Authorization field,
// those of the client's URL, or the anonymous ones. password is nil for a user
// without.
func credentials(r *server.Request) (user string, password *string, bad bool) {
	if auth, ok := r.FieldIn("Authorization"); ok {
		kind, rest, _ := strings.Cut(auth, " ")
		text := string(server.DecodeBase64(strings.TrimLeft(rest, " ")))
		text, _, _ = strings.Cut(text, "\x00")
		if strings.EqualFold(kind, "Basic") && !strings.HasPrefix(text, ":") {
			if !sendable(text) {
				return "", nil, true
			}
			name, word, _ := strings.Cut(text, ":")
			r.AuthType, r.User, r.UserSet = "Basic", name, true
			return name, &word, false
		}
	}
	s := siteOf(r)
	switch {
	case s.hasUser && s.hasPassword:
		word := unescape(s.password)
		return unescape(s.user), &word, false
	case s.hasUser:
		return unescape(s.user), nil, false
	}
	word := "apache-proxy@"
	return "anonymous", &word, false
}

// hostName is an authority without its port and without brackets.
func hostName(authority string) string {
	if i := strings.LastIndexByte(authority, ':'); i >= 0 && !strings.HasSuffix(authority, "]") {
		authority = authority[:i]
	}
	return strings.Trim(authority, "[]")
}
