package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// buildHere builds a package without cgo: its program needs no library.
func buildHere(t *testing.T, pkg, to string) {
	t.Helper()
	build := exec.Command("go", "build", "-o", to, pkg)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
}

// jailTree makes a directory that the server's user may enter.
func jailTree(t *testing.T, dirs ...string) string {
	t.Helper()
	root, err := os.MkdirTemp("", "programs")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	os.Chmod(root, 0o755)
	for _, d := range dirs {
		if err := os.MkdirAll(filepath.Join(root, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// startServer starts httpd with a configuration, which may use ROOT and PORT.
func startServer(t *testing.T, bin, root, conf string) (url string) {
	t.Helper()
	port := freePort(t)
	file := filepath.Join(root, "httpd.conf")
	common := fmt.Sprintf("LoadModule mpm_event_module modules/mod_mpm_event.so\nDefine ROOT %s\nListen 127.0.0.1:%d\nServerName localhost\nUser www-data\nGroup www-data\nPidFile ${ROOT}/pid\nErrorLog ${ROOT}/error_log\n", root, port)
	if err := os.WriteFile(file, []byte(common+conf), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bin, "-f", file, "-DFOREGROUND")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
		if t.Failed() {
			text, _ := os.ReadFile(filepath.Join(root, "error_log"))
			t.Logf("%s%s", out.String(), text)
		}
	})
	if err := os.WriteFile(filepath.Join(root, "jail/htdocs/ready"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	url = fmt.Sprintf("http://127.0.0.1:%d", port)
	fetch(t, url+"/ready", &out)
	return url
}

// ask is a request's answer, its status before it unless that is 200.
func ask(t *testing.T, method, url, body string) string {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Error(err)
	}
	if res.StatusCode != 200 {
		return res.Status
	}
	return string(text)
}

// TestScriptsInTheJail runs a script in a jail that holds nothing but it: no
// /dev/null, no /proc, no shell, no library.
func TestScriptsInTheJail(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can enter a chroot with User and Group")
	}
	bin := filepath.Join(t.TempDir(), "httpd")
	buildHere(t, ".", bin)
	root := jailTree(t, "jail/htdocs", "jail/cgi-bin")
	buildHere(t, "./testdata/cgi", filepath.Join(root, "jail/cgi-bin/script"))
	url := startServer(t, bin, root, `
ChrootDir ${ROOT}/jail
ChrootFixRoot On
LoadModule alias_module modules/mod_alias.so
LoadModule cgid_module modules/mod_cgid.so
LoadModule authz_core_module modules/mod_authz_core.so
DocumentRoot ${ROOT}/jail/htdocs
ScriptAlias /cgi-bin/ ${ROOT}/jail/cgi-bin/
RLimitCPU 100
`)
	want := "SCRIPT_FILENAME=/cgi-bin/script\nDOCUMENT_ROOT=/htdocs\nPATH_TRANSLATED=/htdocs/x\nCONTEXT_DOCUMENT_ROOT=/cgi-bin/\nSCRIPT_NAME=/cgi-bin/script\n" +
		"in /cgi-bin\n/cgi-bin\n/htdocs\n300000 bytes of body\n"
	if d := cmp.Diff(want, ask(t, "POST", url+"/cgi-bin/script/x", strings.Repeat("x", 300000))); d != "" {
		t.Error(d)
	}
	ask(t, "GET", url+"/cgi-bin/script/stderr", "")
	for range 100 {
		if log, _ := os.ReadFile(filepath.Join(root, "error_log")); bytes.Contains(log, []byte("AH01215: stderr from /cgi-bin/script: a complaint")) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if log, _ := os.ReadFile(filepath.Join(root, "error_log")); !bytes.Contains(log, []byte("AH01215: stderr from /cgi-bin/script: a complaint")) {
		t.Error("the log has no line of the script's standard error")
	}
	t.Run("client gone", func(t *testing.T) { clientGone(t, strings.TrimPrefix(url, "http://")) })
}

// clientGone hangs up in the middle of a response: the script and what it started end.
func clientGone(t *testing.T, addr string) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(c, "GET /cgi-bin/script/hang HTTP/1.0\r\n\r\n")
	var text []byte
	var script, other int
	for deadline := time.Now().Add(5 * time.Second); other == 0 && time.Now().Before(deadline); {
		p := make([]byte, 1024)
		c.SetReadDeadline(deadline)
		n, err := c.Read(p)
		if text = append(text, p[:n]...); err != nil {
			break
		}
		if _, body, ok := strings.Cut(string(text), "\r\n\r\n"); ok && strings.Contains(body, "\n") {
			fmt.Sscan(body, &script, &other)
		}
	}
	c.Close()
	if script == 0 || other == 0 {
		t.Fatalf("the script said %q", text)
	}
	for _, pid := range []int{script, other} {
		gone := false
		for range 800 {
			stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			if gone = err != nil || bytes.Contains(stat, []byte(") Z ")); gone {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		if !gone {
			t.Errorf("process %d still runs", pid)
		}
	}
}

// fpm starts PHP-FPM with a pool of its own and gives its socket.
func fpm(t *testing.T, root, pool string) string {
	t.Helper()
	programs, _ := filepath.Glob("/usr/sbin/php-fpm*")
	if len(programs) == 0 {
		t.Skip("php-fpm is not installed")
	}
	socket := filepath.Join(root, "fpm.sock")
	conf := filepath.Join(root, "fpm.conf")
	text := fmt.Sprintf("[global]\nerror_log = %s/fpm.log\ndaemonize = no\n[www]\nuser = www-data\ngroup = www-data\nlisten = %s\nlisten.owner = www-data\npm = static\npm.max_children = 2\n%s\n",
		root, socket, pool)
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(programs[0], "-y", conf, "-n")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
	})
	for range 500 {
		if c, err := net.Dial("unix", socket); err == nil {
			c.Close()
			return socket
		}
		time.Sleep(10 * time.Millisecond)
	}
	log, _ := os.ReadFile(filepath.Join(root, "fpm.log"))
	t.Fatalf("php-fpm does not listen: %s", log)
	return ""
}

// TestPHP has PHP-FPM, which is outside, answer without a jail, from within one,
// and, locked into the same directory, with names of the jail.
func TestPHP(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can enter a chroot with User and Group")
	}
	bin := filepath.Join(t.TempDir(), "httpd")
	buildHere(t, ".", bin)
	const page = `<?php header('Content-Type: text/plain');
echo "hello ", $_GET['a'] ?? '', "\n";
foreach (['SCRIPT_FILENAME', 'DOCUMENT_ROOT', 'CONTEXT_DOCUMENT_ROOT', 'SCRIPT_NAME', 'PATH_INFO', 'REQUEST_URI'] as $n) echo "$n=", $_SERVER[$n] ?? '', "\n";
echo __FILE__, "\n", strlen(file_get_contents('php://input')), "\n";`
	for _, c := range []struct{ name, jail, paths, pool, dir string }{
		{"no jail", "", "", "", "ROOT/jail"},
		{"jail", "ChrootDir ${ROOT}/jail\nChrootFixRoot On\n", "", "", "ROOT/jail"},
		{"both in the jail", "ChrootDir ${ROOT}/jail\nChrootFixRoot On\n", "ProxyFCGIPaths Jail\n", "chroot = ROOT/jail\nchdir = /", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := jailTree(t, "jail/htdocs")
			if err := os.WriteFile(filepath.Join(root, "jail/htdocs/page.php"), []byte(page), 0o644); err != nil {
				t.Fatal(err)
			}
			socket := fpm(t, root, strings.ReplaceAll(c.pool, "ROOT", root))
			url := startServer(t, bin, root, c.jail+`
LoadModule proxy_module modules/mod_proxy.so
LoadModule proxy_fcgi_module modules/mod_proxy_fcgi.so
LoadModule authz_core_module modules/mod_authz_core.so
DocumentRoot ${ROOT}/jail/htdocs
<FilesMatch "\.php$">
    SetHandler "proxy:unix:`+socket+`|fcgi://localhost"
</FilesMatch>
`+c.paths)
			dir := strings.ReplaceAll(c.dir, "ROOT", root)
			want := fmt.Sprintf("hello b\nSCRIPT_FILENAME=%[1]s/htdocs/page.php\nDOCUMENT_ROOT=%[1]s/htdocs\nCONTEXT_DOCUMENT_ROOT=%[1]s/htdocs\n"+
				"SCRIPT_NAME=/page.php\nPATH_INFO=/info\nREQUEST_URI=/page.php/info?a=b\n%[1]s/htdocs/page.php\n5000\n", dir)
			if d := cmp.Diff(want, ask(t, "POST", url+"/page.php/info?a=b", strings.Repeat("x", 5000))); d != "" {
				t.Error(d)
			}
			if got := ask(t, "GET", url+"/none.php", ""); got != "404 Not Found" {
				t.Errorf("a page that is not there: %s", got)
			}
		})
	}
}
