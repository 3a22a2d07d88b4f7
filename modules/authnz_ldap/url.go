package authnz_ldap

import (
	"errors"
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

const urlUsage = "URL to define LDAP connection. This should be an RFC 2255 compliant\n" +
	"URL of the form ldap://host[:port]/basedn[?attrib[?scope[?filter]]].\n" +
	"<ul>\n" +
	"<li>Host is the name of the LDAP server. Use a space separated list of hosts \n" +
	"to specify redundant servers.\n" +
	"<li>Port is optional, and specifies the port to connect to.\n" +
	"<li>basedn specifies the base DN to start searches from\n" +
	"<li>Attrib specifies what attribute to search for in the directory. If not provided, it defaults to <b>uid</b>.\n" +
	"<li>Scope is the scope of the search, and can be either <b>sub</b> or <b>one</b>. If not provided, the default is <b>sub</b>.\n" +
	"<li>Filter is a filter to use in the search. If not provided, defaults to <b>(objectClass=*)</b>.\n" +
	"</ul>\n" +
	"Searches are performed using the attribute and the filter combined. For example, assume that the\n" +
	"LDAP URL is <b>ldap://ldap.airius.com/ou=People, o=Airius?uid?sub?(posixid=*)</b>. Searches will\n" +
	"be done using the filter <b>(&((posixid=*))(uid=<i>username</i>))</b>, where <i>username</i>\n" +
	"is the user name passed by the HTTP client. The search will be a subtree search on the branch <b>ou=People, o=Airius</b>."

// address is what an AuthLDAPURL says.
type address struct {
	url      string // as written; what is remembered of a directory belongs to it
	hosts    string // between blanks; where there are several AuthLDAPURL, those of all
	port     int
	base     string
	attrs    []string // the first is the user's name
	scope    int      // 1 one level, 2 all below
	filter   string   // without the parentheses around it
	security server.LDAPSecurity
}

// attribute is that of the user's name.
func (a *address) attribute() string {
	if len(a.attrs) == 0 {
		return "uid"
	}
	return a.attrs[0]
}

func (c *config) setURL(_ *directives.Cmd, url, mode string) error {
	a, err := parseURL(url)
	if err != nil {
		return err
	}
	if c.where != nil {
		a.hosts = strings.TrimSpace(a.hosts + " " + c.where.hosts)
		if a.security == server.LDAPTrusted {
			a.security = c.where.security
		}
	} else if a.hosts == "" {
		a.hosts = "localhost"
	}
	switch strings.ToUpper(mode) {
	case "":
	case "NONE":
		a.security = server.LDAPClear
	case "SSL":
		a.security = server.LDAPSSL
	case "TLS", "STARTTLS":
		a.security = server.LDAPStartTLS
	default:
		return errors.New("Invalid LDAP connection mode setting: must be one of NONE, SSL, or TLS/STARTTLS")
	}
	if len(url) >= 5 && strings.EqualFold(url[:5], "ldaps") {
		a.security = server.LDAPSSL
	}
	c.where = a
	return nil
}

var schemes = []struct {
	name string
	port int
}{{"ldap://", 389}, {"ldapi://", 389}, {"ldaps://", 636}}

var (
	errScheme     = errors.New("The scheme was not recognised as a valid LDAP URL scheme.")
	errEnclosure  = errors.New("Bad enclosure error while parsing LDAP URL.")
	errURL        = errors.New("Bad LDAP URL while parsing.")
	errIPv6       = errors.New("Bad LDAP URL while parsing IPV6 syntax.")
	errScope      = errors.New("Bad scope encountered while parsing LDAP URL.")
	errParts      = errors.New("Bad URL encountered while parsing LDAP URL.")
	errExtensions = errors.New("Bad extensions encountered while parsing LDAP URL.")
)

// parseURL reads an address as apr_ldap_url_parse does (RFC 4516, and hosts
// between blanks).
func parseURL(text string) (*address, error) {
	s := text
	enclosed := strings.HasPrefix(s, "<")
	s = strings.TrimPrefix(s, "<")
	if len(s) >= 4 && strings.EqualFold(s[:4], "URL:") {
		s = s[4:]
	}
	a := &address{url: text, scope: 2, filter: "objectclass=*"}
	found := false
	for _, k := range schemes {
		if len(s) >= len(k.name) && strings.EqualFold(s[:len(k.name)], k.name) {
			s, a.port, found = s[len(k.name):], k.port, true
			break
		}
	}
	if !found {
		return nil, errScheme
	}
	if enclosed {
		if !strings.HasSuffix(s, ">") {
			return nil, errEnclosure
		}
		s = strings.TrimSuffix(s, ">")
	}
	hosts, rest, more := strings.Cut(s, "/")
	if err := a.setHosts(hosts); err != nil {
		return nil, err
	}
	if !more {
		return a, nil
	}
	parts := strings.Split(rest, "?")
	part := func(i int) string {
		if i < len(parts) {
			return unescape(parts[i])
		}
		return ""
	}
	a.base = part(0)
	for _, n := range strings.Split(part(1), ",") {
		if n != "" {
			a.attrs = append(a.attrs, n)
		}
	}
	switch strings.ToLower(part(2)) {
	case "", "sub", "subtree", "base":
		// Apache looks below the base where the address says that it should not.
	case "one", "onelevel", "onetree":
		a.scope = 1
	default:
		return nil, errScope
	}
	if f := part(3); f != "" {
		a.filter = f
		if inner, ok := strings.CutPrefix(f, "("); ok {
			a.filter = inner[:max(len(inner)-1, 0)]
		}
	}
	if len(parts) > 4 {
		if len(parts) > 5 {
			return nil, errParts
		}
		if part(4) == "" {
			return nil, errExtensions
		}
	}
	return a, nil
}

func (a *address) setHosts(s string) error {
	from := 0
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 {
			return errIPv6
		}
		from = end
	}
	if colon := strings.LastIndexByte(s[from:], ':'); colon >= 0 {
		port := unescape(s[from+colon+1:])
		if port == "" {
			return errURL
		}
		a.port = atoi(port)
	}
	a.hosts = unescape(s)
	return nil
}

// unescape decodes %xx; what is none stays.
func unescape(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(n))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// atoi reads a number as C does: 0 for what is none.
func atoi(s string) int {
	s = strings.TrimLeft(s, " \t\n\v\f\r")
	end := 0
	for end < len(s) && (s[end] >= '0' && s[end] <= '9' || end == 0 && (s[0] == '-' || s[0] == '+')) {
		end++
	}
	n, _ := strconv.Atoi(s[:end])
	return n
}
