package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestPipelinedFlood sends many requests on a few connections and reads no
// answer: what the server holds for them is bounded, and others are served.
func TestPipelinedFlood(t *testing.T) {
	s := newLiveServer(t, "")
	ask := func(target string) string {
		return "GET " + target + " HTTP/1.1\r\nHost: localhost\r\n\r\n"
	}
	before := s.childMemory()
	var open []net.Conn
	for i := range 20 {
		c, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
		target := "/index.html"
		if i%2 == 1 {
			target = "/none"
		}
		c.SetWriteDeadline(time.Now().Add(2 * time.Second))
		flood := []byte(strings.Repeat(ask(target), 1000))
		for range 20 { // until the socket is full, or all 20,000 are out
			if _, err := c.Write(flood); err != nil {
				break
			}
		}
	}
	c := &crowd{addr: s.addr}
	c.start(2, 2)
	time.Sleep(500 * time.Millisecond)
	c.stop()
	for _, err := range c.failures {
		t.Error(err)
	}
	if c.answered.Load() == 0 {
		t.Error("nobody else is served")
	}
	if grown := s.childMemory() - before; grown > 64<<10 {
		t.Errorf("%d KiB more for 20 connections", grown)
	}
	// One who starts to read gets whole answers.
	b := make([]byte, 200<<10)
	open[0].SetReadDeadline(time.Now().Add(10 * time.Second))
	n, err := io.ReadFull(open[0], b)
	if err != nil || !bytes.HasPrefix(b, []byte("HTTP/1.1 200 OK\r\n")) || bytes.Count(b, []byte("HTTP/1.1 200 OK\r\n")) < 100 {
		t.Errorf("%d bytes, %v: %.100q", n, err, b)
	}
	for _, c := range open {
		c.Close()
	}
	s.stop()
}

// TestIdleCrowd keeps 10,000 connections open that have had an answer, and
// 1,000 that never ask: the others are served, and then some of the crowd.
func TestIdleCrowd(t *testing.T) {
	const kept, silent = 10000, 1000
	limit := unix.Rlimit{Cur: kept + silent + 500, Max: kept + silent + 500}
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	if was.Cur < limit.Cur {
		limit.Max = max(limit.Max, was.Max)
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			t.Skipf("%d descriptors: %v", limit.Cur, err)
		}
		defer unix.Setrlimit(unix.RLIMIT_NOFILE, &was)
	}
	s := prepareServer(t, "KeepAliveTimeout 60\nAcceptFilter http none\n")
	s.build(false) // the detector's memory is not the server's
	s.must("-k", "start")
	s.pid = s.readPid()
	t.Cleanup(func() { syscall.Kill(s.pid, syscall.SIGTERM) })
	before := s.childMemory()
	var open []net.Conn
	buf := make([]byte, 4096)
	ask := func(c net.Conn) error {
		c.SetDeadline(time.Now().Add(10 * time.Second))
		if _, err := fmt.Fprint(c, "GET /index.html HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			return err
		}
		for got := 0; got < 1024; {
			n, err := c.Read(buf)
			if err != nil {
				return err
			}
			got += n
		}
		return nil
	}
	for i := range kept + silent {
		c, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
		if i < kept {
			if err := ask(c); err != nil {
				t.Fatalf("connection %d: %v", i, err)
			}
		}
	}
	if grown := s.childMemory() - before; grown > 32<<10 {
		t.Errorf("%d KiB for %d connections", grown, kept+silent)
	}
	for i := 0; i < kept+silent; i += 1000 {
		if err := ask(open[i]); err != nil {
			t.Errorf("connection %d that has waited: %v", i, err)
		}
	}
	for _, c := range open {
		c.Close()
	}
	s.stop()
}

// childMemory is what the children hold, in KiB.
func (s *liveServer) childMemory() (kib int) {
	for _, pid := range childrenOf(s.t, s.pid) {
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if f := residentRx.FindSubmatch(status); f != nil {
			n, _ := strconv.Atoi(string(f[1]))
			kib += n
		}
	}
	return kib
}
