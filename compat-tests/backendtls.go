package compattests

import (
	"crypto/tls"
	"fmt"
	"net"
	"path/filepath"
	"strings"
)

// A case with a section "backend-tls" has its backend speak TLS on PORT2, with
// the certificates of the tests. The lines of the section:
//
//	certificate FILE   the backend's, below tls/, with its key in it or in a file of its name with .key; else server.pem
//	version 1.2        the only one that it speaks; else 1.2 and 1.3
//	client require     it wants a certificate of its clients; else it asks for one
//
// What it tells of a request begins with what it knows of the connection:
// version, the name that it was asked for, the client's certificate.
type backendTLS struct {
	certificate string
	version     uint16
	require     bool
}

func parseBackendTLS(text string) (*backendTLS, error) {
	b := &backendTLS{certificate: "server.pem"}
	for _, l := range lines(text) {
		word, arg, _ := strings.Cut(l, " ")
		switch {
		case word == "certificate" && arg != "":
			b.certificate = arg
		case l == "version 1.2":
			b.version = tls.VersionTLS12
		case l == "version 1.3":
			b.version = tls.VersionTLS13
		case l == "client require":
			b.require = true
		default:
			return nil, fmt.Errorf("backend-tls: %q: want certificate FILE, version 1.2, version 1.3 or client require", l)
		}
	}
	return b, nil
}

func (b *backendTLS) listen(l net.Listener, dir string) (net.Listener, error) {
	file := filepath.Join(dir, "tls", b.certificate)
	cert, err := tls.LoadX509KeyPair(file, strings.TrimSuffix(file, ".pem")+".key")
	if err != nil {
		if cert, err = tls.LoadX509KeyPair(file, file); err != nil {
			return nil, err
		}
	}
	conf := &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequestClientCert, MinVersion: b.version, MaxVersion: b.version}
	if b.require {
		conf.ClientAuth = tls.RequireAnyClientCert
	}
	return tls.NewListener(l, conf), nil
}

// toldOfTLS is a line about the connection on which a request came, "" for one in clear.
func toldOfTLS(conn net.Conn) string {
	c, ok := conn.(*tls.Conn)
	if !ok {
		return ""
	}
	s := c.ConnectionState()
	who := "nobody"
	if len(s.PeerCertificates) > 0 {
		who = s.PeerCertificates[0].Subject.CommonName
	}
	name := s.ServerName
	if name == "" {
		name = "-"
	}
	return fmt.Sprintf("[%s, asked for %s by %s]\r\n", tls.VersionName(s.Version), name, who)
}
