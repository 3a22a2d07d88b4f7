package main

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// emptyJail is a server in a jail that holds htdocs and nothing else: no /etc, no
// /dev, no /usr. Outside, it has an /etc and a /dev of its own, which the test can
// change.
type emptyJail struct {
	t    *testing.T
	dir  string // holds etc, dev, jail, and the logs
	url  string
	cmd  *exec.Cmd
	out  bytes.Buffer
	gone bool
}

const emptyJailConf = `ServerRoot %[1]s
ServerName localhost
Listen 127.0.0.1:%[2]d
PidFile %[1]s/pid
ErrorLog %[1]s/error_log
LogLevel info
User nobody
Group nogroup
ChrootDir %[1]s/jail
ChrootFixRoot On
DocumentRoot %[1]s/jail/htdocs
TypesConfig /etc/mime.types
HostnameLookups On
CustomLog %[1]s/access_log "%%h %%{%%z}t %%{UNIQUE_ID}e"
<Directory %[1]s/jail/htdocs>
    Options +Indexes +Includes
    Require all granted
    AddOutputFilter INCLUDES .shtml
    AddType text/html .shtml
</Directory>
IndexOptions FancyIndexing
`

// newEmptyJail starts the server with more lines of configuration, in which {DIR} is
// the directory, and files of htdocs. A file of the name "own/..." belongs to root.
func newEmptyJail(t *testing.T, lines string, htdocs map[string]string) *emptyJail {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can enter a chroot with User and Group")
	}
	dir, err := os.MkdirTemp("", "emptyjail")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	os.Chmod(dir, 0o755)
	s := &emptyJail{t: t, dir: dir}
	for name, text := range htdocs {
		s.write("jail/htdocs/"+name, text)
	}
	if out, err := exec.Command("cp", "-aL", "/etc/passwd", "/etc/group", "/etc/hosts", "/etc/nsswitch.conf", "/etc/services", "/etc/mime.types", s.mkdir("etc")).CombinedOutput(); err != nil {
		t.Logf("%v: %s", err, out) // what a machine has not, is not needed
	}
	dev := s.mkdir("dev")
	if err := unix.Mknod(filepath.Join(dev, "null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))); err != nil {
		t.Skip("no device node can be made here: ", err)
	}
	port := freePort(t)
	s.url = fmt.Sprintf("http://127.0.0.1:%d", port)
	s.write("httpd.conf", fmt.Sprintf(emptyJailConf, dir, port)+strings.ReplaceAll(lines, "{DIR}", dir))
	bin := programsFor(t, "httpd")[0]
	s.cmd = exec.Command("sh", "-ec", `mount --make-rprivate /; mount --bind "$1/etc" /etc; mount --bind "$1/dev" /dev; exec "$2" -f "$1/httpd.conf" -DFOREGROUND`, "sh", dir, bin)
	s.cmd.Env = append(os.Environ(), "TZ=Asia/Tokyo")
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	s.cmd.Stdout, s.cmd.Stderr = &s.out, &s.out
	if err := s.cmd.Start(); err != nil {
		t.Skip("no mount namespace can be made here: ", err)
	}
	t.Cleanup(s.stop)
	return s
}

func (s *emptyJail) stop() {
	if !s.gone {
		s.gone = true
		s.cmd.Process.Signal(syscall.SIGTERM)
		s.cmd.Wait()
	}
}

func (s *emptyJail) mkdir(name string) string {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.MkdirAll(path, 0o755); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// write puts a file in place of the one that was there.
func (s *emptyJail) write(name, text string) {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	s.mkdir(filepath.Dir(name))
	if err := os.WriteFile(path+".new", []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		s.t.Fatal(err)
	}
}

func (s *emptyJail) read(name string) string {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

// get gives status and body; user and password may be empty.
func (s *emptyJail) get(path, user string) (int, string) {
	s.t.Helper()
	fetch(s.t, s.url+"/up.txt", &s.out)
	q, err := http.NewRequest("GET", s.url+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	if user != "" {
		q.SetBasicAuth(user, "secret")
	}
	resp, err := http.DefaultClient.Do(q)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body)
}

// expect asks until the answer is the wanted one, for as long as is reasonable.
func (s *emptyJail) expect(path, user string, status int, body string) {
	s.t.Helper()
	var code int
	var got string
	for range 100 {
		if code, got = s.get(path, user); code == status && strings.Contains(got, body) {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	s.t.Errorf("%s: %d %q, want %d %q", path, code, got, status, body)
}

// still checks that the jail holds nothing but htdocs.
func (s *emptyJail) still() {
	entries, err := os.ReadDir(filepath.Join(s.dir, "jail"))
	if err != nil || len(entries) != 1 || entries[0].Name() != "htdocs" {
		s.t.Errorf("the jail holds %v, %v", entries, err)
	}
}

// TestNearlyEmptyJail: what Apache would look for in a jail is had all the same.
func TestNearlyEmptyJail(t *testing.T) {
	backend := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "from the backend") }))
	defer backend.Close()
	s := newEmptyJail(t, `
<Files l.txt>
    ForceType "text/plain; charset=utf-8"
    CharsetSourceEnc ISO-8859-1
    CharsetDefault UTF-8
</Files>
<Location /name.html>
    Require host localhost
</Location>
<Location /own>
    AuthType Basic
    AuthName own
    AuthUserFile {DIR}/jail/htdocs/.htpasswd
    Require file-owner
</Location>
# The authorities lie outside of the jail.
SSLProxyEngine On
SSLProxyVerify require
SSLProxyCACertificateFile {DIR}/ca.pem
SSLProxyCheckPeerName Off
ProxyPass /backend `+backend.URL+`
UserDir {DIR}/jail/htdocs/users/*/pages
`, map[string]string{
		"up.txt": "up", "a.svg": "<svg/>", "l.txt": "caf\xe9", "list/one": "1", "own/file.txt": "root's", "users/alice/pages/index.html": "alice's",
		"date.shtml": `<!--#config timefmt="%Z %z" --><!--#echo var="DATE_LOCAL" -->`, "name.html": "hello",
		".htpasswd": "root:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\nnobody:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n",
	})
	s.write("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: backend.Certificate().Raw})))
	s.restart()
	for _, c := range []struct {
		path, user string
		status     int
		want       string
	}{
		{"/a.svg", "", 200, "^<svg/>$"},                      // types without /etc/mime.types
		{"/date.shtml", "", 200, `^JST \+0900`},              // the outside's time zone
		{"/list/", "", 200, `<a href="one">one</a>`},         // listings
		{"/l.txt", "", 200, "^café$"},                        // charset conversion without gconv
		{"/name.html", "", 200, "^hello$"},                   // names of hosts without /etc/hosts in the jail
		{"/backend/", "", 200, "^from the backend$"},         // authorities of SSLProxyCACertificateFile
		{"/~alice/", "", 200, "^alice's$"},                   // UserDir
		{"/own/file.txt", "root", 200, "^root's$"},           // names of owners without /etc/passwd
		{"/own/file.txt", "nobody", 401, "401 Unauthorized"}, // and not those of others
	} {
		if code, got := s.get(c.path, c.user); code != c.status || !regexp.MustCompile(c.want).MatchString(got) {
			t.Errorf("%s: %d %q, want %d %s", c.path, code, got, c.status, c.want)
		}
	}
	s.stop()
	for line := range strings.Lines(s.read("access_log")) {
		if !regexp.MustCompile(`^localhost\S* \+0900 [A-Za-z0-9@_-]{20,}\n$`).MatchString(line) {
			t.Errorf("access log: %q", line)
		}
	}
	s.still()
}

// restart makes the server read what was written since.
func (s *emptyJail) restart() {
	s.t.Helper()
	fetch(s.t, s.url+"/up.txt", &s.out)
	before := strings.Count(s.read("error_log"), "resuming normal operations")
	for range 500 {
		if before > 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
		before = strings.Count(s.read("error_log"), "resuming normal operations")
	}
	s.cmd.Process.Signal(syscall.SIGUSR1)
	for range 500 {
		if strings.Count(s.read("error_log"), "resuming normal operations") > before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.t.Fatalf("no restart\n%s", s.read("error_log"))
}

// TestFollowsTheOutside: names that change outside while children are in their jails.
func TestFollowsTheOutside(t *testing.T) {
	s := newEmptyJail(t, `
<Location /host.txt>
    Require host trusted.example
</Location>
UserDir public_html
<Directory {DIR}/jail/htdocs/home>
    Require all granted
</Directory>
`, map[string]string{"up.txt": "up", "host.txt": "trusted", "home/newbie/public_html/index.html": "newbie's"})
	s.write("etc/hosts", "127.0.0.1 elsewhere.example\n")
	s.restart() // with this table as the first one
	s.expect("/host.txt", "", 403, "")
	s.expect("/~newbie/", "", 404, "")
	generation := strings.Count(s.read("error_log"), "resuming normal operations")
	s.write("etc/hosts", "127.0.0.1 trusted.example\n")
	s.expect("/host.txt", "", 200, "trusted")
	s.write("etc/passwd", s.read("etc/passwd")+"newbie:x:4321:4321::/htdocs/home/newbie:/bin/sh\n")
	s.expect("/~newbie/", "", 200, "newbie's")
	s.write("etc/hosts", "127.0.0.1 elsewhere.example\n")
	s.expect("/host.txt", "", 403, "")
	log := s.read("error_log")
	if n := strings.Count(log, "names of hosts or users outside have changed: children are told"); n < 3 {
		t.Errorf("%d changes were told\n%s", n, log)
	}
	if strings.Count(log, "resuming normal operations") != generation {
		t.Error("there was a restart")
	}
	s.stop()
	s.still()
}

// TestSyslogFromTheJail: lines of a jailed child reach a daemon at the outside's
// /dev/log, also one that was started anew.
func TestSyslogFromTheJail(t *testing.T) {
	s := newEmptyJail(t, "ErrorLog syslog:local0:jailed\n<Location /denied>\nRequire all denied\n</Location>\n", map[string]string{"up.txt": "up", "denied": "x"})
	log := filepath.Join(s.dir, "dev/log")
	for range 2 {
		os.Remove(log)
		daemon, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: log, Net: "unixgram"})
		if err != nil {
			t.Fatal(err)
		}
		os.Chmod(log, 0o666)
		if code, _ := s.get("/denied", ""); code != 403 {
			t.Errorf("%d", code)
		}
		buf := make([]byte, 4096)
		daemon.SetReadDeadline(time.Now().Add(10 * time.Second))
		for {
			n, err := daemon.Read(buf)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(buf[:n]), "AH01630: client denied by server configuration") {
				if !regexp.MustCompile(`^<131>\w{3} [ \d]\d \d\d:\d\d:\d\d jailed\[\d+\]: `).Match(buf[:n]) {
					t.Errorf("%q", buf[:n])
				}
				break
			}
		}
		daemon.Close()
	}
	s.stop()
	s.still()
}
