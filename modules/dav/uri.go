package dav

import "strings"

// uri is one taken apart as apr_uri_parse does, which allows almost any byte.
type uri struct {
	scheme, port, path string
	rest               string // query and fragment, with what begins them
}

// splitURI takes a URI apart; ok is false where its port is no number.
func splitURI(s string) (u uri, ok bool) {
	if scheme, rest, found := strings.Cut(s, ":"); found && scheme != "" && !strings.ContainsAny(scheme, "/?#") {
		u.scheme, s = scheme, rest
	}
	if at := strings.IndexAny(s, "?#"); at >= 0 {
		s, u.rest = s[:at], s[at:]
	}
	u.path = s
	host, found := strings.CutPrefix(s, "//")
	if !found {
		return u, true
	}
	u.path = ""
	if at := strings.IndexByte(host, '/'); at >= 0 {
		host, u.path = host[:at], host[at:]
	}
	host = host[strings.LastIndexByte(host, '@')+1:]
	host = host[strings.LastIndexByte(host, ']')+1:]
	_, u.port, _ = strings.Cut(host, ":")
	return u, strings.Trim(u.port, "0123456789") == ""
}

// schemePorts are the ports that apr_uri_port_of_scheme knows.
var schemePorts = map[string]string{"acap": "674", "ftp": "21", "gopher": "70", "http": "80", "https": "443", "imap": "143",
	"ldap": "389", "nfs": "2049", "nntp": "119", "pop": "110", "prospero": "191", "rtsp": "554", "sip": "5060", "snews": "563",
	"ssh": "22", "telnet": "23", "tip": "3372", "wais": "210"}
