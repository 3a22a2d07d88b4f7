package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const statusLines = `LoadModule status_module modules/mod_status.so
<Location /server-status>
    SetHandler server-status
</Location>
`

// TestApacheExporter has Debian's prometheus-apache-exporter read ?auto from
// this server and from Apache: it must show the same metrics.
func TestApacheExporter(t *testing.T) {
	for _, program := range []string{"prometheus-apache-exporter", "apache2"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(program + " is not installed")
		}
	}
	s := newLiveServer(t, statusLines)
	ours := scrape(t, s.addr)
	s.stop()

	dir := t.TempDir()
	addr := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	conf := filepath.Join(dir, "apache2.conf")
	text := fmt.Sprintf(`ServerRoot %[1]s
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule status_module /usr/lib/apache2/modules/mod_status.so
ServerName localhost
Listen %[2]s
PidFile %[1]s/pid
ErrorLog %[1]s/error.log
Mutex file:%[1]s default
User nobody
Group nogroup
<Location /server-status>
    SetHandler server-status
</Location>
`, dir, addr)
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	apache := exec.Command("apache2", "-f", conf, "-D", "FOREGROUND")
	if err := apache.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { apache.Process.Signal(os.Interrupt); apache.Wait() }()
	theirs := scrape(t, addr)
	if len(theirs) < 10 {
		t.Fatalf("the exporter shows %d metrics of apache2", len(theirs))
	}
	for _, name := range theirs {
		if !slices.Contains(ours, name) {
			t.Errorf("%s is shown for apache2 and not here", name)
		}
	}
}

// scrape starts an exporter for the server at addr and gives the names of the
// metrics that it shows, with the labels that do not depend on the server.
func scrape(t *testing.T, addr string) []string {
	t.Helper()
	for range 100 { // some requests, so that nothing is zero
		if resp, err := http.Get("http://" + addr + "/server-status?auto"); err == nil {
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if resp.StatusCode != 200 {
				t.Fatalf("?auto: %s", resp.Status)
			}
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	time.Sleep(1100 * time.Millisecond) // rates need a second of uptime
	port := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	exporter := exec.Command("prometheus-apache-exporter", "--scrape_uri=http://"+addr+"/server-status?auto", "--telemetry.address="+port)
	if err := exporter.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { exporter.Process.Kill(); exporter.Wait() }()
	for range 100 {
		resp, err := http.Get("http://" + port + "/metrics")
		if err != nil {
			time.Sleep(50 * time.Millisecond)
			continue
		}
		defer resp.Body.Close()
		var names []string
		for in := bufio.NewScanner(resp.Body); in.Scan(); {
			line := in.Text()
			if !strings.HasPrefix(line, "apache_") || strings.HasPrefix(line, "apache_version") {
				continue
			}
			name, value, _ := strings.Cut(line, " ")
			if name == "apache_up" && value != "1" || name == "apache_exporter_scrape_failures_total" && value != "0" {
				t.Errorf("%s: the exporter says %s", addr, line)
			}
			if !strings.HasPrefix(name, "apache_info") {
				names = append(names, name)
			}
		}
		return names
	}
	t.Fatal("the exporter does not answer")
	return nil
}

// TestStatusInATerminal is -k status, which needs neither mod_status nor a request.
func TestStatusInATerminal(t *testing.T) {
	s := newLiveServer(t, "")
	code, out := s.httpd("-k", "status")
	for _, want := range []string{"Apache/2.4.71 (compatible; Donjon/", "listening on " + s.addr, "requests", "busy and", "slot", "serving"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in exit %d\n%s", want, code, out)
		}
	}
	s.stop()
}
