package compattests

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/donjon-httpd/donjon/internal/freeport"
	"golang.org/x/sys/unix"
)

// The configurations that Apache is delivered with load unchanged, and serve the
// same.

// asked is a request of these tests; the answers of both servers are compared.
type asked struct {
	line   string // method and target
	fields string // with their CRLF
	body   string
	tls    bool
}

func (a asked) bytes() string {
	fields := "Host: localhost\r\nConnection: close\r\n"
	if strings.Contains(a.fields, "Host:") {
		fields = "Connection: close\r\n"
	}
	if a.body != "" {
		fields += fmt.Sprintf("Content-Length: %d\r\n", len(a.body))
	}
	return a.line + " HTTP/1.1\r\n" + fields + a.fields + "\r\n" + a.body
}

// site is a configuration that is served as it is.
type site struct {
	command   func(httpd string) *exec.Cmd
	http      string // address
	https     string
	hide      *regexp.Regexp
	dir       string
	port      int
	questions []asked
	logs      []string
}

// signedLength is the field that counts the server's own signature in a page.
var signedLength = regexp.MustCompile(`(?m)^Content-Length: .*\n`)

// answers asks a server everything and gives the answers and the logs.
func (s *site) answers(t *testing.T, httpd string) (string, []string) {
	t.Helper()
	cmd := s.command(httpd)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	stop := func() {
		cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-done:
		case <-time.After(15 * time.Second):
			syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			<-done
		}
	}
	if err := waitFor(s.http, done); err != nil {
		stop()
		t.Fatalf("%s does not serve: %v\n%s", httpd, err, out.String())
	}
	c := &testCase{fields: []string{"*", "-chunks"}} // Apache sends a listing in pieces of 8,000 bytes
	var b strings.Builder
	for _, q := range s.questions {
		addr := s.http
		var over *tls.Config
		if q.tls {
			addr, over = s.https, &tls.Config{InsecureSkipVerify: true, ServerName: "localhost"}
		}
		raw, err := send(addr, "", q.bytes(), over)
		if err != nil {
			stop()
			t.Fatalf("%s: %s: %v", httpd, q.line, err)
		}
		text := c.render(raw, s.dir, s.port)
		if strings.Contains(text, "<address>") || strings.Contains(text, "boundary=") { // whose length varies
			text = signedLength.ReplaceAllString(text, "")
		}
		if s.hide != nil {
			text = s.hide.ReplaceAllString(text, "<hidden>")
		}
		fmt.Fprintf(&b, "== %s %q tls=%v\n%s", q.line, q.fields, q.tls, text)
	}
	stop()
	var logs []string
	for _, name := range s.logs {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Errorf("%s: %v", httpd, err)
		}
		logs = append(logs, logLines(clfRx.ReplaceAllString(normal(string(text), s.dir, s.port), "[<time>]")))
		os.Truncate(name, 0)
	}
	return b.String(), logs
}

// logLines sorts a log's lines, which children write independently, and takes
// out the sizes, in which the server's name counts.
func logLines(text string) string {
	ls := strings.Split(sizeRx.ReplaceAllString(text, "$1 <size>"), "\n")
	slices.Sort(ls)
	return strings.Join(ls, "\n")
}

var sizeRx = regexp.MustCompile(`(?m)(" \d{3}) \d+`)

// compare compares what both servers make of a site.
func (s *site) compare(t *testing.T, bin string) {
	t.Helper()
	want, wantLogs := s.answers(t, apache)
	got, gotLogs := s.answers(t, bin)
	compare(t, "httpd answers otherwise", want, got)
	for i := range wantLogs {
		compare(t, "httpd logs otherwise in "+s.logs[i], wantLogs[i], gotLogs[i])
	}
	for _, what := range []string{" 200 OK", " 404 "} {
		if !strings.Contains(want, what) {
			t.Errorf("no answer of Apache's is%s: %.2000s", what, want)
		}
	}
}

// everyday are requests that make sense of any site.
func everyday(overTLS bool) []asked {
	list := []asked{
		{line: "GET /"}, {line: "HEAD /"}, {line: "GET /index.html"}, {line: "OPTIONS /"}, {line: "OPTIONS *"}, {line: "TRACE /"},
		{line: "POST /index.html", fields: "Content-Type: application/x-www-form-urlencoded\r\n", body: "a=b"},
		{line: "PUT /new.html", body: "x"}, {line: "DELETE /index.html"}, {line: "PROPFIND /"}, {line: "BREW /"},
		{line: "GET /nothing"}, {line: "GET /nothing/at/all?x=<y>"}, {line: "GET /.htaccess"}, {line: "GET /.htpasswd"},
		{line: "GET /icons"}, {line: "GET /icons/"}, {line: "GET /icons/text.gif"}, {line: "GET /icons/README"}, {line: "GET /icons/text"},
		{line: "GET /cgi-bin/"}, {line: "GET /cgi-bin/nothing"}, {line: "GET /a%2fb"}, {line: "GET /%00"}, {line: "GET /../../etc/passwd"}, {line: "GET /%2e%2e/x"},
		{line: "GET /index.html", fields: "Range: bytes=0-99\r\n"}, {line: "GET /index.html", fields: "Range: bytes=0-9,20-29\r\n"}, {line: "GET /index.html", fields: "Range: bytes=99999999-\r\n"},
		{line: "GET /index.html", fields: "If-Modified-Since: Fri, 01 Jan 2038 00:00:00 GMT\r\n"}, {line: "GET /index.html", fields: "If-None-Match: *\r\n"},
		{line: "GET /index.html", fields: "Accept-Encoding: gzip\r\n"}, {line: "GET /index.html", fields: "Accept-Language: de\r\nAccept-Encoding: gzip, br\r\nUser-Agent: Mozilla/5.0\r\n"},
		{line: "GET /nothing", fields: "Accept-Language: de\r\n"}, {line: "GET /nothing", fields: "Accept-Language: xx\r\n"}, {line: "GET /index.html/rest"},
		{line: "GET /index.html", fields: "Expect: nonsense\r\n"}, {line: "GET /", fields: "Host: elsewhere.example\r\n"}, {line: "GET http://localhost/index.html"},
		{line: "GET /~nobody/"}, {line: "GET /~root/"}, {line: "GET /manual/"},
	}
	for i := range list {
		list[i].tls = overTLS
	}
	return list
}

func theBinary(t *testing.T) string {
	t.Helper()
	if *httpd != "" {
		return *httpd
	}
	bin := filepath.Join(t.TempDir(), "httpd")
	if out, err := exec.Command("go", "build", "-o", bin, "../cmd/httpd").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return bin
}

// TestStockConfiguration serves what the Apache distribution installs: its
// httpd.conf alone, and with its extra files.
func TestStockConfiguration(t *testing.T) {
	switch {
	case !*live:
		t.Skip("only with -live: it needs the real Apache")
	case os.Getuid() != 0:
		t.Skip("the configuration names a user")
	case *only != "":
		t.Skip("-case names others")
	}
	bin := theBinary(t)
	for _, variant := range []struct {
		name, modules string
		extra         []string
		questions     []asked
	}{
		{name: "alone"},
		{"extra", "negotiation include userdir info", []string{"mpm", "multilang-errordoc", "autoindex", "languages", "userdir", "info", "vhosts", "manual", "default"}, []asked{
			{line: "OPTIONS /server-status", fields: "Host: dummy-host2.example.com\r\n"}, {line: "GET /", fields: "Host: dummy-host2.example.com\r\n"}, {line: "GET /nothing", fields: "Host: www.dummy-host.example.com\r\nAccept-Language: fr\r\n"},
			{line: "GET /manual/index.html"}, {line: "GET /manual/de/index.html"}, {line: "GET /manual/de/fr/index.html"}, {line: "GET /manual/index.html", fields: "Accept-Language: fr\r\n"},
			{line: "GET /listing/"}, {line: "GET /listing/?C=S;O=D"}, {line: "GET /listing/?C=M;O=A&F=0"},
		}},
	} {
		t.Run(variant.name, func(t *testing.T) {
			dir := place(t)
			stockTree(t, dir)
			ports, err := freeport.Find(1)
			if err != nil {
				t.Fatal(err)
			}
			modules, includes := "", ""
			for _, m := range strings.Fields(variant.modules) {
				modules += fmt.Sprintf("LoadModule %s_module modules/mod_%s.so\n", m, m)
			}
			for _, x := range variant.extra {
				includes += "Include conf/extra/httpd-" + x + ".conf\n"
			}
			conf := filepath.Join(dir, "conf/httpd.conf")
			text, err := os.ReadFile(conf)
			if err != nil {
				t.Fatal(err)
			}
			replaced := strings.NewReplacer("${EXTRA_MODULES}", modules, "${EXTRA_INCLUDES}", includes).Replace(string(text))
			if err := os.WriteFile(conf, []byte(replaced), 0o644); err != nil {
				t.Fatal(err)
			}
			s := &site{
				command: func(httpd string) *exec.Cmd {
					return exec.Command(httpd, "-DFOREGROUND", "-f", conf, "-c", "Mutex file:"+dir+"/logs default", "-c", "DefaultRuntimeDir "+dir+"/logs",
						"-C", "Define DIR "+dir, "-C", fmt.Sprintf("Define PORT %d", ports[0]), "-c", "PidFile "+dir+"/logs/httpd.pid")
				},
				http: fmt.Sprintf("127.0.0.1:%d", ports[0]), dir: dir, port: ports[0],
				hide:      regexp.MustCompile(`Apache/2[^<\n]*|Donjon/[^<\n]*`),
				questions: append(everyday(false), variant.questions...),
				logs:      []string{dir + "/logs/access_log"},
			}
			if len(variant.extra) > 0 {
				s.logs = []string{dir + "/logs/dummy-host.example.com-access_log", dir + "/logs/dummy-host2.example.com-access_log"}
			}
			s.compare(t, bin)
		})
	}
}

// stockTree lays the tree of an installed Apache below dir.
func stockTree(t *testing.T, dir string) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.CopyFS(dir, os.DirFS("testdata/stock")))
	must(os.Symlink(modulesDir, filepath.Join(dir, "modules")))
	must(os.Symlink("/usr/share/apache2/icons", filepath.Join(dir, "icons")))
	must(os.Symlink("/usr/share/apache2/error", filepath.Join(dir, "error")))
	must(os.Symlink("/etc/mime.types", filepath.Join(dir, "conf/mime.types")))
	for name, text := range map[string]string{
		"htdocs/index.html": "<html><body><h1>It works!</h1></body></html>\n", "htdocs/.htaccess": "Options -Indexes\n",
		"docs/dummy-host.example.com/index.html": "one\n", "docs/dummy-host2.example.com/index.html": "two\n",
		"docs/dummy-host.example.com/listing/a.txt": "a\n", "docs/dummy-host.example.com/listing/b10.tar.gz": "0123456789\n", "docs/dummy-host.example.com/listing/b9.html": "<b>\n",
		"cgi-bin/printenv": "#!/bin/sh\necho hi\n", "logs/.keep": "",
		"manual/index.html":    "URI: index.html.en\nContent-Language: en\nContent-type: text/html; charset=UTF-8\n\nURI: index.html.de\nContent-Language: de\nContent-type: text/html; charset=UTF-8\n\nURI: index.html.fr\nContent-Language: fr\nContent-type: text/html; charset=UTF-8\n",
		"manual/index.html.en": "english\n", "manual/index.html.de": "deutsch\n", "manual/index.html.fr": "français\n",
	} {
		must(os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		must(os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	must(filepath.Walk(dir, func(p string, st os.FileInfo, err error) error {
		if err != nil || st.Mode()&os.ModeSymlink != 0 {
			return err
		}
		return os.Chtimes(p, fileTime, fileTime)
	}))
}

// inside tells the test that it runs in namespaces of its own.
const inside = "DONJON_TEST_INSIDE"

// TestDebian serves Debian's own /etc/apache2, unchanged, on its ports 80 and
// 443, in namespaces in which they are free: as it is installed, and with its
// default-ssl site and more of its modules enabled.
func TestDebian(t *testing.T) {
	switch {
	case !*live:
		t.Skip("only with -live: it needs the real Apache")
	case os.Getuid() != 0:
		t.Skip("namespaces need root")
	case *only != "":
		t.Skip("-case names others")
	case !installed("/etc/apache2/apache2.conf"):
		t.Skip("Debian's tree is not installed")
	}
	if os.Getenv(inside) == "" {
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(self, "-test.run", "^TestDebian$", "-test.v", "-live", "-httpd", theBinary(t))
		cmd.Env = append(os.Environ(), inside+"=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS}
		out, err := cmd.CombinedOutput()
		t.Logf("%s", out)
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, err := range []error{unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""), os.MkdirAll("/var/log/apache2", 0o755), os.MkdirAll("/var/www/html", 0o755),
		unix.Mount("logs", "/var/log/apache2", "tmpfs", 0, "mode=755"), unix.Mount("run", "/run", "tmpfs", 0, "mode=755"),
		os.MkdirAll("/run/apache2", 0o755), os.MkdirAll("/run/lock/apache2", 0o777)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	serve := func(httpd string) *exec.Cmd {
		cmd := exec.Command("sh", "-c", ". /etc/apache2/envvars; exec "+httpd+" -DFOREGROUND -f /etc/apache2/apache2.conf")
		cmd.Env = append(os.Environ(), "APACHE_CONFDIR=/etc/apache2")
		return cmd
	}
	s := &site{command: serve, http: "127.0.0.1:80", https: "127.0.0.1:443", dir: "/no/directory", port: 99999, hide: regexp.MustCompile(`Apache/2[^<\n]*|Donjon/[^<\n]*`)}
	t.Run("installed", func(t *testing.T) {
		s.questions, s.logs = everyday(false), []string{"/var/log/apache2/access.log"}
		s.compare(t, *httpd)
	})
	t.Run("ssl and more", func(t *testing.T) {
		if !installed("/etc/ssl/private/ssl-cert-snakeoil.key") {
			t.Skip("the package ssl-cert is not installed")
		}
		tree := filepath.Join(t.TempDir(), "apache2")
		if out, err := exec.Command("cp", "-a", "/etc/apache2", tree).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if err := unix.Mount(tree, "/etc/apache2", "", unix.MS_BIND, ""); err != nil {
			t.Fatal(err)
		}
		defer unix.Unmount("/etc/apache2", unix.MNT_DETACH)
		for _, args := range [][]string{{"a2enmod", "-q", "ssl", "rewrite", "headers", "expires", "userdir", "cgid", "include", "proxy", "proxy_http", "proxy_fcgi", "info", "actions", "vhost_alias", "speling", "mime_magic", "cache_disk"},
			{"a2ensite", "-q", "default-ssl"}} {
			if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
				t.Fatalf("%v: %v: %s", args, err, out)
			}
		}
		s.questions, s.logs = append(everyday(false), everyday(true)...), []string{"/var/log/apache2/access.log"}
		s.compare(t, *httpd)
	})
}
