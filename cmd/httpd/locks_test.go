package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/donjon-httpd/donjon/chroot"
)

// TestLocksOfAServer starts servers with each lock on and off, restarts them, and asks
// the kernel and jailctl status.
func TestLocksOfAServer(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can enter a chroot with User and Group")
	}
	programs := programsFor(t, "httpd", "jailctl")
	bin, jailctl := programs[0], programs[1]
	for _, c := range []struct {
		name, lines string
		locks       string // what -k status says
		mounts      bool
		newPrivs    bool
		landlock    bool
	}{
		{"default", "", `own mounts, Landlock \d+, no new privileges, not dumpable`, true, false, true},
		{"off", "ChrootPrivateMounts Off\nChrootLandlock Off\n", `no new privileges, not dumpable`, false, false, false},
		{"on", "ChrootPrivateMounts On\nChrootLandlock On\n", `own mounts, Landlock \d+, no new privileges, not dumpable`, true, false, true},
		{"core files", "ChrootLandlock Off\nCoreDumpDirectory {JAIL}\n", `own mounts, no new privileges`, true, false, false},
		{"new privileges", "ChrootNoNewPrivs Off\nChrootBoundingSet cap_setuid\n", `own mounts, Landlock \d+, not dumpable`, true, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := chroot.LacksLandlock(); err != nil && c.landlock && !strings.Contains(err.Error(), "cgo") {
				t.Skip(err)
			}
			dir, err := os.MkdirTemp("", "locks")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.RemoveAll(dir) })
			os.Chmod(dir, 0o755)
			jail := filepath.Join(dir, "jail")
			if err := os.Mkdir(jail, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(jail, "index.html"), []byte("page"), 0o644); err != nil {
				t.Fatal(err)
			}
			port := freePort(t)
			file := filepath.Join(dir, "httpd.conf")
			conf := fmt.Sprintf("ServerRoot %[1]s\nServerName localhost\nListen 127.0.0.1:%[2]d\nPidFile %[1]s/pid\nErrorLog %[1]s/error_log\n"+
				"User nobody\nGroup nogroup\nChrootDir %[1]s/jail\nDocumentRoot /\n<Directory />\nRequire all granted\n</Directory>\n%[3]s",
				dir, port, strings.ReplaceAll(c.lines, "{JAIL}", jail))
			if err := os.WriteFile(file, []byte(conf), 0o644); err != nil {
				t.Fatal(err)
			}
			// A careless wrapper has left a directory open.
			cmd := exec.Command("sh", "-c", `exec 9</; exec "$@"`, "sh", bin, "-f", file, "-DFOREGROUND")
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() {
				cmd.Process.Signal(syscall.SIGTERM)
				cmd.Wait()
			}()
			url := fmt.Sprintf("http://127.0.0.1:%d/index.html", port)
			for _, restart := range []bool{false, true} {
				if restart {
					if out, err := exec.Command(bin, "-f", file, "-k", "graceful").CombinedOutput(); err != nil {
						t.Fatalf("%v: %s", err, out)
					}
				}
				if got := string(fetch(t, url, &out)); got != "page" {
					t.Errorf("%q", got)
				}
				waitForPid(t, filepath.Join(dir, "pid"))
				status, err := exec.Command(bin, "-f", file, "-k", "status").CombinedOutput()
				if want := regexp.MustCompile(`(?m)^  locked: ` + c.locks + `$`); err != nil || !want.Match(status) {
					t.Errorf("want %s: %v\n%s", want, err, status)
				}
				text, err := exec.Command(jailctl, "status", "-json", filepath.Join(dir, "pid")).Output()
				var children []struct {
					PID         int
					Root, Locks string
					NoNewPrivs  bool
					Namespaces  map[string]string
				}
				if jsonErr := json.Unmarshal(text, &children); jsonErr != nil || len(children) == 0 || (err != nil) != c.newPrivs {
					t.Fatalf("jailctl status: %v, %v\n%s", err, jsonErr, text)
				}
				serving := 0
				for _, p := range children {
					if p.Locks == "" || restart && gone(p.PID) {
						continue // of the generation before: on its way out
					}
					serving++
					_, own := p.Namespaces["mnt"]
					if p.Root != jail || own != c.mounts || p.NoNewPrivs == c.newPrivs || !regexp.MustCompile("^"+c.locks+"$").MatchString(p.Locks) {
						t.Errorf("%+v", p)
					}
					if c.newPrivs {
						continue
					}
					inspect(t, p.PID, jail)
				}
				if serving == 0 {
					t.Errorf("no child tells its locks: %s", text)
				}
			}
		})
	}
}

func gone(pid int) bool { return syscall.Kill(pid, 0) != nil }

// waitForPid waits for the file that the parent writes when all its children serve.
func waitForPid(t *testing.T, file string) {
	t.Helper()
	for range 500 {
		if _, err := os.Stat(file); err == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("no PidFile")
}

// TestLockedStartFails: a lock that is insisted on and lacks keeps the server from
// serving; the old generation goes on when it comes with a restart.
func TestLockedStartFails(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can enter a chroot with User and Group")
	}
	bin := programsFor(t, "httpd")[0]
	dir := t.TempDir()
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		os.Chmod(d, 0o755)
	}
	if err := os.Mkdir(filepath.Join(dir, "jail"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "jail/index.html"), []byte("page"), 0o644); err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	file := filepath.Join(dir, "httpd.conf")
	write := func(lines string) {
		conf := fmt.Sprintf("ServerRoot %[1]s\nServerName localhost\nListen 127.0.0.1:%[2]d\nPidFile %[1]s/pid\nErrorLog %[1]s/error_log\n"+
			"User nobody\nGroup nogroup\nChrootDir %[1]s/jail\nDocumentRoot /\n%[3]s", dir, port, lines)
		if err := os.WriteFile(file, []byte(conf), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// Without the right to make namespaces: setpriv takes it from the whole server.
	run := func(args ...string) (string, error) {
		out, err := exec.Command("setpriv", append([]string{"--bounding-set=-sys_admin", "--inh-caps=-sys_admin", bin, "-f", file}, args...)...).CombinedOutput()
		return string(out), err
	}
	write("ChrootPrivateMounts On\n")
	if out, err := run("-t"); err != nil || !strings.Contains(out, "ChrootPrivateMounts On cannot be had here: no mount namespace can be made: operation not permitted") {
		t.Errorf("-t: %v, %s", err, out)
	}
	if out, err := run("-k", "start"); err == nil || !strings.Contains(out, "operation not permitted") {
		t.Errorf("start: %v, %s", err, out)
		run("-k", "stop") //nolint:errcheck // it should not be there
	}
	write("")
	if out, err := run("-k", "start"); err != nil {
		t.Fatalf("start: %v, %s", err, out)
	}
	defer run("-k", "stop") //nolint:errcheck // cleaning up
	log, _ := os.ReadFile(filepath.Join(dir, "error_log"))
	if !strings.Contains(string(log), "no mounts of its own (") || !strings.Contains(string(log), "chroot to "+dir+"/jail") {
		t.Errorf("%s", log)
	}
	write("ChrootPrivateMounts On\n")
	if out, err := run("-k", "graceful"); err == nil || !strings.Contains(out, "generation 0 goes on serving") {
		t.Errorf("graceful: %v, %s", err, out)
	}
	var out bytes.Buffer
	if got := string(fetch(t, fmt.Sprintf("http://127.0.0.1:%d/index.html", port), &out)); got != "page" {
		t.Errorf("%q", got)
	}
}
