package auth_digest

import (
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// target is a URI taken apart; a part may be absent.
type target struct {
	host, port  string
	path, query given
}

// split takes a URI apart (apr_uri_parse); false when its port is no number.
func split(uri string) (t target, ok bool) {
	uri, _, _ = strings.Cut(uri, "#")
	if before, query, is := strings.Cut(uri, "?"); is {
		uri, t.query = before, given{query, true}
	}
	if scheme, rest, is := strings.Cut(uri, "://"); is && scheme != "" && !strings.Contains(scheme, "/") {
		slash := strings.IndexByte(rest, '/')
		if slash < 0 {
			slash = len(rest)
		}
		authority := rest[:slash]
		uri = rest[slash:]
		authority = authority[strings.LastIndexByte(authority, '@')+1:]
		t.host = authority
		if i := strings.LastIndexByte(authority, ':'); i >= 0 && !strings.HasSuffix(authority, "]") {
			t.host, t.port = authority[:i], authority[i+1:]
			if _, err := strconv.ParseUint(t.port, 10, 16); t.port != "" && err != nil {
				return t, false
			}
		}
	}
	if uri != "" {
		t.path = given{uri, true}
	}
	return t, true
}

// unescape decodes what is escaped.
func unescape(g given) given {
	if !strings.Contains(g.v, "%") {
		return g
	}
	var b strings.Builder
	for i := 0; i < len(g.v); i++ {
		if g.v[i] == '%' && i+2 < len(g.v) {
			if hi, lo := digit(g.v[i+1]), digit(g.v[i+2]); hi < 16 && lo < 16 {
				b.WriteByte(byte(hi<<4 | lo))
				i += 2
				continue
			}
		}
		b.WriteByte(g.v[i])
	}
	return given{b.String(), g.is}
}

// checkURI looks whether the uri that the client signed is what it asks for. A
// proxy may have spelled it anew.
func checkURI(r *server.Request, uri string) server.Status {
	raw := r.Top().UnparsedURI
	if uri == raw {
		return server.OK
	}
	theirs, ok := split(uri)
	if !ok {
		elog.Error(r).Msgf("AH01783: invalid uri <%s> in Authorization header", uri)
		return 400
	}
	if r.Top().Method == "CONNECT" {
		elog.Error(r).Msgf("AH01785: uri mismatch - <%s> does not match request-uri <%s>", uri, raw)
		return 400
	}
	ours, _ := split(raw)
	if ours.query.is && !theirs.query.is && r.Env.Has("AuthDigestEnableQueryStringHack") {
		elog.Info(r).Msgf("AH01784: applying AuthDigestEnableQueryStringHack to uri <%s>", raw)
		theirs.query = ours.query
	}
	star := theirs.path == (given{"*", true}) && !ours.path.is && ours.host != ""
	if !sameHost(r, theirs, ours) || unescape(theirs.path) != unescape(ours.path) && !star || unescape(theirs.query) != unescape(ours.query) {
		elog.Error(r).Msgf("AH01786: uri mismatch - <%s> does not match request-uri <%s>", uri, raw)
		return 400
	}
	return server.OK
}

// sameHost compares host and port of the signed uri, if it has them.
func sameHost(r *server.Request, theirs, ours target) bool {
	if theirs.host == "" {
		return theirs.port == ""
	}
	host, port := ours.host, r.ServerPort()
	if host == "" {
		host = r.ServerName()
	}
	if ours.port != "" {
		port, _ = strconv.Atoi(ours.port)
	}
	want := theirs.port
	if want == "" {
		want = map[string]string{"https": "443"}[r.Scheme()]
		if want == "" {
			want = "80"
		}
	}
	n, _ := strconv.Atoi(want)
	return strings.EqualFold(unescape(given{theirs.host, true}).v, unescape(given{host, true}).v) && n == port
}
