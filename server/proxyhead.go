package server

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// ProxyHead is what the head of a forwarded request begins with: the request
// line and the fields, without those about the body and the connection
// (ap_proxy_create_hdrbrgd).
type ProxyHead struct {
	Target   string // what stands in the request line
	Host     string // of the target, for the Host field
	Continue bool   // Expect: 100-continue is to be asked for
	HTTP10   bool   // force-proxy-request-1.0
}

// viaName is the server's name in Via fields, with its port where that is not
// the scheme's.
func (r *Request) viaName() string {
	name := r.ServerName()
	if name == r.Hostname {
		name = CoreServer.Of(r.Server).ServerName
	}
	if port := r.ServerPort(); port != r.defaultPort() {
		name += ":" + strconv.Itoa(port)
	}
	return name
}

// ProxyViaField is what this server adds to Via: "1.1 name (comment)".
func (r *Request) ProxyViaField(how ProxyVia) string {
	v := strconv.Itoa(r.ProtoMajor) + "." + strconv.Itoa(r.ProtoMinor) + " " + r.viaName()
	if how == ProxyViaFull {
		v += " (" + r.Gen.Banner() + ")"
	}
	return v
}

// added is a field that the proxy adds to, or appends.
type added struct {
	name, value string
	done        bool
}

// AppendHead writes the beginning of a forwarded request behind b.
func (c *ProxyCall) AppendHead(b []byte, h ProxyHead) []byte {
	r, dir := c.R, ProxyDir.Of(c.R.Dir)
	b = append(b, r.Method...)
	b = append(b, ' ')
	b = append(b, h.Target...)
	if h.HTTP10 {
		b = append(b, " HTTP/1.0\r\nHost: "...)
	} else {
		b = append(b, " HTTP/1.1\r\nHost: "...)
	}
	saved := r.Header.Get("Host")
	if !dir.PreserveHost.Else(false) {
		b = append(b, h.Host...)
	} else {
		if saved == "" {
			name := CoreServer.Of(r.Server).ServerName
			proxylog.Warn(r).Msgf("AH01092: no HTTP 0.9 request (with no host line) on incoming request and preserve host set forcing hostname to be %s for uri %s", name, r.URI)
			saved = name
		}
		b = appendValue(b, saved)
	}
	b = append(b, "\r\n"...)

	var buf [5]added
	adds := buf[:0]
	via := c.Conf.Via.Else(ProxyViaOff)
	if via == ProxyViaOn || via == ProxyViaFull {
		adds = append(adds, added{name: "Via", value: r.ProxyViaField(via)})
	}
	if h.Continue && !strings.Contains(LowerASCII(r.Header.Get("Expect")), "100-continue") {
		adds = append(adds, added{name: "Expect", value: "100-Continue"})
	}
	if dir.AddHeaders.Else(true) && !r.Forward {
		adds = append(adds, added{name: "X-Forwarded-For", value: r.ClientIP})
		if host, ok := r.Header["Host"]; ok && len(host) > 0 {
			adds = append(adds, added{name: "X-Forwarded-Host", value: host[0]})
		}
		adds = append(adds, added{name: "X-Forwarded-Server", value: CoreServer.Of(r.Server).ServerName})
	}

	connection := r.Header["Connection"]
	for i, name := range r.FieldOrder {
		key := http.CanonicalHeaderKey(name)
		values := r.Header[key]
		if len(values) == 0 || c.dropped(key, h, via, connection) || slices.Contains(r.FieldOrder[:i], name) {
			continue
		}
		b = append(b, name...)
		b = append(b, ": "...)
		b = appendValue(b, values[0])
		for _, v := range values[1:] {
			b = append(b, ", "...)
			b = appendValue(b, v)
		}
		for k := range adds {
			if !adds[k].done && adds[k].name == key {
				b = append(append(b, ", "...), adds[k].value...)
				adds[k].done = true
			}
		}
		b = append(b, "\r\n"...)
	}
	for _, a := range adds {
		if !a.done {
			b = append(b, a.name...)
			b = append(b, ": "...)
			b = appendValue(b, a.value)
			b = append(b, "\r\n"...)
		}
	}
	return b
}

// appendValue writes a field's value behind b. With HttpProtocolOptions Unsafe
// it may have come with a CR or NUL in it, at which somebody's line ends: such is
// replaced by a space (RFC 9110 section 5.5).
func appendValue(b []byte, v string) []byte {
	if strings.IndexByte(v, '\r') < 0 && strings.IndexByte(v, 0) < 0 && strings.IndexByte(v, '\n') < 0 {
		return append(b, v...)
	}
	for i := 0; i < len(v); i++ {
		if c := v[i]; c == '\r' || c == '\n' || c == 0 {
			b = append(b, ' ')
		} else {
			b = append(b, c)
		}
	}
	return b
}

// framesAsUnderscore tells whether a field is taken for one about the length of
// the body by those who do not tell an underscore from a hyphen, as programs do that
// know fields as variables of an environment.
func framesAsUnderscore(key string) bool {
	if strings.IndexByte(key, '_') < 0 {
		return false
	}
	name := strings.ReplaceAll(key, "_", "-")
	return equalFold(name, "Content-Length") || equalFold(name, "Transfer-Encoding")
}

// dropped tells whether a field of the request is not sent on: those about one
// connection, about the body, which is framed anew, and those that the proxy
// itself has answered.
func (c *ProxyCall) dropped(key string, h ProxyHead, via ProxyVia, connection []string) bool {
	r := c.R
	switch key {
	case "Host", "Transfer-Encoding", "Content-Length", "Connection", "Proxy-Connection", "Keep-Alive", "Upgrade", "Trailer", "Te":
		return true
	case "Via":
		return via == ProxyViaBlock
	case "Expect":
		return !h.Continue
	case "Proxy-Authorization":
		return r.User != "" && !r.Env.Has("Proxy-Chain-Auth")
	case "If-Match", "If-Modified-Since", "If-Range", "If-Unmodified-Since", "If-None-Match":
		if r.Main != nil {
			return true
		}
	}
	for _, list := range connection {
		if connectionNames(list, key) {
			return true
		}
	}
	return framesAsUnderscore(key)
}

// connectionNames tells whether a Connection field names a field.
func connectionNames(list, key string) bool {
	if len(list) < len(key) {
		return false
	}
	for list != "" {
		var token string
		token, list = connectionToken(list)
		if equalFold(token, key) {
			return true
		}
	}
	return false
}

// connectionToken takes the first token off a Connection field.
func connectionToken(list string) (token, rest string) {
	list = strings.TrimLeft(list, ",; \t")
	end := strings.IndexAny(list, ",; \t")
	if end < 0 {
		return list, ""
	}
	return list[:end], strings.TrimLeft(list[end:], ",; \t")
}

// ClearConnection removes the fields that Connection names from a response, and
// Connection itself, and tells whether "close" was among them
// (ap_proxy_clear_connection).
func ClearConnection(t *Fields) (closes bool) {
	t.Unset("Proxy-Connection")
	var names []string
	for _, f := range t.All() {
		if !equalFold(f.Name, "Connection") {
			continue
		}
		for list := f.Value; list != ""; {
			var token string
			if token, list = connectionToken(list); token != "" {
				names = append(names, token)
				closes = closes || equalFold(token, "close")
			}
		}
	}
	t.Unset("Connection")
	for _, n := range names {
		t.Unset(n)
	}
	return closes
}

// Overrides tells whether ProxyErrorOverride takes a status of the backend's
// (ap_proxy_should_override).
func (d *ProxyDirConfig) Overrides(status int) bool {
	if !d.ErrorOverride.Else(false) {
		return false
	}
	if len(d.OverrideCodes) == 0 {
		return status >= 400 && status < 600
	}
	return slices.Contains(d.OverrideCodes, status)
}

// Blocked tells whether ProxyBlock forbids to connect to a host
// (ap_proxy_checkproxyblock2). Addresses of a host that is asked through another
// proxy are not looked at.
func (c *ProxyCall) Blocked(host string) bool {
	for _, b := range c.Conf.Blocked {
		proxylog.Trace(2, c.R).Msgf("checking remote machine [%s] against [%s]", host, b.Name)
		if strings.Contains(host, b.Name) || strings.HasPrefix(b.Name, "*") {
			proxylog.Warn(c.R).Msgf("AH00916: connect to remote machine %s blocked: name %s matched", host, b.Name)
			return true
		}
		if c.Remote != nil || len(b.Addrs) == 0 {
			continue
		}
		conn := ProxyConn{Hostname: host}
		addrs, err := c.lookup(&conn)
		if err != nil {
			continue
		}
		for _, a := range addrs {
			if slices.Contains(b.Addrs, a.Unmap()) {
				proxylog.Warn(c.R).Msgf("AH00917: connect to remote machine %s blocked: IP %s matched", host, a)
				return true
			}
		}
	}
	return false
}

// Truncate ends a response whose head is out but whose body cannot be completed:
// the connection is closed without its end, so that the client notices.
func (r *Request) Truncate() {
	r.ended = true
	if top := r.Top(); top != r {
		top.ended = true
	}
	r.Conn.Close = true
	r.Exchange.Drop()
}

// Abandon ends a request without any response: the connection is closed, so that
// the client may ask again. status is for the log.
func (r *Request) Abandon(status int) {
	r.Status, r.StatusLine = status, ""
	r.HeadSent = true
	r.Truncate()
}
