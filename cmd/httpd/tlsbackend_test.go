package main

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestVerifiedBackendFromTheJail: the certificate of a backend is verified from a
// jail that holds no file, with an authority whose certificate lies outside; a
// backend of another authority is refused.
func TestVerifiedBackendFromTheJail(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can enter a chroot with User and Group")
	}
	const from = "../../compat-tests/testdata/tls/"
	pair, err := tls.LoadX509KeyPair(from+"server.pem", from+"server.key")
	if err != nil {
		t.Fatal(err)
	}
	backend := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("verified")) }))
	backend.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	backend.StartTLS()
	t.Cleanup(backend.Close)
	stranger := httptest.NewTLSServer(backend.Config.Handler) // its certificate is signed by itself
	t.Cleanup(stranger.Close)
	port := func(s *httptest.Server) string {
		_, p, err := net.SplitHostPort(s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	root := jailTree(t, "jail/htdocs")
	ca, err := os.ReadFile(from + "ca.pem")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "ca.pem"), ca, 0o600); err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(t.TempDir(), "httpd")
	buildHere(t, ".", bin)
	url := startServer(t, bin, root, strings.NewReplacer("GOOD", port(backend), "STRANGER", port(stranger)).Replace(`
LoadModule authz_core_module modules/mod_authz_core.so
LoadModule ssl_module modules/mod_ssl.so
LoadModule proxy_module modules/mod_proxy.so
LoadModule proxy_http_module modules/mod_proxy_http.so
ChrootDir ${ROOT}/jail
ChrootFixRoot On
DocumentRoot ${ROOT}/jail/htdocs
SSLProxyEngine On
SSLProxyVerify require
SSLProxyCACertificateFile ${ROOT}/ca.pem
ProxyPass /good https://localhost:GOOD/
ProxyPass /stranger https://localhost:STRANGER/
`))
	if got := ask(t, "GET", url+"/good", ""); got != "verified" {
		t.Errorf("the backend that is known: %q", got)
	}
	if got := ask(t, "GET", url+"/stranger", ""); !strings.HasPrefix(got, "50") {
		t.Errorf("another backend: %q", got)
	}
}
