package chroot

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A jail cannot be left, so each is entered by another process: this test binary
// executed again, with its task in the environment.
const taskVar = "DONJON_CHROOT_TASK"

type task struct {
	Plan   Plan
	Hold   string // a directory to keep open
	Escape bool   // try to get out
	Middle bool   // start the task again as an unprivileged server does
	Own    bool   // with a mount namespace of its own
	Pass   bool   // descriptor 3 is a socket over which a directory outside comes
	Look   string // a file to read when standard input says so
}

// report is what the jailed process found.
type report struct {
	Err       string
	Proof     string
	Again     string // of a second Check
	Names     []string
	IDs       [6]int
	Groups    []int
	SetUID    string
	Unshare   string
	Tokyo     string
	Local     string
	Localhost []string
	Port      int
	Random    bool
	Passwd    string // the user that the jail's own files call www-data
	Dumpable  int
	Escapes   map[string]string // what came of each attempt
	Looked    string            // content of the file, or the error
	Locks     []string
}

// leftVar makes this test binary list the descriptors that a program of its gets.
const leftVar = "DONJON_CHROOT_LEFT"

func TestMain(m *testing.M) {
	if closed := os.Getenv(leftVar); closed != "" {
		if closed == "true" {
			if err := CloseOnExec(); err != nil {
				panic(err)
			}
		}
		cmd := exec.Command("sh", "-c", "cd /proc/self/fd; echo fds: *; exit 0")
		cmd.Stdout = os.Stdout
		if err := cmd.Run(); err != nil {
			panic(err)
		}
		os.Exit(0)
	}
	if os.Getenv(whoVar) != "" {
		fmt.Print(os.Geteuid())
		os.Exit(0)
	}
	if text := os.Getenv(taskVar); text != "" {
		var t task
		if err := json.Unmarshal([]byte(text), &t); err != nil {
			panic(err)
		}
		if t.Middle {
			os.Exit(middle(t))
		}
		r := jailed(t)
		if t.Look != "" {
			_, _ = os.Stdin.Read(make([]byte, 1))
			text, err := os.ReadFile(t.Look)
			if r.Looked = string(text); err != nil {
				r.Looked = err.Error()
			}
		}
		if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
			panic(err)
		}
		_, _ = io.Copy(io.Discard, os.Stdin) // until the test has looked
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// middle is a server without root that starts its jailed child.
func middle(t task) int {
	t.Middle = false
	cmd := command(t)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := Unprivileged(cmd.SysProcAttr); err != nil {
		_ = json.NewEncoder(os.Stdout).Encode(report{Err: err.Error()})
		return 0
	}
	if err := cmd.Run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func command(t task) *exec.Cmd {
	t.Plan.OuterMounts = MountNamespace()
	text, err := json.Marshal(t)
	if err != nil {
		panic(err)
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^$")
	cmd.Env = append(os.Environ(), taskVar+"="+string(text), "TZ=Asia/Tokyo")
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	if t.Own && !t.Middle {
		PrivateMounts(cmd.SysProcAttr)
	}
	return cmd
}

// jailed enters and looks around.
func jailed(t task) (r report) {
	pre, err := Preload(false)
	if err != nil {
		return report{Err: err.Error()}
	}
	if t.Hold != "" {
		f, err := os.Open(t.Hold)
		if err != nil {
			return report{Err: err.Error()}
		}
		defer f.Close()
	}
	// Threads that exist before Enter, and will run nothing until the end.
	for range 6 {
		ready := make(chan bool)
		go func() {
			runtime.LockOSThread()
			ready <- true
			time.Sleep(time.Hour)
		}()
		<-ready
	}
	proof, err := Enter(t.Plan)
	if err != nil {
		return report{Err: err.Error()}
	}
	r.Proof, r.Locks = proof.String(), proof.Locks()
	if err := proof.Check(); err != nil {
		r.Again = err.Error()
	}
	entries, err := os.ReadDir("/")
	if err != nil {
		r.Names = []string{err.Error()}
	}
	for _, e := range entries {
		r.Names = append(r.Names, e.Name())
	}
	if t.Escape {
		r.Escapes = escapes()
	}
	if t.Pass {
		r.Escapes = passed()
	}
	r.IDs[0], r.IDs[1], r.IDs[2] = unix.Getresuid()
	r.IDs[3], r.IDs[4], r.IDs[5] = unix.Getresgid()
	r.Groups, _ = syscall.Getgroups()
	r.SetUID = fmt.Sprint(syscall.Setuid(0))
	r.Unshare = fmt.Sprint(unix.Unshare(unix.CLONE_NEWUSER))
	summer := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	if tokyo, err := time.LoadLocation("Asia/Tokyo"); err == nil {
		r.Tokyo = summer.In(tokyo).Format(time.RFC3339)
	}
	r.Local = summer.Local().Format(time.RFC3339)
	r.Localhost, _ = pre.Resolver.LookupHost(context.Background(), "localhost")
	r.Port, _ = net.LookupPort("tcp", "http")
	_, err = rand.Read(make([]byte, 16))
	r.Random = err == nil
	if id, err := Lookup("www-data", "www-data"); err == nil {
		r.Passwd = fmt.Sprintf("%s %d %d", id.User, id.UID, id.GID)
	}
	r.Dumpable, _ = unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
	return r
}

// inJail starts t, through a Spawner unless bare, calls look with its pid while
// it waits, and gives its report.
func inJail(t *testing.T, what task, bare bool, as *syscall.Credential, look func(pid int), files ...*os.File) report {
	t.Helper()
	cmd := command(what)
	cmd.SysProcAttr.Credential = as
	cmd.Stderr, cmd.ExtraFiles = os.Stderr, files
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	start := cmd.Start
	if !bare {
		s, err := NewSpawner(Allowances{Mounts: what.Own, NewPrivs: what.Plan.NewPrivs, Bounding: what.Plan.Bounding})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		start = func() error { return s.Do(cmd.Start) }
	}
	if err := start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	var r report
	if err := json.NewDecoder(out).Decode(&r); err != nil {
		t.Errorf("no report: %v", err)
	} else if look != nil {
		look(cmd.Process.Pid)
	}
	_ = in.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	return r
}

// inJailWhile starts t and lets act do something before it looks.
func inJailWhile(t *testing.T, what task, act func(in io.Writer, pid int)) (r report) {
	t.Helper()
	cmd := command(what)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewSpawner(Allowances{Mounts: what.Own})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Do(cmd.Start); err != nil {
		t.Fatal(err)
	}
	act(in, cmd.Process.Pid)
	if err := json.NewDecoder(out).Decode(&r); err != nil {
		t.Error(err)
	}
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	return r
}

// settle waits until a process has changed its user, which it does in its jail.
func settle(pid int) {
	for range 1000 {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil || !strings.Contains(string(text), "\nUid:\t0\t") {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// newJail makes a directory that every user can enter.
func newJail(t *testing.T) string {
	t.Helper()
	dir := t.TempDir() // <temporary>/TestName123/001
	for _, d := range []string{filepath.Dir(dir), dir} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	return real
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can chroot and change user")
	}
}
