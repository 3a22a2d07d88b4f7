package server

import (
	"net/netip"
	"strconv"
	"strings"
)

// How proxies write URLs (proxy_util.c).

// ProxyPart is a part of a URL, for [ProxyEncode] (enum enctype).
type ProxyPart uint8

const (
	ProxyPath   ProxyPart = iota // enc_path
	ProxySearch                  // enc_search
	ProxyUser                    // enc_user
	ProxyFPath                   // enc_fpath
	ProxyParm                    // enc_parm
)

var proxyAllowed = [...]string{
	ProxyPath: "~$-_.+!*'(),;:@&=", ProxySearch: "$-_.!*'(),;:@&=", ProxyUser: "$-_.+!*'(),;@&=",
	ProxyFPath: "$-_.+!*'(),?:@&=", ProxyParm: "$-_.+!*'(),?/:@&=",
}

var proxyReserved = [...]string{ProxyPath: "/", ProxySearch: "+", ProxyParm: ""}

// ProxyEncode writes a part of a URL in its canonical form (ap_proxy_canonenc_ex).
// With decode it is decoded first, where that does not change its meaning; with
// keepEncoded (for the forms of mod_proxy that map encoded slashes) %2F stays.
// It is false for a bad escape.
func ProxyEncode(s string, part ProxyPart, decode, keepEncoded bool) (string, bool) {
	allowed, reserved := proxyAllowed[part], proxyReserved[part]
	clean := true
	for i := 0; i < len(s) && clean; i++ {
		c := s[i]
		clean = isAlnum(c) || strings.IndexByte(allowed, c) >= 0 || strings.IndexByte(reserved, c) >= 0
	}
	if clean {
		return s, true
	}
	b := make([]byte, 0, len(s)+16)
	for i := 0; i < len(s); i++ {
		c := s[i]
		if strings.IndexByte(reserved, c) >= 0 {
			b = append(b, c)
			continue
		}
		if keepEncoded && c == '%' && i+2 < len(s) && s[i+1] == '2' && s[i+2]|0x20 == 'f' {
			b = append(b, s[i:i+3]...)
			i += 2
			continue
		}
		if decode && c == '%' {
			if i+2 >= len(s) || hexValue(s[i+1]) < 0 || hexValue(s[i+2]) < 0 {
				return "", false
			}
			c = byte(hexValue(s[i+1])<<4 | hexValue(s[i+2]))
			i += 2
			if c != 0 && strings.IndexByte(reserved, c) >= 0 {
				b = appendEscape(b, c)
				continue
			}
		}
		if isAlnum(c) || strings.IndexByte(allowed, c) >= 0 {
			b = append(b, c)
		} else {
			b = appendEscape(b, c)
		}
	}
	return string(b), true
}

func isAlnum(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

func appendEscape(b []byte, c byte) []byte {
	const digits = "0123456789ABCDEF"
	return append(b, '%', digits[c>>4], digits[c&15])
}

// ProxyNetloc takes apart what stands behind a scheme's colon: "//host:port/path".
// path is without its first slash; port is 0 when none is given. problem is
// Apache's sentence, "" for none (ap_proxy_canon_netloc).
func ProxyNetloc(url string, userAllowed bool) (user, password, host string, port int, path, problem string) {
	if !strings.HasPrefix(url, "//") {
		return "", "", "", 0, "", "Malformed URL"
	}
	host, path, _ = strings.Cut(url[2:], "/")
	if i := strings.LastIndexByte(host, '@'); i >= 0 {
		login := host[:i]
		host = host[i+1:]
		var ok bool
		user, password, _ = strings.Cut(login, ":")
		if password, ok = ProxyEncode(password, ProxyUser, true, false); !ok {
			return "", "", "", 0, "", "Bad %-escape in URL (password)"
		}
		if user, ok = ProxyEncode(user, ProxyUser, true, false); !ok {
			return "", "", "", 0, "", "Bad %-escape in URL (username)"
		}
		if !userAllowed {
			user, password = "", ""
		}
	}
	host, port, ok := splitAddrPort(host)
	if !ok {
		return "", "", "", 0, "", "Invalid host/port"
	}
	return user, password, LowerASCII(host), port, path, ""
}

// splitAddrPort is apr_parse_addr_port for one that must name a host.
func splitAddrPort(s string) (host string, port int, ok bool) {
	digits := len(s)
	for digits > 0 && s[digits-1] >= '0' && s[digits-1] <= '9' {
		digits--
	}
	if digits == 0 {
		return "", 0, false // only a port
	}
	host = s
	if digits < len(s)+1 && s[digits-1] == ':' {
		if digits == len(s) {
			return "", 0, false // a colon at the end
		}
		n, err := strconv.Atoi(s[digits:])
		if err != nil || n < 1 || n > 65535 {
			return "", 0, false
		}
		host, port = s[:digits-1], n
	}
	if strings.HasPrefix(host, "[") {
		inner, rest, found := strings.Cut(host[1:], "]")
		a, err := netip.ParseAddr(inner)
		if !found || rest != "" || err != nil || !a.Is6() || a.Zone() != "" {
			return "", 0, false
		}
		return inner, port, true
	}
	return host, port, host != "" && strings.IndexByte(host, ':') < 0
}

// ProxyPathOf writes the path of a URL, without its first slash, as it is asked
// for, and the query behind it, with its "?" (the canon handlers of mod_proxy's
// companions). badPath and badQuery are the numbers of their log lines.
func (r *Request) ProxyPathOf(path string, log *Log, badPath, badQuery string) (p, query string, s Status) {
	if !visible(r.Method) { // HttpProtocolOptions Unsafe takes anything for one
		log.Error(r).Msgf("%s: To be forwarded method contains control characters or spaces", badPath)
		return "", "", 400
	}
	raw := true
	switch {
	case r.Forward, r.Notes.Has("proxy-nocanon"):
	case r.Notes.Has("proxy-noencode"):
		query = r.queryPart()
	default:
		d := CoreDir.Of(r.Dir)
		var ok bool
		if path, ok = ProxyEncode(path, ProxyPath, r.Forward, d.AllowEncodedSlashes && !d.DecodeEncodedSlashes); !ok {
			return "", "", 400
		}
		raw = false
		query = r.queryPart()
	}
	if raw && !visible(path) {
		log.Error(r).Msgf("%s: To be forwarded path contains control characters or spaces", badPath)
		return "", "", 403
	}
	if !visible(query) {
		log.Error(r).Msgf("%s: To be forwarded query string contains control characters or spaces", badQuery)
		return "", "", 403
	}
	return path, query, OK
}

func (r *Request) queryPart() string {
	if !r.HasArgs {
		return ""
	}
	return "?" + r.Args
}

// visible tells whether there are no control characters and no spaces.
func visible(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] == 0x7f {
			return false
		}
	}
	return true
}

// ProxyHostPort writes an authority: an IPv6 address in brackets, the port
// unless it is the scheme's.
func ProxyHostPort(host string, port, defaultPort int) string {
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port != 0 && port != defaultPort {
		host += ":" + strconv.Itoa(port)
	}
	return host
}
