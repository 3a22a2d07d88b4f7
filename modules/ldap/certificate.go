package ldap

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"syscall"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// certificate is a file of an LDAPTrustedGlobalCert or LDAPTrustedClientCert.
type certificate struct {
	kind string
	path string
	text string // what the file holds
}

var (
	globalKinds = []string{"CA_DER", "CA_BASE64", "CA_CERT7_DB", "CA_SECMOD", "CERT_DER", "CERT_BASE64", "CERT_KEY3_DB",
		"CERT_NICKNAME", "CERT_PFX", "KEY_DER", "KEY_BASE64", "KEY_PFX"}
	// globalOnly are kinds that a client's certificate cannot be of.
	globalOnly = []string{"CA_CERT7_DB", "CA_SECMOD", "CERT_KEY3_DB"}
)

func (c *serverConfig) addGlobal(cmd *directives.Cmd, kind, path, _ string) error {
	if !slices.Contains(globalKinds, kind) {
		return fmt.Errorf("The certificate type %s is not recognised. It should be one of CA_DER, CA_BASE64, CA_CERT7_DB, CA_SECMOD, "+
			"CERT_DER, CERT_BASE64, CERT_KEY3_DB, CERT_NICKNAME, KEY_DER, KEY_BASE64", kind)
	}
	cert := certificate{kind: kind, path: path}
	if kind != "CERT_NICKNAME" {
		cert.path = cmd.ServerRootRelative(path)
		var err error
		if cert.text, err = server.OutsideOf(cmd).ReadFile(cert.path); err != nil {
			cmd.LogAs("error", "%sAH01304: LDAP: Could not open SSL trusted certificate authority file - %s", reason(err), path)
			return errors.New("Invalid global certificate file path")
		}
	}
	c.globals = append(c.globals, cert)
	return nil
}

func (c *config) addClient(cmd *directives.Cmd, kind, path, _ string) error {
	if !slices.Contains(globalKinds, kind) {
		return fmt.Errorf("The certificate type \"%s\" is not recognised. It should be one of CA_DER, CA_BASE64, CERT_DER, CERT_BASE64, "+
			"CERT_NICKNAME, CERT_PFX, KEY_DER, KEY_BASE64, KEY_PFX", kind)
	}
	if slices.Contains(globalOnly, kind) {
		return fmt.Errorf("The certificate type \"%s\" is only valid within a LDAPTrustedGlobalCert directive. Only CA_DER, CA_BASE64, "+
			"CERT_DER, CERT_BASE64, CERT_NICKNAME, KEY_DER, and KEY_BASE64 may be used.", kind)
	}
	cert := certificate{kind: kind, path: path}
	if kind != "CERT_NICKNAME" {
		cert.path = cmd.ServerRootRelative(path)
		var err error
		if cert.text, err = server.OutsideOf(cmd).ReadFile(cert.path); err != nil {
			cmd.LogAs("error", "%sAH01306: LDAP: Could not open SSL client certificate file - %s", reason(err), path)
			return errors.New("Invalid client certificate file path")
		}
	}
	c.clients = append(c.clients, cert)
	return nil
}

// errKind is what the library that Debian's Apache uses says.
var errKind = errors.New("LDAP: The OpenLDAP SDK only understands the PEM (BASE64) file type.")

// tlsConfig is how TLS is spoken to a directory with these certificates, those
// of a section behind those of the server.
func tlsConfig(certs []certificate, verify bool, host string) (*tls.Config, error) {
	conf := &tls.Config{ServerName: host, InsecureSkipVerify: !verify}
	var cert, key []byte
	for _, c := range certs {
		switch c.kind {
		case "CA_BASE64":
			if conf.RootCAs == nil {
				conf.RootCAs = x509.NewCertPool()
			}
			if !conf.RootCAs.AppendCertsFromPEM([]byte(c.text)) {
				return nil, fmt.Errorf("%s holds no certificate", c.path)
			}
		case "CERT_BASE64":
			cert = []byte(c.text)
		case "KEY_BASE64":
			key = []byte(c.text)
		default:
			return nil, errKind
		}
	}
	if cert != nil {
		if key == nil {
			key = cert // a file may hold both
		}
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			return nil, err
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	return conf, nil
}

// prepare says whether the certificates are any good.
func prepare(g *server.Generation) error {
	if g.Board != nil {
		return nil
	}
	c := settings.Of(g.Config.Main)
	s := server.ServerSubject(g, g.Config.Main)
	if _, err := tlsConfig(c.globals, true, ""); err != nil {
		elog.Info(s).Msgf("AH01320: LDAP: SSL support unavailable: %s", err)
		return nil
	}
	for _, cert := range c.globals {
		if b, _ := pem.Decode([]byte(cert.text)); b == nil && cert.kind != "CERT_NICKNAME" {
			elog.Info(s).Msgf("AH01320: LDAP: SSL support unavailable: %s is no PEM file", cert.path)
			return nil
		}
	}
	elog.Info(s).Msg("AH01319: LDAP: SSL support available")
	return nil
}

// beforeJail loads the system's certificate authorities, which directories are
// checked by when the configuration names none.
func beforeJail(*server.Generation) error {
	_, err := x509.SystemCertPool()
	return err
}

// reason is the cause of an error in front of a line of the log, as Apache has it.
func reason(err error) string {
	var no syscall.Errno
	if errors.As(err, &no) {
		return fmt.Sprintf("(%d)%s: ", int(no), server.Strerror(no))
	}
	return ""
}
