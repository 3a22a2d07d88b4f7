package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// TestNearlyEmptyJail serves from a jail that holds htdocs and nothing else: no
// /etc, no /dev, no /usr. What Apache would look for there is had all the same.
func TestNearlyEmptyJail(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can enter a chroot with User and Group")
	}
	dir, err := os.MkdirTemp("", "emptyjail")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	os.Chmod(dir, 0o755)
	bin := filepath.Join(dir, "httpd")
	build := exec.Command("go", "build", "-o", bin, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	for name, text := range map[string]string{
		"jail/htdocs/a.svg":        "<svg/>",
		"jail/htdocs/l.txt":        "caf\xe9",
		"jail/htdocs/list/one":     "1",
		"jail/htdocs/own/file.txt": "root's",
		"jail/htdocs/date.shtml":   `<!--#config timefmt="%Z %z" --><!--#echo var="DATE_LOCAL" -->`,
		"jail/htdocs/name.html":    "hello",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	port := freePort(t)
	conf := fmt.Sprintf(`ServerRoot %[1]s
ServerName localhost
Listen 127.0.0.1:%[2]d
PidFile %[1]s/pid
ErrorLog %[1]s/error_log
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
<Files l.txt>
    ForceType "text/plain; charset=utf-8"
    CharsetSourceEnc ISO-8859-1
    CharsetDefault UTF-8
</Files>
<Location /name.html>
    Require host localhost
</Location>
IndexOptions FancyIndexing
`, dir, port)
	file := filepath.Join(dir, "httpd.conf")
	if err := os.WriteFile(file, []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bin, "-f", file, "-DFOREGROUND")
	cmd.Env = append(os.Environ(), "TZ=Asia/Tokyo")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stopped := false
	stop := func() {
		if !stopped {
			stopped = true
			cmd.Process.Signal(syscall.SIGTERM)
			cmd.Wait()
		}
	}
	defer stop()
	url := fmt.Sprintf("http://127.0.0.1:%d", port)
	if got := string(fetch(t, url+"/a.svg", &out)); got != "<svg/>" {
		t.Errorf("a file: %q", got)
	}
	for path, want := range map[string]string{
		"/date.shtml": `^JST \+0900`,           // the outside's time zone
		"/list/":      `<a href="one">one</a>`, // listings
		"/l.txt":      "^café$",                // charset conversion without gconv
		"/name.html":  "^hello$",               // names of hosts without /etc/hosts in the jail
	} {
		if got := string(fetch(t, url+path, &out)); !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("%s: %q, want %s", path, got, want)
		}
	}
	stop()
	log, err := os.ReadFile(filepath.Join(dir, "access_log"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(log)) {
		if !regexp.MustCompile(`^localhost\S* \+0900 [A-Za-z0-9@_-]{20,}\n$`).MatchString(line) {
			t.Errorf("access log: %q", line)
		}
	}
	var names []string
	filepath.WalkDir(filepath.Join(dir, "jail"), func(path string, _ os.DirEntry, _ error) error {
		names = append(names, path)
		return nil
	})
	for _, name := range names[1:] {
		if !strings.HasPrefix(name, filepath.Join(dir, "jail/htdocs")) {
			t.Errorf("the jail holds %s", name)
		}
	}
}
