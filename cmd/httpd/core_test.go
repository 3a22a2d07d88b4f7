package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestCoreDump crashes a jailed child: its core is in CoreDumpDirectory, the
// log tells, and another child serves.
func TestCoreDump(t *testing.T) {
	pattern, _ := os.ReadFile("/proc/sys/kernel/core_pattern")
	if os.Getuid() != 0 || len(pattern) == 0 || strings.ContainsAny(string(pattern[0]), "/|") {
		t.Skipf("needs root and a core_pattern that is a name, not %q", pattern)
	}
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_CORE, &old); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{Cur: 1 << 30, Max: max(old.Max, 1<<30)}); err != nil {
		t.Skip(err)
	}
	defer syscall.Setrlimit(syscall.RLIMIT_CORE, &old)
	s := prepareServer(t, "")
	cores := s.file("jail/cores")
	os.Mkdir(cores, 0o755)
	os.Chmod(cores, 0o777)
	text, _ := os.ReadFile(s.file("httpd.conf"))
	s.write("httpd.conf", string(text)+"CoreDumpDirectory "+cores+"\n")
	s.must("-k", "start")
	s.pid = s.readPid()
	before := childrenOf(t, s.pid)
	syscall.Kill(before[0], syscall.SIGSEGV)
	want := "possible coredump in " + cores
	var log []byte
	for range 200 {
		if log, _ = os.ReadFile(s.file("error.log")); strings.Contains(string(log), want) {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if !strings.Contains(string(log), want) {
		t.Errorf("no %q in\n%s", want, log)
	}
	if found, _ := filepath.Glob(cores + "/core*"); len(found) == 0 {
		t.Errorf("no core in %s\n%s", cores, log)
	}
	for _, pid := range childrenOf(t, s.pid) {
		if pid == before[0] {
			t.Error("the crashed child is still there")
		}
	}
	s.stop()
}
