package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/donjon-httpd/donjon/internal/freeport"
)

// builtServer builds httpd, once.
var builtServer = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "jailctl")
	if err != nil {
		return "", err
	}
	bin := filepath.Join(dir, "httpd")
	build := exec.Command("go", "build", "-o", bin, "../httpd")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return bin, fmt.Errorf("go build: %w\n%s", err, out)
	}
	return bin, nil
})

var built bool

func buildServer(t *testing.T) string {
	t.Helper()
	built = true
	bin, err := builtServer()
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

func TestMain(m *testing.M) {
	code := m.Run()
	if built {
		bin, _ := builtServer()
		os.RemoveAll(filepath.Dir(bin))
	}
	os.Exit(code)
}

// site writes a configuration that both servers take, and gives its name and URL.
// more follows it; @ stands for the directory.
func site(t *testing.T, more string) (dir, conf, url string) {
	t.Helper()
	ports, err := freeport.Find(1)
	if err != nil {
		t.Fatal(err)
	}
	dir = newJail(t)
	if err := os.WriteFile(filepath.Join(dir, "htdocs/index.html"), []byte("hello"), 0o644); err != nil {
		t.Fatal(err)
	}
	modules := ""
	for _, m := range []string{"mpm_event", "authz_core", "dir"} {
		modules += fmt.Sprintf("LoadModule %s_module /usr/lib/apache2/modules/mod_%[1]s.so\n", m)
	}
	text := modules + fmt.Sprintf("ServerRoot @\nServerName localhost\nListen 127.0.0.1:%d\nPidFile @/pid\nErrorLog @/error_log\nDefaultRuntimeDir @\nUser www-data\nGroup www-data\nDocumentRoot @/htdocs\n", ports[0]) + more
	conf = filepath.Join(dir, "httpd.conf")
	if err := os.WriteFile(conf, []byte(strings.ReplaceAll(text, "@", dir)), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir, conf, fmt.Sprintf("http://127.0.0.1:%d/", ports[0])
}

// serve starts a server in the foreground and waits for its page.
func serve(t *testing.T, url, program string, args ...string) (pid int) {
	t.Helper()
	cmd := exec.Command(program, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan bool)
	go func() { cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			cmd.Process.Kill()
		}
	})
	for range 500 {
		if page, err := fetch(url); err == nil && page == "hello" {
			return cmd.Process.Pid
		}
		time.Sleep(20 * time.Millisecond)
	}
	cmd.Process.Kill()
	<-ended
	t.Fatalf("%s does not serve: %s", program, out.String())
	return 0
}

var client = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

func fetch(url string) (string, error) {
	res, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if res.StatusCode != 200 {
		return res.Status, err
	}
	return string(body), err
}

// TestStatusOfAServer: what status says of the children of a server that runs is
// what the kernel says, with the exit status that a monitor looks at.
func TestStatusOfAServer(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can enter a chroot with User and Group")
	}
	bin := buildServer(t)
	t.Run("jailed", func(t *testing.T) {
		dir, conf, url := site(t, "ChrootDir @/htdocs\nChrootFixRoot On\nCustomLog \"|$/bin/cat >>@/access_log\" %h\n")
		pid := serve(t, url, bin, "-f", conf, "-DFOREGROUND")
		var list []process
		for range 100 { // the last children may be on their way into the jail
			var out, errs bytes.Buffer
			code := run([]string{"status", "-json", strconv.Itoa(pid)}, &out, &errs)
			if err := json.Unmarshal(out.Bytes(), &list); err != nil {
				t.Fatalf("%v: %s%s", err, out.String(), errs.String())
			}
			if code == exitOK {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		serving, programs := 0, 0
		for _, p := range list {
			if p.Program != "" {
				programs++
				if p.Root != "/" || p.UID != "0" {
					t.Errorf("the log's program: %+v", p)
				}
				continue
			}
			serving++
			want := process{PID: p.PID, Root: filepath.Join(dir, "htdocs"), UID: "33", GID: "33", Groups: []string{"33"},
				Effective: "0000000000000000", Bounding: "0000000000000000", NoNewPrivs: true, Namespaces: p.Namespaces, Locks: p.Locks}
			if d := cmp.Diff(want, p); d != "" {
				t.Error(d)
			}
			if (p.Namespaces["mnt"] != "") != strings.Contains(p.Locks, "own mounts") || !strings.Contains(p.Locks, "no new privileges") {
				t.Errorf("namespaces %v, locks %q", p.Namespaces, p.Locks)
			}
			seen, err := os.Stat(fmt.Sprintf("/proc/%d/root/.", p.PID))
			if dir, _ := os.Stat(p.Root); err != nil || !os.SameFile(seen, dir) {
				t.Errorf("the kernel knows another root than %s, %v", p.Root, err)
			}
		}
		if serving == 0 || programs == 0 {
			t.Errorf("%d children and %d programs: %+v", serving, programs, list)
		}
		for range 100 {
			if _, err := os.Stat(filepath.Join(dir, "pid")); err == nil {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		for _, arg := range []string{strconv.Itoa(pid), filepath.Join(dir, "pid")} {
			if text := jailctl(t, exitOK, "status", arg); !strings.Contains(text, "  "+strconv.Itoa(list[len(list)-1].PID)+" ") || !strings.Contains(text, filepath.Join(dir, "htdocs")+"  33") {
				t.Errorf("as text: %s", text)
			}
		}
	})
	t.Run("no jail", func(t *testing.T) {
		_, conf, url := site(t, "")
		pid := serve(t, url, bin, "-f", conf, "-DFOREGROUND")
		for _, p := range jailctlJSON[[]process](t, exitFound, "status", strconv.Itoa(pid)) {
			if p.Root != "/" {
				t.Errorf("%+v", p)
			}
		}
	})
	t.Run("namespaces", func(t *testing.T) {
		cmd := exec.Command("/bin/sleep", "60")
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC}
		if err := cmd.Start(); err != nil {
			t.Skip(err)
		}
		defer func() { cmd.Process.Kill(); cmd.Wait() }()
		list, err := children(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range list {
			if p.PID != cmd.Process.Pid {
				continue
			}
			if len(p.Namespaces) != 2 || p.Namespaces["uts"] == "" || p.Namespaces["ipc"] == "" || p.Program != "sleep" {
				t.Errorf("%+v", p)
			}
			return
		}
		t.Errorf("no child %d in %+v", cmd.Process.Pid, list)
	})
	for _, arg := range []string{"/nonesuch/pid", "999999999"} {
		jailctl(t, exitError, "status", arg)
	}
	garbage := filepath.Join(t.TempDir(), "pid")
	if err := os.WriteFile(garbage, []byte("not a number\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := jailctl(t, exitError, "status", garbage); !strings.Contains(got, "holds no pid") {
		t.Error(got)
	}
}

// TestTakeover: no request fails while Donjon takes an Apache's place, and an
// Apache whose place cannot be taken goes on.
func TestTakeover(t *testing.T) {
	const apache = "/usr/sbin/apache2"
	if _, err := os.Stat(apache); err != nil || os.Getuid() != 0 {
		t.Skip("it needs root and the real Apache")
	}
	bin := buildServer(t)
	dir, conf, url := site(t, "<IfModule chroot_module>\nPidFile @/donjon.pid\nChrootDir @/htdocs\nChrootFixRoot On\n</IfModule>\n")
	old := strconv.Itoa(serve(t, url, apache, "-f", conf, "-DFOREGROUND"))
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{old}, "the command that starts the other"},
		{[]string{"999999999", bin}, "no process"},
		{[]string{strconv.Itoa(os.Getpid()), bin}, "no web server"},
		{[]string{old, "/bin/sh", "-c", "echo what is wrong; exit 3"}, "exit status 3) before it served; process " + old + " goes on\nwhat is wrong"},
		{[]string{old, bin, "-f", conf + ".none", "-DFOREGROUND"}, "goes on\n"},
	} {
		if got := jailctl(t, exitError, append([]string{"takeover"}, c.args...)...); !strings.Contains(got, c.want) {
			t.Errorf("takeover %q: %q, want %q", c.args, got, c.want)
		}
		if page, err := fetch(url); err != nil || page != "hello" {
			t.Fatalf("after that: %q, %v", page, err)
		}
	}
	var asked, failed atomic.Int64
	over := make(chan bool)
	for range 2 {
		go func() {
			for {
				select {
				case <-over:
					return
				default:
				}
				asked.Add(1)
				if page, err := fetch(url); err != nil || page != "hello" {
					failed.Add(1)
					t.Logf("%q, %v", page, err)
				}
			}
		}()
	}
	time.Sleep(100 * time.Millisecond)
	got := jailctlJSON[struct {
		PID, From int
		Sockets   []string
	}](t, exitOK, "takeover", filepath.Join(dir, "pid"), bin, "-f", conf, "-DFOREGROUND")
	t.Cleanup(func() { syscall.Kill(got.PID, syscall.SIGTERM) })
	if strconv.Itoa(got.From) != old || len(got.Sockets) != 1 || !strings.Contains(url, got.Sockets[0]) {
		t.Errorf("it says %+v", got)
	}
	for range 500 {
		if _, err := os.Stat("/proc/" + old + "/root/"); err != nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	time.Sleep(200 * time.Millisecond)
	close(over)
	if n := failed.Load(); n > 0 || asked.Load() < 10 {
		t.Errorf("%d of %d requests failed", n, asked.Load())
	}
	if _, err := os.Stat("/proc/" + old + "/root/"); err == nil {
		t.Errorf("process %s has not ended", old)
	}
	res, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if name := res.Header.Get("Server"); !strings.Contains(name, "Donjon") {
		t.Errorf("%q serves", name)
	}
	jailctl(t, exitOK, "status", strconv.Itoa(got.PID))
}
