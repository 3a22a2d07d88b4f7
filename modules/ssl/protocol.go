package ssl

import (
	"crypto/tls"
	"errors"
	"fmt"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
)

// protocols is a set of versions.
type protocols uint8

const (
	tls10 protocols = 1 << iota
	tls11
	tls12
	tls13
	allProtocols = tls10 | tls11 | tls12 | tls13
)

var protocolNames = map[string]protocols{"tlsv1": tls10, "tlsv1.1": tls11, "tlsv1.2": tls12, "tlsv1.3": tls13, "all": allProtocols}

// setProtocols reads the list of SSLProtocol (ssl_cmd_protocol_parse).
func setProtocols(to *directives.Opt[protocols], cmd *directives.Cmd, args string) error {
	var p protocols
	for _, w := range httpdconf.Words(args) {
		name, action := w, byte(0)
		if w != "" && (w[0] == '+' || w[0] == '-') {
			action, name = w[0], w[1:]
		}
		bit, ok := protocolNames[strings.ToLower(name)]
		switch {
		case strings.EqualFold(name, "SSLv2"):
			if action == '-' {
				continue
			}
			return fmt.Errorf("%s: SSLv2 is no longer supported", cmd.Name)
		case strings.EqualFold(name, "SSLv3"):
			if action == '-' {
				continue
			}
			return errors.New("SSLv3 not supported by this version of OpenSSL")
		case !ok:
			return fmt.Errorf("%s: Illegal protocol '%s'", cmd.Name, name)
		}
		switch action {
		case '-':
			p &^= bit
		case '+':
			p |= bit
		default:
			if p != 0 {
				cmd.LogWarning("AH02532: %s: Protocol '%s' overrides already set parameter(s). Check if a +/- prefix is missing.", cmd.Name, w)
			}
			p = bit
		}
	}
	*to = directives.Given(p)
	return nil
}

// versions are the oldest and the newest of a set. crypto/tls has no gaps: a
// version between two that are wanted is spoken too.
func (p protocols) versions() (lowest, highest uint16) {
	for i, v := range []uint16{tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS12, tls.VersionTLS13} {
		if p&(1<<i) == 0 {
			continue
		}
		if lowest == 0 {
			lowest = v
		}
		highest = v
	}
	return lowest, highest
}

// versionName is SSL_PROTOCOL.
func versionName(v uint16) string {
	switch v {
	case tls.VersionTLS10:
		return "TLSv1"
	case tls.VersionTLS11:
		return "TLSv1.1"
	case tls.VersionTLS12:
		return "TLSv1.2"
	case tls.VersionTLS13:
		return "TLSv1.3"
	}
	return ""
}

var curveNames = map[string]tls.CurveID{
	"x25519": tls.X25519, "p-256": tls.CurveP256, "prime256v1": tls.CurveP256, "secp256r1": tls.CurveP256,
	"p-384": tls.CurveP384, "secp384r1": tls.CurveP384, "p-521": tls.CurveP521, "secp521r1": tls.CurveP521,
	"x25519mlkem768": tls.X25519MLKEM768,
}

// curvesOf reads OpenSSL's list of groups.
func curvesOf(list string) (ids []tls.CurveID, unknown []string) {
	for name := range strings.SplitSeq(list, ":") {
		name = strings.TrimLeft(name, "?*")
		if id, ok := curveNames[strings.ToLower(name)]; ok {
			ids = append(ids, id)
		} else if name != "" {
			unknown = append(unknown, name)
		}
	}
	return ids, unknown
}
