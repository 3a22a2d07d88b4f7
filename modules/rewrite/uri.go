package rewrite

import (
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// schemes are what makes a result a URL of its own, and whether a query may
// follow (is_absolute_uri).
var schemes = []struct {
	prefix string
	query  bool
}{
	{"ajp://", true}, {"balancer://", true}, {"ftp://", false}, {"fcgi://", true}, {"gopher://", false}, {"http://", true},
	{"https://", true}, {"h2://", true}, {"h2c://", true}, {"ldap://", false}, {"mailto:", true}, {"news:", false}, {"nntp://", false},
	{"scgi://", true}, {"ws://", true}, {"wss://", true}, {"unix:", true},
}

// scheme is the length of the scheme with its slashes; 0 for a path.
func scheme(uri string) int {
	n, _ := schemeQuery(uri)
	return n
}

func schemeQuery(uri string) (n int, query bool) {
	if len(uri) <= 5 || uri[0] == '/' {
		return 0, false
	}
	for _, s := range schemes {
		if !hasPrefixFold(uri, s.prefix) {
			continue
		}
		if s.prefix == "unix:" && strings.HasPrefix(uri[5:], "//") {
			return 7, true
		}
		return len(s.prefix), s.query
	}
	return 0, false
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// escapeAbsolute escapes a URL behind its host (escape_absolute_uri); n is its scheme's length.
func escapeAbsolute(uri string, n int) string {
	rest := n
	if uri[n-1] == '/' {
		slash := strings.IndexByte(uri[n:], '/')
		if slash < 0 || n+slash+1 == len(uri) {
			return uri
		}
		rest = n + slash + 1
		if hasPrefixFold(uri, "ldap") { // RFC 2255: parts behind question marks
			parts := strings.SplitN(uri[rest:], "?", 5)
			for i := range parts {
				parts[i] = server.EscapePath(parts[i])
			}
			return uri[:rest] + strings.Join(parts, "?")
		}
	}
	return uri[:rest] + server.EscapePath(uri[rest:])
}

// splitQuery takes the query out of the result (splitout_queryargs).
func (c *context) splitQuery(p *rule) {
	r := c.r
	if p.is(qsNone) {
		c.trace(2, "", "discarding query string, no parse from substitution")
		r.Args, r.HasArgs = "", false
		return
	}
	skip, query := schemeQuery(r.Filename)
	if skip > 0 && !query {
		r.Args, r.HasArgs = "", false
		return
	}
	if p.is(qsDiscard) {
		r.Args, r.HasArgs = "", false
		c.trace(2, "", "discarding query string")
	}
	at := strings.IndexByte(r.Filename[skip:], '?')
	if p.is(qsLast) {
		at = strings.LastIndexByte(r.Filename[skip:], '?')
	}
	if at < 0 {
		return
	}
	old := r.Filename
	added := old[skip+at+1:]
	r.Filename = old[:skip+at]
	switch {
	case !p.is(qsAppend):
		r.Args = added
	case added != "":
		r.Args = added + "&" + r.Args
	}
	r.Args = strings.TrimSuffix(r.Args, "&")
	if r.HasArgs = r.Args != ""; !r.HasArgs && added == "&" {
		r.HasArgs = true // Apache keeps a query that is empty only then
	}
	if c.traced {
		args := r.Args
		if !r.HasArgs {
			args = "<none>"
		}
		c.trace(3, "", "split uri=%s -> uri=%s, args=%s", old, r.Filename, args)
	}
}

// reduce takes our own scheme and host off the result (reduce_uri).
func (c *context) reduce() {
	r := c.r
	scheme := r.Scheme()
	rest := r.Filename
	if len(rest) <= len(scheme)+3 || !hasPrefixFold(rest, scheme+"://") {
		return
	}
	rest = rest[len(scheme)+3:]
	i := strings.IndexAny(rest, "/:")
	host, url, port := rest, "/", defaultPort(scheme)
	switch {
	case i < 0:
	case rest[i] == ':':
		host, rest = rest[:i], rest[i+1:]
		slash := strings.IndexByte(rest, '/')
		if slash < 0 {
			slash = len(rest)
		}
		port = int(uint16(atoi(rest[:slash])))
		if url = rest[slash:]; url == "" {
			url = "/"
		}
	default:
		host, url = rest[:i], rest[i:]
	}
	if !r.MatchesHost(host, port) {
		return
	}
	c.trace(3, "", "reduce %s -> %s", r.Filename, url)
	r.Filename = url
	if !serverSlot.Of(r.Server).has(legacyPrefixDocRoot) {
		r.Notes.Set(noteReduced, "true")
	}
}

// noteReduced says that a result named our own host, so that it is a URL and no file.
const noteReduced = "mod_rewrite_uri_reduced"

func defaultPort(scheme string) int {
	if scheme == "https" {
		return 443
	}
	return 80
}

// qualify puts our own scheme and host before a path (fully_qualify_uri).
func (c *context) qualify() {
	r := c.r
	if r.Method == "CONNECT" || scheme(r.Filename) > 0 {
		return
	}
	path := r.Filename
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	r.Filename = r.ConstructURL(path)
}

// badQuery tells whether a query has bytes that cannot be sent
// (ap_scan_vchar_obstext).
func badQuery(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] == 0x7f {
			return true
		}
	}
	return false
}

// replacePrefix puts subst in the place of a directory at the start of a path
// (subst_prefix_path), and tells whether the directory was there.
func replacePrefix(r *server.Request, path, dir, subst string) (string, bool) {
	rest, ok := strings.CutPrefix(path, strings.TrimSuffix(dir, "/"))
	if !ok || !strings.HasPrefix(rest, "/") {
		return path, false
	}
	rest = rest[1:]
	logf(r, 5, "", "strip matching prefix: %s -> %s", path, rest)
	out := subst
	if out != "" && !strings.HasSuffix(out, "/") {
		out += "/"
	}
	out += rest
	logf(r, 4, "", "add subst prefix: %s -> %s", rest, out)
	return out, true
}
