package compattests

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/donjon-httpd/donjon/internal/freeport"
)

// TestManagedDomain has httpd obtain certificates from Pebble, an authority for
// tests: from inside a jail, by both challenges that it answers itself.
func TestManagedDomain(t *testing.T) {
	pebble := findPebble(t)
	bin := *httpd
	if bin == "" {
		bin = filepath.Join(t.TempDir(), "httpd")
		if out, err := exec.Command("go", "build", "-o", bin, "../cmd/httpd").CombinedOutput(); err != nil {
			t.Fatalf("go build: %v\n%s", err, out)
		}
	}
	for _, challenge := range []string{"http-01", "tls-alpn-01"} {
		t.Run(challenge, func(t *testing.T) { manageDomain(t, pebble, bin, challenge) })
	}
}

func findPebble(t *testing.T) string {
	if path, err := exec.LookPath("pebble"); err == nil {
		return path
	}
	home, _ := os.UserHomeDir()
	path := filepath.Join(home, "go", "bin", "pebble")
	if !installed(path) {
		t.Skip("pebble is not installed: go install github.com/letsencrypt/pebble/v2/cmd/pebble@v2.10.3")
	}
	return path
}

const managed = "md.example.org"

func manageDomain(t *testing.T, pebble, bin, challenge string) {
	dir := place(t)
	ports, err := freeport.Find(4)
	if err != nil {
		t.Fatal(err)
	}
	plain, encrypted, authority, management := ports[0], ports[1], ports[2], ports[3]
	for _, d := range []string{"jail/htdocs", "run"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	put(t, dir, "jail/htdocs/a.txt", "managed\n")
	authorityCertificate(t, dir)
	put(t, dir, "pebble.json", fmt.Sprintf(`{"pebble": {"listenAddress": "127.0.0.1:%d", "managementListenAddress": "127.0.0.1:%d",
		"certificate": "%[3]s/ca.pem", "privateKey": "%[3]s/ca.key", "httpPort": %[4]d, "tlsPort": %[5]d}}`, authority, management, dir, plain, encrypted))
	run(t, dir, []string{"PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0"}, pebble, "-config", filepath.Join(dir, "pebble.json"), "-dnsserver", nameServer(t))

	jail := ""
	if os.Getuid() == 0 {
		jail = "User www-data\nGroup www-data\nChrootDir \"${DIR}/jail\"\nChrootFixRoot On\n"
	}
	put(t, dir, "httpd.conf", fmt.Sprintf(`Define DIR %[1]s
ServerRoot "${DIR}"
%[6]sServerName localhost
PidFile "${DIR}/run/pid"
DefaultRuntimeDir "${DIR}/run"
ErrorLog "${DIR}/error_log"
LogLevel md:debug
LoadModule mpm_event_module modules/mod_mpm_event.so
LoadModule authz_core_module modules/mod_authz_core.so
LoadModule ssl_module modules/mod_ssl.so
LoadModule md_module modules/mod_md.so
Listen 127.0.0.1:%[2]d
Listen 127.0.0.1:%[3]d
DocumentRoot "${DIR}/jail/htdocs"
StartServers 2
ServerLimit 2
MDStoreDir "${DIR}/md"
MDCertificateAuthority https://127.0.0.1:%[4]d/dir
MDCACertificateFile "${DIR}/ca.pem"
MDCertificateAgreement accepted
MDContactEmail admin@example.org
MDPortMap 80:%[2]d 443:%[3]d
MDCAChallenges %[5]s
MDPrivateKeys RSA 2048 P-256
MDRequireHttps permanent
MDomain %[7]s
<Location "/md">
    SetHandler md-status
</Location>
<VirtualHost 127.0.0.1:%[3]d>
    ServerName %[7]s
    ServerAlias www.%[7]s
    Protocols http/1.1 acme-tls/1
    SSLEngine on
</VirtualHost>
`, dir, plain, encrypted, authority, challenge, jail, managed))
	parent := run(t, dir, nil, bin, "-f", filepath.Join(dir, "httpd.conf"), "-DFOREGROUND")
	logName := filepath.Join(dir, "error_log")

	cert, status, _ := ask(t, encrypted, "/a.txt")
	if cert.Subject.CommonName != "Apache Managed Domain Fallback" || status != 503 {
		t.Errorf("before there is a certificate: %s, status %d", cert.Subject, status)
	}
	waitForLine(t, logName, "AH10059")
	if err := parent.Process.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	for until := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		var body string
		cert, status, body = ask(t, encrypted, "/a.txt")
		if strings.HasPrefix(cert.Issuer.CommonName, "Pebble") {
			if status != 200 || body != "managed\n" || cert.VerifyHostname("www."+managed) != nil {
				t.Errorf("with the certificate: status %d, %q, names %v", status, body, cert.DNSNames)
			}
			break
		}
		if time.Now().After(until) {
			text, _ := os.ReadFile(logName)
			t.Fatalf("the certificate is still %s of %s\n%s", cert.Subject, cert.Issuer, text)
		}
	}
	for _, name := range []string{"md_store.json", "domains/" + managed + "/pubcert.pem", "domains/" + managed + "/privkey.p-256.pem", "domains/" + managed + "/md.json"} {
		info, err := os.Stat(filepath.Join(dir, "md", name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if _, status, body := ask(t, encrypted, "/.httpd/certificate-status"); status != 200 || !strings.Contains(body, `"sha256-fingerprint"`) || !strings.Contains(body, `"p-256"`) {
		t.Errorf("certificate-status: %d %s", status, body)
	}
	if _, status, body := ask(t, encrypted, "/md/"+managed); status != 200 || !strings.Contains(body, `"name": "`+managed+`"`) {
		t.Errorf("md-status: %d %s", status, body)
	}
}

// ask sends a request to the managed host.
func ask(t *testing.T, port int, path string) (*x509.Certificate, int, string) {
	t.Helper()
	var cert *x509.Certificate
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true,
		DialTLSContext: func(context.Context, string, string) (net.Conn, error) {
			for until := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
				c, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port), &tls.Config{ServerName: managed, InsecureSkipVerify: true})
				if err == nil {
					cert = c.ConnectionState().PeerCertificates[0]
					return c, nil
				}
				if time.Now().After(until) {
					return nil, err
				}
			}
		}}}
	resp, err := client.Get("https://" + managed + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return cert, resp.StatusCode, string(body)
}

func waitForLine(t *testing.T, name, what string) {
	t.Helper()
	var text []byte
	for until := time.Now().Add(40 * time.Second); time.Now().Before(until); time.Sleep(100 * time.Millisecond) {
		if text, _ = os.ReadFile(name); bytes.Contains(text, []byte(what)) {
			return
		}
	}
	t.Fatalf("%s is not in the log:\n%s", what, text)
}

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// run starts a program that ends with the test.
func run(t *testing.T, dir string, env []string, path string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(path, args...)
	out, err := os.Create(filepath.Join(dir, filepath.Base(path)+".out"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr, cmd.Env = out, out, append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			cmd.Process.Kill()
			<-ended
		}
		out.Close()
		if text, _ := os.ReadFile(out.Name()); t.Failed() {
			t.Logf("%s:\n%s", filepath.Base(path), text)
		}
	})
	return cmd
}

// authorityCertificate makes what the authority itself speaks TLS with.
func authorityCertificate(t *testing.T, dir string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	put(t, dir, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	put(t, dir, "ca.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
}

// nameServer answers every question for an IPv4 address with 127.0.0.1, over TCP,
// as Pebble asks.
func nameServer(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				c.SetDeadline(time.Now().Add(10 * time.Second))
				var size [2]byte
				for {
					if _, err := io.ReadFull(c, size[:]); err != nil {
						return
					}
					p := make([]byte, binary.BigEndian.Uint16(size[:]))
					if _, err := io.ReadFull(c, p); err != nil {
						return
					}
					text := resolve(p)
					if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(text))), text...)); err != nil {
						return
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}

func resolve(question []byte) []byte {
	var m dnsmessage.Message
	if m.Unpack(question) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	m.Header.Response, m.Additionals = true, nil
	if q.Type == dnsmessage.TypeA {
		m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 60},
			Body: &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}}}}
	}
	text, _ := m.Pack()
	return text
}
