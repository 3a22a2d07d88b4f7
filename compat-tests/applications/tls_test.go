package applications

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// protocols serves a page over one version of TLS only, and says over which.
const protocols = `SSLProtocol %s
Header set X-Protocol "%%{SSL_PROTOCOL}s"
DocumentRoot "${DIR}/jail/srv"
<Directory "${DIR}/jail/srv">
    Require all granted
</Directory>
`

// TestClients has curl, openssl and Chromium connect to a server in its jail with
// TLS 1.2 and with 1.3; and with the other version, which must fail.
func TestClients(t *testing.T) {
	needs(t, "/usr/bin/curl", "/usr/bin/openssl")
	s := newStack(t)
	s.write("jail/srv/index.html", "<!DOCTYPE html><title>t</title><p id=p>page</p>\n")
	for _, v := range []struct{ protocol, other, name string }{{"TLSv1.2", "1.3", "1.2"}, {"TLSv1.3", "1.2", "1.3"}} {
		t.Run(v.protocol, func(t *testing.T) {
			outer := s.t
			s.t = t
			defer func() { s.t = outer }()
			sv := s.start(place{name: "donjon", jailed: true}, fmt.Sprintf(protocols, v.protocol))
			defer sv.stop()
			sv.checkJail()
			t.Run("curl", func(t *testing.T) { curl(t, s, v.name, v.other) })
			t.Run("openssl", func(t *testing.T) { openssl(t, s, v.name, v.other) })
			t.Run("chromium", func(t *testing.T) {
				s.t = t
				b := s.browser()
				b.do("visit", s.visit("/"))
				page := b.get(`document.getElementById("p").textContent`)
				protocol := b.get(`fetch("/").then(r => r.headers.get("X-Protocol"))`)
				if page != "page" || protocol != v.protocol {
					t.Errorf("Chromium gets %q over %q\n%s", page, protocol, s.log())
				}
			})
			s.t = t
		})
	}
}

func curl(t *testing.T, s *stack, name, other string) {
	args := func(version string) []string {
		return []string{"-sS", "-i", "--max-time", "20", "--cacert", s.file("tls/ca.pem"), "--tlsv" + version, "--tls-max", version, s.origin() + "/"}
	}
	out, err := exec.Command("curl", args(name)...).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "X-Protocol: TLSv"+name) || !strings.Contains(string(out), "page") {
		t.Errorf("curl with TLS %s: %v\n%s", name, err, out)
	}
	if out, err := exec.Command("curl", args(other)...).CombinedOutput(); err == nil {
		t.Errorf("curl with TLS %s is answered:\n%s", other, out)
	}
}

func openssl(t *testing.T, s *stack, name, other string) {
	ask := func(version string) (string, error) {
		cmd := exec.Command("openssl", "s_client", "-quiet", "-connect", fmt.Sprintf("127.0.0.1:%d", s.port), "-tls1_"+version[2:], "-servername", "localhost",
			"-CAfile", s.file("tls/ca.pem"), "-verify_return_error", "-verify_hostname", "localhost")
		cmd.Stdin = strings.NewReader("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := ask(name); err != nil || !strings.Contains(out, "X-Protocol: TLSv"+name) || !strings.Contains(out, "page") {
		t.Errorf("openssl with TLS %s: %v\n%s", name, err, out)
	}
	if out, err := ask(other); err == nil {
		t.Errorf("openssl with TLS %s is answered:\n%s", other, out)
	}
}
