package main

import (
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestOutOfDescriptors opens more connections than the server has descriptors:
// it says so once, and serves on when there are some again.
func TestOutOfDescriptors(t *testing.T) {
	s := prepareServer(t, "TimeOut 60\nAcceptFilter http none\n")
	start := exec.Command("/bin/sh", "-c", `ulimit -n 64 && exec "$0" -f "$1" -k start`, s.bin, s.file("httpd.conf"))
	if out, err := start.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s.pid = s.readPid()
	t.Cleanup(func() { syscall.Kill(s.pid, syscall.SIGTERM) })
	var open []net.Conn
	for range 300 {
		conn, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, conn)
	}
	time.Sleep(time.Second)
	for _, conn := range open {
		conn.Close()
	}
	c := &crowd{addr: s.addr}
	c.start(2, 2)
	time.Sleep(500 * time.Millisecond)
	c.stop()
	for _, err := range c.failures {
		t.Error(err)
	}
	if c.answered.Load() == 0 {
		t.Error("nothing is answered any more")
	}
	log, _ := os.ReadFile(s.file("error.log"))
	children := len(childrenOf(t, s.pid))
	for _, text := range []string{"AH02179: apr_socket_accept: (client socket)", "connections are accepted again"} {
		if n := strings.Count(string(log), text); n < 1 || n > 20*children {
			t.Errorf("%d lines %q\n%s", n, text, log)
		}
	}
	s.stop()
}
