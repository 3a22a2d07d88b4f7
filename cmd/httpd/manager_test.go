package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// manager plays systemd: it listens where NOTIFY_SOCKET points.
type manager struct {
	t    *testing.T
	conn *net.UnixConn
	path string
	said []string
}

func newManager(t *testing.T) *manager {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &manager{t: t, conn: conn, path: path}
}

// expect reads messages until one matches.
func (m *manager) expect(pattern string) string {
	m.t.Helper()
	rx := regexp.MustCompile(pattern)
	m.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	buf := make([]byte, 4096)
	for {
		n, err := m.conn.Read(buf)
		if err != nil {
			m.t.Fatalf("no message like %q: %v; so far\n%s", pattern, err, strings.Join(m.said, "\n--\n"))
		}
		text := string(buf[:n])
		m.said = append(m.said, text)
		if rx.MatchString(text) {
			return text
		}
	}
}

func TestServiceManager(t *testing.T) {
	s := prepareServer(t, "")
	m := newManager(t)
	l, err := net.Listen("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	socket, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	l.Close() // the server must not bind the address itself, it is taken by the copy
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	spare, err := other.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	other.Close()
	cmd := exec.Command("/bin/sh", "-c", `LISTEN_PID=$$ exec "$0" -f "$1" -D FOREGROUND`, s.bin, s.file("httpd.conf"))
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+m.path, "LISTEN_FDS=2", "WATCHDOG_USEC=400000")
	cmd.ExtraFiles = []*os.File{socket, spare}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	socket.Close()
	spare.Close()
	s.pid = cmd.Process.Pid
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	defer cmd.Process.Kill()

	m.expect(fmt.Sprintf(`(?m)^READY=1$(?s:.*)^MAINPID=%d$`, s.pid))
	m.expect(`^WATCHDOG=1$`)
	c := &crowd{addr: s.addr}
	c.start(1, 1)
	time.Sleep(100 * time.Millisecond)
	cmd.Process.Signal(syscall.SIGHUP)
	m.expect(`(?m)^RELOADING=1$(?s:.*)^MONOTONIC_USEC=\d+$`)
	m.expect(`(?m)^READY=1$`)
	good, _ := os.ReadFile(s.file("httpd.conf"))
	s.write("httpd.conf", string(good)+"Bogus\n")
	cmd.Process.Signal(syscall.SIGUSR1)
	m.expect(`(?m)^RELOADING=1$`)
	m.expect(`(?m)^READY=1$(?s:.*)^STATUS=restart failed, generation 1 goes on serving`)
	s.write("httpd.conf", string(good))
	s.replaceProgram()
	cmd.Process.Signal(syscall.SIGUSR1)
	m.expect(`(?m)^RELOADING=1$`)
	m.expect(fmt.Sprintf(`(?m)^READY=1$(?s:.*)^MAINPID=%d$`, s.pid))
	m.expect(`^WATCHDOG=1$`)
	m.expect(`^STATUS=Total requests: \d+; Idle/Busy workers \d+/\d+;Requests/sec: `)
	for _, child := range childrenOf(t, s.pid) {
		env, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", child))
		for _, name := range []string{"NOTIFY_SOCKET", "LISTEN_FDS", "WATCHDOG_USEC"} {
			if strings.Contains(string(env), name) {
				t.Errorf("a child has %s in its environment", name)
			}
		}
	}
	c.stop()
	for _, err := range c.failures {
		t.Error(err)
	}
	if c.answered.Load() == 0 {
		t.Error("no request was answered on the passed socket")
	}
	cmd.Process.Signal(syscall.SIGTERM)
	m.expect(`(?m)^STOPPING=1$`)
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Error("it does not end")
	}
	log, _ := os.ReadFile(s.file("error.log"))
	if want := "which no Listen names: it is closed"; !strings.Contains(string(log), want) {
		t.Errorf("no %q in\n%s", want, log)
	}
}

// TestApachectl calls the program under its other name.
func TestApachectl(t *testing.T) {
	s := prepareServer(t, "")
	ctl := s.file("apachectl")
	if err := os.Symlink(s.bin, ctl); err != nil {
		t.Fatal(err)
	}
	s.write("envvars", "export SITE_PORT="+s.addr[strings.LastIndexByte(s.addr, ':')+1:]+"\n")
	good, _ := os.ReadFile(s.file("httpd.conf"))
	text := strings.Replace(string(good), "Listen "+s.addr, "Listen 127.0.0.1:${SITE_PORT}", 1)
	s.write("httpd.conf", text)
	run := func(args ...string) (int, string) {
		cmd := exec.Command(ctl, args...)
		cmd.Env = append(os.Environ(), "APACHE_ENVVARS="+s.file("envvars"), "APACHE_ARGUMENTS=-f "+s.file("httpd.conf"))
		out, _ := cmd.CombinedOutput()
		return cmd.ProcessState.ExitCode(), string(out)
	}
	check := func(word string, status int, want string) {
		t.Helper()
		if code, out := run(word); code != status || !strings.Contains(out, want) {
			t.Errorf("apachectl %s: exit %d, want %d and %q in\n%s", word, code, status, want, out)
		}
	}
	check("configtest", 0, "Syntax OK")
	check("start", 0, "")
	s.pid = s.readPid()
	defer syscall.Kill(s.pid, syscall.SIGTERM)
	check("status", 0, "listening on "+s.addr)
	check("fullstatus", 0, "client")
	check("graceful", 0, "")
	s.write("httpd.conf", text+"Bogus\n")
	check("graceful", 1, "Invalid command 'Bogus'")
	check("restart", 1, "Action 'restart' failed.\nThe Apache error log may have more information.\n")
	s.write("httpd.conf", text)
	check("help", 1, "Usage: ")
	check("startssl", 2, "no longer supported")
	check("-v", 0, "Server version: Apache/2.4.71")
	check("stop", 0, "")
	check("status", 1, "not running")
}
