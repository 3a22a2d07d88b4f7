package server

import (
	"net"
	"strconv"
	"strings"
)

// DefaultAdmin is the ServerAdmin of a server without one.
const DefaultAdmin = "[no address given]"

// Scheme is "http" or "https", or what ServerName says.
func (r *Request) Scheme() string {
	if s := CoreServer.Of(r.Server).ServerScheme; s != "" {
		return s
	}
	if r.Conn.TLS {
		return "https"
	}
	return "http"
}

func (r *Request) defaultPort() int {
	if r.Scheme() == "https" {
		return 443
	}
	return 80
}

// ServerName is the name that self-referential URLs have (ap_get_server_name):
// the client's, or ServerName, as UseCanonicalName says.
func (r *Request) ServerName() string {
	c := CoreServer.Of(r.Server)
	switch CoreDir.Of(r.Dir).UseCanonicalName.Else(CanonicalOff) {
	case CanonicalOn:
		return c.ServerName
	case CanonicalDNS:
		if name := reverseLocal(r); name != "" {
			return name
		}
		return c.ServerName
	}
	if r.Hostname != "" {
		return r.Hostname
	}
	return c.ServerName
}

// ServerNameForURL is ServerName as a URL has it: an IPv6 address in brackets.
func (r *Request) ServerNameForURL() string {
	name := r.ServerName()
	if strings.Contains(name, ":") && !strings.HasPrefix(name, "[") {
		return "[" + name + "]"
	}
	return name
}

// ServerPort is the port that self-referential URLs have (ap_get_server_port).
func (r *Request) ServerPort() int {
	c := CoreServer.Of(r.Server)
	d := CoreDir.Of(r.Dir)
	physical := d.UseCanonicalPhysicalPort.Else(false)
	pick := func(ports ...int) int {
		for _, p := range ports {
			if p != 0 {
				return p
			}
		}
		return r.defaultPort()
	}
	local := 0
	if physical {
		local = int(r.Conn.Local.Port())
	}
	if d.UseCanonicalName.Else(CanonicalOff) == CanonicalOff {
		return pick(r.Port, local, c.ServerPort)
	}
	return pick(c.ServerPort, local)
}

// ConstructURL is the absolute URL of a path on this server.
func (r *Request) ConstructURL(uri string) string {
	port := r.ServerPort()
	host := r.ServerNameForURL()
	if port == r.defaultPort() {
		return r.Scheme() + "://" + host + uri
	}
	return r.Scheme() + "://" + host + ":" + strconv.Itoa(port) + uri
}

// DocumentRoot is where the request's URLs begin, a virtual one that a module set first.
func (r *Request) DocumentRoot() string {
	if r.ContextDocumentRoot != "" {
		return r.ContextDocumentRoot
	}
	return CoreServer.Of(r.Server).DocumentRoot
}

// ContextRoot is the directory of the alias that led here, else the document root.
func (r *Request) ContextRoot() string {
	if r.ContextDir != "" {
		return r.ContextDir
	}
	return r.DocumentRoot()
}

// Options is what the Options directive allows here.
func (r *Request) Options() Options { return CoreDir.Of(r.Dir).EffectiveOptions() }

func reverseLocal(r *Request) string {
	names, err := net.LookupAddr(r.Conn.LocalIP)
	if err != nil || len(names) == 0 {
		return ""
	}
	return strings.TrimSuffix(names[0], ".")
}

// Signature is the footer of generated pages behind prefix (ap_psignature).
func (r *Request) Signature(prefix string) string {
	kind := CoreDir.Of(r.Dir).ServerSignature.Else(SignatureOff)
	if kind == SignatureOff {
		return ""
	}
	name, port := EscapeHTML(r.ServerName()), strconv.Itoa(r.ServerPort())
	if kind == SignatureEmail {
		admin := CoreServer.Of(r.Server).ServerAdmin.Else(DefaultAdmin)
		return prefix + "<address>" + r.Gen.Banner() + ` Server at <a href="` + mailto(admin) + EscapeHTML(admin) + `">` +
			name + "</a> Port " + port + "</address>\n"
	}
	return prefix + "<address>" + r.Gen.Banner() + " Server at " + name + " Port " + port + "</address>\n"
}

func mailto(admin string) string {
	if strings.Contains(admin, "://") {
		return ""
	}
	return "mailto:"
}

// Banner is the Server field, shaped by ServerTokens.
func (g *Generation) Banner() string {
	major, rest, _ := strings.Cut(DonjonVersion, ".")
	minor, _, _ := strings.Cut(rest, ".")
	switch CoreServer.Of(g.Config.Main).ServerTokens {
	case TokensProductOnly:
		return "Donjon"
	case TokensMajor:
		return "Donjon/" + major
	case TokensMinor:
		return "Donjon/" + major + "." + minor
	case TokensMinimal:
		return "Donjon/" + DonjonVersion
	}
	return "Donjon/" + DonjonVersion + " (Unix)"
}

// Software is Apache's description for programs that parse it (SERVER_SOFTWARE, -v).
const Software = "Apache/" + Version + " (compatible; Donjon/" + DonjonVersion + ")"

// Built is when the program was made; the Makefile sets it.
var Built = "1970-01-01T00:00:00"
