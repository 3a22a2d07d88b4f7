package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/donjon-httpd/donjon/chroot"
)

// TestChangedConfiguration restarts, both ways, into another jail, another
// port, another virtual host, and a broken file.
func TestChangedConfiguration(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can enter a chroot with User and Group")
	}
	for _, command := range []string{"restart", "graceful"} {
		t.Run(command, func(t *testing.T) {
			s := newLiveServer(t, "")
			b, err := os.ReadFile(s.file("httpd.conf"))
			if err != nil {
				t.Fatal(err)
			}
			text := string(b)
			page := func(addr, host, want string) {
				t.Helper()
				req, _ := http.NewRequest("GET", "http://"+addr+"/who.txt", nil)
				req.Host, req.Close = host, true
				resp, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				if body, _ := io.ReadAll(resp.Body); string(body) != want {
					t.Fatalf("%s %s: %s %q, want %q", addr, host, resp.Status, body, want)
				}
			}
			for _, name := range []string{"jail/htdocs/who.txt", "jail2/htdocs/who.txt", "jail2/other/who.txt"} {
				os.MkdirAll(filepath.Dir(s.file(name)), 0o755)
				s.write(name, filepath.Dir(name))
			}
			page(s.addr, "localhost", "jail/htdocs")

			// Another jail.
			text = strings.ReplaceAll(text, s.dir+"/jail", s.dir+"/jail2")
			s.write("httpd.conf", text)
			s.must("-k", command)
			page(s.addr, "localhost", "jail2/htdocs")
			for _, pid := range childrenOf(t, s.pid) {
				root, _ := chroot.RootOf(pid)
				if root != s.file("jail2") && !finishing(pid, s) {
					t.Errorf("child %d has the root %s", pid, root)
				}
			}

			// Another virtual host.
			text += fmt.Sprintf("<VirtualHost *:*>\nServerName other.example\nDocumentRoot %s/jail2/other\n</VirtualHost>\n", s.dir)
			s.write("httpd.conf", text)
			s.must("-k", command)
			page(s.addr, "other.example", "jail2/other")

			// Another port; the old one is closed.
			old := s.addr
			s.addr = fmt.Sprintf("127.0.0.1:%d", freePort(t))
			text = strings.Replace(text, "Listen "+old, "Listen "+s.addr, 1)
			s.write("httpd.conf", text)
			s.must("-k", command)
			page(s.addr, "other.example", "jail2/other")
			if conn, err := net.Dial("tcp", old); err == nil {
				conn.Close()
				t.Errorf("%s still accepts", old)
			}

			// A broken file, and one whose jail is not there.
			for _, tc := range []struct{ more, want string }{
				{"Bogus on\n", "Invalid command 'Bogus'"},
				{"ChrootDir " + s.dir + "/nosuch\n", "nosuch"},
			} {
				s.write("httpd.conf", text+tc.more)
				code, out := s.httpd("-k", command)
				if code != 1 || !strings.Contains(out, tc.want) {
					t.Errorf("-k %s: exit %d, want 1 and %q in\n%s", command, code, tc.want, out)
				}
				syscall.Kill(s.pid, map[string]syscall.Signal{"restart": syscall.SIGHUP, "graceful": syscall.SIGUSR1}[command])
				time.Sleep(300 * time.Millisecond)
				page(s.addr, "other.example", "jail2/other")
				if log, _ := os.ReadFile(s.file("error.log")); !strings.Contains(string(log), tc.want) {
					t.Errorf("no %q in\n%s", tc.want, log)
				}
			}
			if pid := s.readPid(); pid != s.pid {
				t.Errorf("the parent is process %d, was %d", pid, s.pid)
			}
			s.write("httpd.conf", text)
			s.stop()
		})
	}
}

// finishing tells whether a child is not of the newest two: those of the
// generation before may still be about to end.
func finishing(pid int, s *liveServer) bool {
	newest := childrenOf(s.t, s.pid)
	slices.Sort(newest)
	return len(newest) > 2 && slices.Index(newest, pid) < len(newest)-2
}

// TestEnds is TERM, which ends everything within a second, and WINCH, which
// lets a long response finish.
func TestEnds(t *testing.T) {
	s := newLiveServer(t, "")
	big, err := os.Create(s.file("jail/htdocs/big"))
	if err != nil {
		t.Fatal(err)
	}
	const size = 64 << 20
	if err := big.Truncate(size); err != nil {
		t.Fatal(err)
	}
	big.Close()
	slow := 3 * time.Second
	if *long {
		slow = 10 * time.Second
	}
	begin := func() *http.Response {
		resp, err := http.Get("http://" + s.addr + "/big")
		if err != nil {
			t.Fatal(err)
		}
		return resp
	}
	resp := begin()
	children := childrenOf(t, s.pid)
	syscall.Kill(s.pid, syscall.SIGWINCH)
	time.Sleep(slow)
	n, err := io.Copy(io.Discard, resp.Body)
	if n != size || err != nil {
		t.Errorf("%d bytes of %d came after WINCH: %v", n, size, err)
	}
	s.gone(children, 3*time.Second)

	s.must("-k", "start")
	s.pid = s.readPid()
	resp = begin()
	defer resp.Body.Close()
	children = childrenOf(t, s.pid)
	syscall.Kill(s.pid, syscall.SIGTERM)
	s.gone(children, time.Second)
	l, err := net.Listen("tcp", s.addr)
	if err != nil {
		t.Fatalf("the port is not free: %v", err)
	}
	l.Close()
}

// gone waits until the server and its children have ended.
func (s *liveServer) gone(children []int, limit time.Duration) {
	s.t.Helper()
	began := time.Now()
	for _, pid := range append([]int{s.pid}, children...) {
		for running(pid) {
			if time.Since(began) > limit+2*time.Second { // the machine may be busy; the figure is logged
				s.t.Fatalf("process %d is still there after %v", pid, time.Since(began))
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	s.t.Logf("everything had ended after %v (wanted: %v)", time.Since(began).Round(time.Millisecond), limit)
}

// running tells whether a process lives; one that only waits for who adopted it
// does not.
func running(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}

// TestOrderOfAChild follows a child with strace: from the chdir on, only what
// closes the door is called, and nothing outside is opened afterwards.
func TestOrderOfAChild(t *testing.T) {
	if _, err := exec.LookPath("strace"); err != nil || os.Getuid() != 0 {
		t.Skip("needs strace and root")
	}
	s := prepareServer(t, "")
	trace := s.file("trace")
	cmd := exec.Command("strace", "-f", "-o", trace, "-e", "trace=chdir,fchdir,chroot,setgroups,setgid,setuid,setresgid,setresuid,prctl,capset,open,openat,openat2,accept4",
		s.bin, "-f", s.file("httpd.conf"), "-X")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	defer func() { cmd.Process.Kill() }()
	for range 200 {
		if resp, err := http.Get("http://" + s.addr + "/index.html"); err == nil {
			resp.Body.Close()
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	pid := s.readPid()
	threads := map[string]bool{}
	for _, child := range childrenOf(t, pid) {
		tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", child))
		for _, task := range tasks {
			threads[task.Name()] = true
		}
	}
	syscall.Kill(pid, syscall.SIGTERM)
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("strace does not end")
	}
	b, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(b), "\n")
	at := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, " chroot(") })
	if at < 1 {
		t.Fatalf("no chroot in\n%s", b)
	}
	// The calls of the thread that closes the door, in their order.
	thread, _, _ := strings.Cut(lines[at], " ")
	var calls []string
	for i, l := range lines {
		who, call, _ := strings.Cut(l, " ")
		name, args, _ := strings.Cut(strings.TrimSpace(call), "(")
		args, _, _ = strings.Cut(args, "<unfinished ...>")
		if who == thread && (strings.HasPrefix(name, "set") || strings.HasSuffix(name, "chdir") || name == "chroot") {
			calls = append(calls, name)
		}
		outside := strings.Contains(args, s.dir) || strings.Contains(args, "/etc/") || strings.Contains(args, "..")
		if i > at && threads[who] && strings.HasPrefix(name, "open") && outside {
			t.Errorf("opened after the jail was closed: %s", l)
		}
	}
	// What follows is the proof: root cannot be had back.
	want := "fchdir chroot chdir setgroups setresgid setresuid"
	if len(calls) > 1 && calls[0] == calls[1] {
		calls = calls[1:] // into what becomes the root of its own mounts
	}
	if got := strings.Join(calls, " "); !strings.HasPrefix(got, want) {
		t.Errorf("the calls are %q, want %q", got, want)
	}
}
