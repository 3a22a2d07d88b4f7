package ssl

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net"
	"runtime"
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

const versionTLS13 = tls.VersionTLS13

// variableOf is a variable of the connection by its name, which has "SSL_" in
// front or is HTTPS.
func variableOf(r *server.Request, name string) string {
	s := of(r.Conn)
	if s == nil || s.http {
		switch name {
		case "SSL_VERSION_INTERFACE":
			return "mod_ssl/" + server.Version
		case "HTTPS":
			return "off"
		}
		return ""
	}
	return s.lookup(r, name)
}

// stdVars are what StdEnvVars gives to programs, in Apache's order
// (ssl_hook_Fixup_vars).
var stdVars = []string{
	"SSL_VERSION_INTERFACE", "SSL_VERSION_LIBRARY", "SSL_PROTOCOL", "SSL_SECURE_RENEG", "SSL_COMPRESS_METHOD",
	"SSL_CIPHER", "SSL_CIPHER_EXPORT", "SSL_CIPHER_USEKEYSIZE", "SSL_CIPHER_ALGKEYSIZE",
	"SSL_CLIENT_VERIFY", "SSL_CLIENT_M_VERSION", "SSL_CLIENT_M_SERIAL", "SSL_CLIENT_V_START", "SSL_CLIENT_V_END",
	"SSL_CLIENT_V_REMAIN", "SSL_CLIENT_S_DN", "SSL_CLIENT_I_DN", "SSL_CLIENT_A_KEY", "SSL_CLIENT_A_SIG",
	"SSL_CLIENT_CERT_RFC4523_CEA",
	"SSL_SERVER_M_VERSION", "SSL_SERVER_M_SERIAL", "SSL_SERVER_V_START", "SSL_SERVER_V_END", "SSL_SERVER_S_DN",
	"SSL_SERVER_I_DN", "SSL_SERVER_A_KEY", "SSL_SERVER_A_SIG", "SSL_SESSION_ID", "SSL_SESSION_RESUMED",
}

// environment puts the variables of StdEnvVars and ExportCertData into the
// request's environment.
func (s *session) environment(r *server.Request, o optSet) {
	if o.has(optStdEnvVars) {
		for _, name := range stdVars {
			if v := s.lookup(r, name); v != "" {
				r.Env.Set(name, v)
			}
		}
		s.eachName("SSL_SERVER_", s.leaf(), r.Env.Set)
		if p := s.state.PeerCertificates; len(p) > 0 {
			s.eachName("SSL_CLIENT_", p[0], r.Env.Set)
		}
	}
	if o.has(optExportCertData) {
		r.Env.Set("SSL_SERVER_CERT", pemOf(s.leaf()))
		for i, c := range s.state.PeerCertificates {
			if i == 0 {
				r.Env.Set("SSL_CLIENT_CERT", pemOf(c))
			}
			r.Env.Set("SSL_CLIENT_CERT_CHAIN_"+strconv.Itoa(i), pemOf(c))
		}
	}
}

func pemOf(c *x509.Certificate) string {
	if c == nil {
		return ""
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
}

// lookup is ssl_var_lookup.
func (s *session) lookup(r *server.Request, name string) string {
	switch name {
	case "HTTPS":
		return "on"
	case "SSL_VERSION_INTERFACE":
		return "mod_ssl/" + server.Version
	case "SSL_VERSION_LIBRARY":
		return "Go/" + strings.TrimPrefix(runtime.Version(), "go")
	case "SSL_PROTOCOL":
		return versionName(s.state.Version)
	case "SSL_SESSION_ID":
		return s.id
	case "SSL_SESSION_RESUMED":
		if s.state.DidResume {
			return "Resumed"
		}
		return "Initial"
	case "SSL_TLS_SNI":
		return s.name
	case "SSL_SECURE_RENEG":
		return strconv.FormatBool(s.state.Version < versionTLS13)
	case "SSL_COMPRESS_METHOD":
		return "NULL"
	case "SSL_CIPHER", "SSL_CIPHER_EXPORT", "SSL_CIPHER_USEKEYSIZE", "SSL_CIPHER_ALGKEYSIZE":
		c, ok := suiteOf(s.state.CipherSuite)
		switch {
		case !ok:
			return ""
		case name == "SSL_CIPHER":
			return c.name
		case name == "SSL_CIPHER_EXPORT":
			return "false"
		}
		return strconv.Itoa(c.bits)
	case "SSL_CLIENT_VERIFY":
		return s.verifyOK
	}
	if rest, ok := strings.CutPrefix(name, "SSL_CLIENT_CERT_CHAIN_"); ok {
		if i, err := strconv.Atoi(rest); err == nil && i >= 0 && i < len(s.state.PeerCertificates) {
			return pemOf(s.state.PeerCertificates[i])
		}
		return ""
	}
	if rest, ok := strings.CutPrefix(name, "SSL_CLIENT_"); ok && len(s.state.PeerCertificates) > 0 {
		return certificateVar(s.state.PeerCertificates[0], rest)
	}
	if rest, ok := strings.CutPrefix(name, "SSL_SERVER_"); ok {
		if c := s.leaf(); c != nil {
			return certificateVar(c, rest)
		}
	}
	return ""
}

// certificateVar is what stands behind SSL_CLIENT_ or SSL_SERVER_.
func certificateVar(c *x509.Certificate, name string) string {
	switch name {
	case "M_VERSION":
		return strconv.Itoa(c.Version)
	case "M_SERIAL":
		s := strings.ToUpper(c.SerialNumber.Text(16))
		if len(s)%2 == 1 {
			s = "0" + s
		}
		return s
	case "V_START":
		return c.NotBefore.UTC().Format(asn1Time)
	case "V_END":
		return c.NotAfter.UTC().Format(asn1Time)
	case "V_REMAIN":
		return strconv.Itoa(max(int(c.NotAfter.Sub(now()).Hours()/24), 0))
	case "S_DN":
		return distinguished(c.RawSubject)
	case "I_DN":
		return distinguished(c.RawIssuer)
	case "A_SIG":
		return signatureName(c.SignatureAlgorithm)
	case "A_KEY":
		switch keyKind(c.PublicKey) {
		case "RSA":
			return "rsaEncryption"
		case "ECC":
			return "id-ecPublicKey"
		case "ED25519":
			return "ED25519"
		}
		return "UNKNOWN"
	case "CERT":
		return pemOf(c)
	case "CERT_RFC4523_CEA":
		return fmt.Sprintf("{ serialNumber %s, issuer rdnSequence:%q }", c.SerialNumber.String(), distinguished(c.RawIssuer))
	}
	for prefix, raw := range map[string][]byte{"S_DN_": c.RawSubject, "I_DN_": c.RawIssuer} {
		if attribute, ok := strings.CutPrefix(name, prefix); ok {
			return nameAttribute(raw, attribute)
		}
	}
	if rest, ok := strings.CutPrefix(name, "SAN_"); ok {
		kind, number, _ := cutLast(rest, "_")
		i, err := strconv.Atoi(number)
		if list := alternatives(c, kind); err == nil && i >= 0 && i < len(list) {
			return list[i]
		}
	}
	return ""
}

const asn1Time = "Jan _2 15:04:05 2006 GMT"

func cutLast(s, sep string) (before, after string, ok bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

func cutPort(s string) (host, port string, ok bool) {
	if h, p, err := net.SplitHostPort(s); err == nil {
		return h, p, true
	}
	return s, "", false
}

// alternatives are the subject's other names of a kind.
func alternatives(c *x509.Certificate, kind string) []string {
	switch kind {
	case "DNS":
		return c.DNSNames
	case "Email":
		return c.EmailAddresses
	}
	return nil
}

// shortNames are OpenSSL's short names of attributes, and Apache's for variables.
var shortNames = map[string]string{
	"2.5.4.6": "C", "2.5.4.8": "ST", "2.5.4.7": "L", "2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.3": "CN", "2.5.4.12": "T",
	"2.5.4.43": "I", "2.5.4.42": "G", "2.5.4.4": "S", "2.5.4.13": "D", "2.5.4.5": "serialNumber", "2.5.4.46": "dnQualifier",
	"1.2.840.113549.1.9.1": "emailAddress", "0.9.2342.19200300.100.1.1": "UID", "0.9.2342.19200300.100.1.25": "DC",
}

// attributeOf is the object that a variable's name means (ssl_var_lookup_ssl_cert_dn_rec).
var attributeOf = map[string]string{"Email": "1.2.840.113549.1.9.1", "ST": "2.5.4.8", "SP": "2.5.4.8"}

func init() {
	for oid, name := range shortNames {
		if _, taken := attributeOf[name]; !taken {
			attributeOf[name] = oid
		}
	}
}

// names are the attributes of a distinguished name in order.
func names(raw []byte) []pkix.AttributeTypeAndValue {
	var seq pkix.RDNSequence
	if _, err := unmarshal(raw, &seq); err != nil {
		return nil
	}
	var list []pkix.AttributeTypeAndValue
	for _, set := range seq {
		list = append(list, set...)
	}
	return list
}

// nameAttribute is an attribute by Apache's name, with _N the N-th of its kind
// and with _RAW as it is.
func nameAttribute(raw []byte, attribute string) string {
	attribute = strings.TrimSuffix(attribute, "_RAW")
	kind, number, numbered := cutLast(attribute, "_")
	n := 0
	if numbered {
		var err error
		if n, err = strconv.Atoi(number); err != nil {
			return ""
		}
	}
	oid, ok := attributeOf[kind]
	if !ok {
		return ""
	}
	for _, a := range names(raw) {
		if a.Type.String() == oid {
			if n == 0 {
				return fmt.Sprint(a.Value)
			}
			n--
		}
	}
	return ""
}

// distinguished is a name as RFC 2253 writes it: last attribute first.
func distinguished(raw []byte) string {
	list := names(raw)
	var b strings.Builder
	for i := len(list) - 1; i >= 0; i-- {
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		name := shortNames[list[i].Type.String()]
		if name == "" {
			name = list[i].Type.String()
		}
		b.WriteString(name + "=" + escape2253(fmt.Sprint(list[i].Value)))
	}
	return b.String()
}

func escape2253(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if strings.IndexByte(`,+"\<>;`, c) >= 0 || i == 0 && (c == '#' || c == ' ') || i == len(s)-1 && c == ' ' {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	return b.String()
}

// oneline is OpenSSL's old form: /C=DE/CN=someone.
func oneline(n pkix.Name) string {
	var b strings.Builder
	for _, a := range n.Names {
		name := shortNames[a.Type.String()]
		if name == "" {
			name = a.Type.String()
		}
		b.WriteString("/" + name + "=" + fmt.Sprint(a.Value))
	}
	return b.String()
}

// eachName gives the attributes of subject and issuer and the other names.
func (s *session) eachName(prefix string, c *x509.Certificate, set func(name, value string)) {
	if c == nil {
		return
	}
	for part, raw := range map[string][]byte{"S_DN_": c.RawSubject, "I_DN_": c.RawIssuer} {
		count := map[string]int{}
		for _, a := range names(raw) {
			name := shortNames[a.Type.String()]
			switch name {
			case "":
				continue
			case "emailAddress":
				name = "Email"
			}
			key := prefix + part + name
			if n := count[name]; n > 0 {
				set(key+"_"+strconv.Itoa(n), fmt.Sprint(a.Value))
			} else {
				set(key, fmt.Sprint(a.Value))
			}
			count[name]++
		}
	}
	for i, v := range c.EmailAddresses {
		set(fmt.Sprintf("%sSAN_Email_%d", prefix, i), v)
	}
	for i, v := range c.DNSNames {
		set(fmt.Sprintf("%sSAN_DNS_%d", prefix, i), v)
	}
}

func signatureName(a x509.SignatureAlgorithm) string {
	switch a {
	case x509.SHA1WithRSA:
		return "sha1WithRSAEncryption"
	case x509.SHA256WithRSA:
		return "sha256WithRSAEncryption"
	case x509.SHA384WithRSA:
		return "sha384WithRSAEncryption"
	case x509.SHA512WithRSA:
		return "sha512WithRSAEncryption"
	case x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS:
		return "rsassaPss"
	case x509.ECDSAWithSHA1:
		return "ecdsa-with-SHA1"
	case x509.ECDSAWithSHA256:
		return "ecdsa-with-SHA256"
	case x509.ECDSAWithSHA384:
		return "ecdsa-with-SHA384"
	case x509.ECDSAWithSHA512:
		return "ecdsa-with-SHA512"
	case x509.PureEd25519:
		return "ED25519"
	}
	return "UNKNOWN"
}

// logVariable is %{NAME}x.
func logVariable(dst []byte, r *server.Request, name string) ([]byte, bool) {
	v := variableOf(r, name)
	if v == "" {
		return dst, false
	}
	return append(dst, v...), true
}

// logCompatible is %{name}c of mod_ssl's first releases.
func logCompatible(dst []byte, r *server.Request, name string) ([]byte, bool) {
	s := of(r.Conn)
	if s == nil || s.http {
		return dst, false
	}
	v := ""
	switch name {
	case "version":
		v = s.lookup(r, "SSL_PROTOCOL")
	case "cipher":
		v = s.lookup(r, "SSL_CIPHER")
	case "subjectdn", "clientcert":
		v = s.lookup(r, "SSL_CLIENT_S_DN")
	case "issuerdn", "cacert":
		v = s.lookup(r, "SSL_CLIENT_I_DN")
	case "errcode":
		v = "-"
	}
	if v == "" {
		return dst, false
	}
	return append(dst, v...), true
}

func basic(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// unbasic is the user and password of an Authorization field.
func unbasic(field string) (user, password string) {
	scheme, code, _ := strings.Cut(field, " ")
	if !strings.EqualFold(scheme, "Basic") {
		return "", ""
	}
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(code))
	if err != nil {
		return "", ""
	}
	user, password, _ = strings.Cut(string(b), ":")
	return user, password
}

// matchesCN tells whether the subject's common name is the host's.
func matchesCN(c *x509.Certificate, host string) bool {
	cn := c.Subject.CommonName
	if strings.EqualFold(cn, host) {
		return true
	}
	rest, ok := strings.CutPrefix(cn, "*.")
	_, domain, _ := strings.Cut(host, ".")
	return ok && domain != "" && strings.EqualFold(rest, domain)
}
