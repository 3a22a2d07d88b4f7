package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestTLSInJail serves HTTPS from a jail that holds no certificate and no key.
// The key lies outside, is encrypted, and a program tells its pass phrase. A
// session of one child is known to the others, a killed child is replaced, and
// a new certificate is served after a restart.
func TestTLSInJail(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can enter a chroot with User and Group")
	}
	s := prepareServer(t, "")
	const from = "../../compat-tests/testdata/tls/"
	for _, name := range []string{"ca.pem", "server.pem", "server.key", "server-encrypted.key"} {
		b, err := os.ReadFile(from + name)
		if err != nil {
			t.Fatal(err)
		}
		s.write(name, string(b))
		os.Chmod(s.file(name), 0o600)
	}
	s.write("phrase", "#!/bin/sh\necho \"$1 $2\" >> "+s.file("asked")+"\necho secret\n")
	os.Chmod(s.file("phrase"), 0o700)
	b, _ := os.ReadFile(s.file("httpd.conf"))
	s.write("httpd.conf", string(b)+fmt.Sprintf(`LoadModule ssl_module modules/mod_ssl.so
SSLPassPhraseDialog exec:%[1]s/phrase
SSLEngine on
SSLCertificateFile %[1]s/server.pem
SSLCertificateKeyFile %[1]s/server-encrypted.key
`, s.dir))
	s.must("-k", "start")
	s.pid = s.readPid()
	t.Cleanup(func() { syscall.Kill(s.pid, syscall.SIGTERM) })

	roots := x509.NewCertPool()
	ca, _ := os.ReadFile(from + "ca.pem")
	roots.AppendCertsFromPEM(ca)
	conf := &tls.Config{RootCAs: roots, ServerName: "localhost", ClientSessionCache: tls.NewLRUClientSessionCache(4)}
	ask := func() (resumed bool) {
		t.Helper()
		c, err := tls.Dial("tcp", s.addr, conf)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(10 * time.Second))
		fmt.Fprintf(c, "GET /index.html HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || resp.StatusCode != 200 {
			t.Fatal(resp, err)
		}
		resp.Body.Close()
		return c.ConnectionState().DidResume
	}
	ask()
	for i := range 20 { // some of them come to another child
		if !ask() {
			t.Errorf("connection %d: the session is not known", i)
		}
	}
	for _, pid := range childrenOf(t, s.pid) {
		syscall.Kill(pid, syscall.SIGKILL)
	}
	time.Sleep(500 * time.Millisecond)
	if !ask() {
		t.Error("children that were started anew do not know the session")
	}
	if asked, _ := os.ReadFile(s.file("asked")); strings.Count(string(asked), "\n") != 1 || !strings.HasPrefix(string(asked), "localhost:443 0") {
		t.Errorf("the pass phrase was asked for with %q, want once", asked)
	}

	// Another certificate and key.
	make := exec.Command("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", s.file("server-encrypted.key"), "-out", s.file("server.pem"),
		"-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
	if out, err := make.CombinedOutput(); err != nil {
		t.Skipf("openssl: %v\n%s", err, out)
	}
	s.must("-k", "graceful")
	pemNow, _ := os.ReadFile(s.file("server.pem"))
	conf.RootCAs, conf.ClientSessionCache = x509.NewCertPool(), nil
	conf.RootCAs.AppendCertsFromPEM(pemNow)
	ask()
	for _, v := range []string{"-tls1_2", "-tls1_3"} {
		cmd := exec.Command("openssl", "s_client", "-connect", s.addr, v, "-servername", "localhost", "-CAfile", s.file("server.pem"), "-verify_return_error")
		cmd.Stdin = strings.NewReader("Q\n")
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "Verify return code: 0") && !strings.Contains(string(out), "Verification: OK") {
			t.Errorf("openssl s_client %s: %v\n%s", v, err, out)
		}
	}

	// A key that does not belong to the certificate leaves the old generation serving.
	key, _ := os.ReadFile(s.file("server.key"))
	s.write("server-encrypted.key", string(key))
	if code, out := s.httpd("-k", "graceful"); code != 1 || !strings.Contains(out, "AH00016") && !strings.Contains(out, "AH02565") {
		t.Errorf("a wrong key: exit %d\n%s", code, out)
	}
	ask()
	s.stop()
}
