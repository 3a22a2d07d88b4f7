package program

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/donjon-httpd/donjon/server"
)

func start(t *testing.T, c Command, script string) *Process {
	t.Helper()
	c.Path, c.Args = "/bin/sh", []string{"sh", "-c", script}
	p, err := Start(&c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.End()
		p.Wait()
	})
	return p
}

func TestStreams(t *testing.T) {
	var mu sync.Mutex
	var said []string
	p := start(t, Command{Env: []string{"A=b c"}, Dir: "/", Stderr: func(l string) {
		mu.Lock()
		said = append(said, l)
		mu.Unlock()
	}}, `read x; echo "$x|$A|$PWD"; echo one >&2; printf 'two\r\nthree' >&2; exit 3`)
	io.WriteString(p.Stdin, "line\n")
	p.Stdin.Close()
	out, err := io.ReadAll(p.Stdout)
	if err != nil || string(out) != "line|b c|/\n" {
		t.Errorf("output %q, %v", out, err)
	}
	if s := p.Wait(); s.ExitStatus() != 3 {
		t.Errorf("exit status %d", s.ExitStatus())
	}
	if d := cmp.Diff([]string{"one", "two", "three"}, said); d != "" {
		t.Error(d)
	}
}

func TestNoInput(t *testing.T) {
	p := start(t, Command{NoInput: true}, "cat; echo end")
	if out, err := io.ReadAll(p.Stdout); err != nil || string(out) != "end\n" || p.Stdin != nil {
		t.Errorf("output %q, %v", out, err)
	}
}

// TestGroup: what a script leaves running ends with it; what it moved out of
// its group does not hold up its standard error.
func TestGroup(t *testing.T) {
	p := start(t, Command{Stderr: func(string) {}}, "sleep 100 & echo $!; setsid sleep 1 & exit")
	var pid int
	out, _ := io.ReadAll(io.LimitReader(p.Stdout, 16))
	for _, c := range strings.TrimSpace(string(out)) {
		pid = pid*10 + int(c-'0')
	}
	began := time.Now()
	p.Wait()
	if d := time.Since(began); d > 900*time.Millisecond {
		t.Errorf("waited %v", d)
	}
	for range 100 {
		if syscall.Kill(pid, 0) == syscall.ESRCH || zombie(pid) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("process %d still runs", pid)
}

// zombie tells whether a process has ended and waits for somebody to ask.
func zombie(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(text), ") Z ")
}

func TestEnd(t *testing.T) {
	for _, c := range []struct {
		name, script string
		signal       syscall.Signal
		slow         bool
	}{
		{"asked", "echo; sleep 100", syscall.SIGTERM, false},
		{"deaf", "trap '' TERM; echo; while :; do sleep 100; done", syscall.SIGKILL, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := start(t, Command{}, c.script)
			p.Stdout.Read(make([]byte, 1))
			began := time.Now()
			p.End()
			s := p.Wait()
			if s.Signal() != c.signal || (time.Since(began) >= grace) != c.slow {
				t.Errorf("%v after %v", s.Signal(), time.Since(began))
			}
		})
	}
}

func TestLimits(t *testing.T) {
	cpu, mem := server.RLimit{Soft: 7, Hard: 9}, server.RLimit{Soft: 1 << 30}
	p := start(t, Command{Limits: Limits{CPU: &cpu, MEM: &mem}}, "ulimit -St; ulimit -Ht; ulimit -Sv; ulimit -Hv")
	out, _ := io.ReadAll(p.Stdout)
	if d := cmp.Diff("7\n9\n1048576\nunlimited\n", string(out)); d != "" {
		t.Error(d)
	}
	if s := p.Wait(); s.ExitStatus() != 0 {
		t.Error(s)
	}
	_, err := Start(&Command{Path: "/no/such", Limits: Limits{CPU: &cpu}})
	if err != syscall.ENOENT {
		t.Errorf("a missing program: %v", err)
	}
}

// TestSignals: whatever signals this process was started with, a program has
// none blocked and none ignored.
func TestSignals(t *testing.T) {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE, syscall.SIGHUP)
	p, err := Start(&Command{Path: "/bin/grep", Args: []string{"grep", "-E", "Sig(Blk|Ign)", "/proc/self/status"}, NoInput: true})
	if err != nil {
		t.Skip(err)
	}
	out, _ := io.ReadAll(p.Stdout)
	p.Wait()
	for l := range strings.Lines(string(out)) {
		name, mask, _ := strings.Cut(strings.TrimSpace(l), ":\t")
		n, err := strconv.ParseUint(mask, 16, 64)
		if err != nil || n != 0 && name == "SigBlk" || n&(1<<(syscall.SIGPIPE-1)|1<<(syscall.SIGHUP-1)) != 0 {
			t.Error(l)
		}
	}
	if len(out) == 0 {
		t.Error("nothing was said")
	}
}

func TestReadNow(t *testing.T) {
	p := start(t, Command{}, "read x; echo $x; read y")
	b := make([]byte, 10)
	if n, err := ReadNow(p.Stdout, b); n != 0 || err != nil {
		t.Errorf("nothing yet: %d, %v", n, err)
	}
	io.WriteString(p.Stdin, "1\n")
	var n int
	for n == 0 {
		var err error
		if n, err = ReadNow(p.Stdout, b); err != nil {
			t.Fatal(err)
		}
	}
	if string(b[:n]) != "1\n" {
		t.Errorf("%q", b[:n])
	}
	p.Stdin.Close()
	p.Wait()
	if _, err := ReadNow(p.Stdout, b); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
}

func TestEndAll(t *testing.T) {
	a, b := start(t, Command{}, "sleep 100"), start(t, Command{}, "sleep 100")
	EndAll()
	if !a.Ended() || !b.Ended() {
		t.Error("a program is left")
	}
}
