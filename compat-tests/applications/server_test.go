package applications

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/donjon-httpd/donjon/chroot"
)

// place is a server and where it runs.
type place struct {
	name   string
	apache bool
	jailed bool
	phpIn  bool // PHP is locked into the same jail
}

// places are all ways in which an application is served here; Apache's answers
// are what the others are compared with.
var places = []place{
	{name: "apache", apache: true},
	{name: "donjon"},
	{name: "donjon in its jail", jailed: true},
	{name: "donjon and PHP in the jail", jailed: true, phpIn: true},
}

// config is what all servers read. Apache and an unjailed Donjon pass over
// what is for the jail alone.
const config = `Define DIR %[1]s
ServerRoot "${DIR}"
LoadModule mpm_event_module modules/mod_mpm_event.so
LoadModule authz_core_module modules/mod_authz_core.so
LoadModule authz_host_module modules/mod_authz_host.so
LoadModule access_compat_module modules/mod_access_compat.so
LoadModule alias_module modules/mod_alias.so
LoadModule deflate_module modules/mod_deflate.so
LoadModule dir_module modules/mod_dir.so
LoadModule env_module modules/mod_env.so
LoadModule expires_module modules/mod_expires.so
LoadModule filter_module modules/mod_filter.so
LoadModule headers_module modules/mod_headers.so
LoadModule mime_module modules/mod_mime.so
LoadModule negotiation_module modules/mod_negotiation.so
LoadModule proxy_module modules/mod_proxy.so
LoadModule proxy_fcgi_module modules/mod_proxy_fcgi.so
LoadModule rewrite_module modules/mod_rewrite.so
LoadModule setenvif_module modules/mod_setenvif.so
LoadModule socache_shmcb_module modules/mod_socache_shmcb.so
LoadModule ssl_module modules/mod_ssl.so
User www-data
Group www-data
ServerName localhost
PidFile "${DIR}/run/pid"
DefaultRuntimeDir "${DIR}/run"
Mutex file:${DIR}/run default
ErrorLog "${DIR}/logs/error"
LogFormat "%%h %%u \"%%r\" %%>s" short
CustomLog "${DIR}/logs/access" short
TypesConfig /etc/mime.types
Listen 127.0.0.1:%[2]d
StartServers 1
ServerLimit 1
ThreadsPerChild 16
MaxRequestWorkers 16
MinSpareThreads 1
MaxSpareThreads 16
SSLEngine on
SSLCertificateFile "${DIR}/tls/server.pem"
SSLCertificateKeyFile "${DIR}/tls/server.key"
SSLSessionCache shmcb:${DIR}/run/sessions(512000)
AddOutputFilterByType DEFLATE text/html text/css text/plain text/xml application/javascript application/json
Define PHP "${DIR}/run/php.sock"
<IfDefine JAILED>
    ChrootDir "${DIR}/jail"
    ChrootFixRoot On
</IfDefine>
<IfDefine PHPIN>
    Define PHP "${DIR}/run/php-jail.sock"
    ProxyFCGIPaths jail
</IfDefine>
<FilesMatch "\.php$">
    <If "-f %%{REQUEST_FILENAME}">
        SetHandler "proxy:unix:${PHP}|fcgi://localhost"
    </If>
</FilesMatch>
DirectoryIndex index.php index.html
<Directory />
    AllowOverride None
    Require all denied
</Directory>
`

// server is one that runs.
type server struct {
	*stack
	place
	stop func()
}

// start starts a server with config and what the application adds. Servers of
// one stack run one after the other, on the same port: applications remember
// their own address.
func (s *stack) start(p place, more string) *server {
	s.t.Helper()
	s.write("httpd.conf", fmt.Sprintf(config, s.dir, s.port)+more)
	path := apache
	if !p.apache {
		path = program(s.t)
	}
	args := []string{"-f", s.file("httpd.conf"), "-DFOREGROUND"}
	if p.jailed {
		args = append(args, "-DJAILED")
	}
	if p.phpIn {
		args = append(args, "-DPHPIN")
	}
	cmd := exec.Command(path, args...)
	out := new(output)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	s.must(cmd.Start())
	done := make(chan struct{})
	go func() { cmd.Wait(); close(done) }()
	sv := &server{stack: s, place: p}
	stopped := false
	sv.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-done:
		case <-time.After(15 * time.Second):
			s.t.Errorf("%s does not end", path)
			syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			<-done
		}
	}
	s.t.Cleanup(sv.stop)
	addr := fmt.Sprintf("127.0.0.1:%d", s.port)
	for range 500 {
		select {
		case <-done:
			s.t.Fatalf("%s (%s) does not serve: %s%s", path, p.name, out, s.log())
		default:
		}
		if c, err := tls.Dial("tcp", addr, s.tls()); err == nil {
			c.Close()
			return sv
		}
		time.Sleep(20 * time.Millisecond)
	}
	s.t.Fatalf("%s (%s) does not answer: %s%s", path, p.name, out, s.log())
	return nil
}

// log gives the error log.
func (s *stack) log() string {
	b, _ := os.ReadFile(s.file("logs/error"))
	return string(b)
}

// checkJail is an error if a process of a jailed server sees more than the jail.
func (sv *server) checkJail() {
	sv.t.Helper()
	if !sv.jailed {
		return
	}
	pids, _ := filepath.Glob("/proc/[0-9]*")
	jailed := 0
	for _, p := range pids {
		cmdline, _ := os.ReadFile(p + "/cmdline")
		pid, _ := strconv.Atoi(filepath.Base(p))
		root, err := chroot.RootOf(pid)
		if err != nil || !strings.HasPrefix(string(cmdline), program(sv.t)+"\x00") || !strings.HasPrefix(root, sv.dir) {
			continue
		}
		jailed++
		if root != sv.file("jail") {
			sv.t.Errorf("%s has the root %s", p, root)
		}
	}
	if jailed == 0 {
		sv.t.Errorf("%s: no process is in the jail", sv.name)
	}
}

// tls is a client that trusts the tests' authority and nobody else.
func (s *stack) tls() *tls.Config {
	roots := x509.NewCertPool()
	ca, err := os.ReadFile(s.file("tls/ca.pem"))
	s.must(err)
	roots.AppendCertsFromPEM(ca)
	return &tls.Config{RootCAs: roots, ServerName: "localhost"}
}

// origin is the address of the site.
func (s *stack) origin() string { return fmt.Sprintf("https://localhost:%d", s.port) }

// question is a request whose answers are compared.
type question struct {
	line   string // method and target
	fields string // with CRLF
	body   string // of a form, unless fields has a Content-Type
}

// ask sends a question on a connection of its own and gives the answer: status
// line, fields in the order in which they came, content.
func (s *stack) ask(q question) string {
	s.t.Helper()
	c, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.port), s.tls())
	s.must(err)
	defer c.Close()
	c.SetDeadline(time.Now().Add(30 * time.Second))
	head := fmt.Sprintf("%s HTTP/1.1\r\nHost: localhost:%d\r\nConnection: close\r\n%s", q.line, s.port, q.fields)
	if q.body != "" {
		head += fmt.Sprintf("Content-Length: %d\r\n", len(q.body))
		if !strings.Contains(q.fields, "Content-Type") {
			head += "Content-Type: application/x-www-form-urlencoded\r\n"
		}
	}
	if _, err := c.Write([]byte(head + "\r\n" + q.body)); err != nil {
		s.t.Fatalf("%s: %v", q.line, err)
	}
	return readAnswer(s.t, q, bufio.NewReader(c))
}

// readAnswer keeps the head as it is and takes the framing from the content.
func readAnswer(t *testing.T, q question, in *bufio.Reader) string {
	t.Helper()
	var head strings.Builder
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatalf("%s: after %q: %v", q.line, head.String(), err)
		}
		head.WriteString(line)
		if line == "\r\n" {
			break
		}
	}
	method, _, _ := strings.Cut(q.line, " ")
	resp, err := http.ReadResponse(bufio.NewReader(multi(head.String(), in)), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%s: %v in %q", q.line, err, head.String())
	}
	defer resp.Body.Close()
	body, err := readContent(resp)
	if err != nil {
		t.Errorf("%s: the content ends early: %v", q.line, err)
	}
	return strings.ReplaceAll(head.String(), "\r\n", "\n") + body
}

// compare asks all servers the same and compares their answers with Apache's,
// without what changes from one request to the next.
func (s *stack) compare(more string, all []place, questions []question, vary []*regexp.Regexp) {
	s.t.Helper()
	var want []string
	for _, p := range all {
		s.t.Run(p.name, func(t *testing.T) {
			outer := s.t
			s.t = t
			defer func() { s.t = outer }()
			os.Truncate(s.file("logs/error"), 0)
			if s.reset != nil {
				s.reset()
			}
			sv := s.start(p, more)
			defer sv.stop()
			var got []string
			for _, q := range questions {
				got = append(got, normal(s.ask(q), vary))
			}
			sv.checkJail()
			if p.apache {
				want = got
				if n := strings.Count(strings.Join(got, "\n"), "HTTP/1.1 200 OK\n"); n < len(got)/3 {
					t.Errorf("Apache answers %d of %d questions: the test shows nothing: %.1000s\n%s", n, len(got), got[0], s.log())
				}
				return
			}
			if want == nil {
				t.Skip("Apache has not answered")
			}
			defer func() {
				if t.Failed() {
					t.Log(s.log())
				}
			}()
			for i, q := range questions {
				if d := cmp.Diff(lines(want[i]), lines(got[i])); d != "" {
					t.Errorf("%s %.60q is answered otherwise (-apache +%s):\n%s", q.line, q.fields, p.name, d)
				}
			}
		})
	}
}

// volatile is what differs between any two answers: the date, and who the server
// says it is.
var volatile = []*regexp.Regexp{regexp.MustCompile(`(?m)^Date: (.*)$`), regexp.MustCompile(`(?m)^Server: (.*)$`)}

// framing is left out of answers that PHP makes, because whether their length is
// known before their head is sent is chance; and of compressed ones, for encoders
// differ.
var framing = regexp.MustCompile(`(?m)^(?:Content-Length|Transfer-Encoding): .*\n`)

// normal puts <varies> for the groups of the patterns.
func normal(answer string, vary []*regexp.Regexp) string {
	head, body, _ := strings.Cut(answer, "\n\n")
	if !strings.Contains(head, "\nETag: ") || strings.Contains(head, "\nContent-Encoding: ") {
		answer = framing.ReplaceAllString(head+"\n", "") + "\n" + body
	}
	for _, rx := range append(volatile[:len(volatile):len(volatile)], vary...) {
		answer = rx.ReplaceAllStringFunc(answer, func(m string) string {
			at := rx.FindStringSubmatchIndex(m)
			for i := len(at) - 2; i >= 2; i -= 2 {
				if at[i] >= 0 {
					m = m[:at[i]] + "<varies>" + m[at[i+1]:]
				}
			}
			return m
		})
	}
	return answer
}
