package main

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

var long = flag.Bool("long", false, "50 restarts, 50 ended children, 5 upgrades and 20 rotations instead of a few")

// TestNothingIsDropped keeps a jailed server under load, on connections that
// are kept and on new ones, while it is restarted, its children are ended, its
// program is replaced and its logs are rotated. Every request must be answered
// and have exactly one whole line in the access log.
func TestNothingIsDropped(t *testing.T) {
	if testing.Short() {
		t.Skip("takes ten seconds")
	}
	s := newLiveServer(t, "")
	restarts, ended, upgrades, rotations := 6, 6, 2, 3
	if *long {
		restarts, ended, upgrades, rotations = 50, 50, 5, 20
	}
	c := &crowd{addr: s.addr}
	c.start(4, 2)
	s.graceful() // so that what is measured next has seen a restart
	time.Sleep(time.Second)
	before := s.measure()

	for i := range restarts {
		if i%5 == 4 {
			s.must("-k", "restart")
		} else {
			s.graceful()
		}
	}
	for i := range ended {
		pids := childrenOf(t, s.pid)
		syscall.Kill(pids[i%len(pids)], syscall.SIGTERM)
		time.Sleep(100 * time.Millisecond)
	}
	for range upgrades {
		s.replaceProgram()
		s.graceful()
	}
	for i := range rotations {
		if err := os.Rename(s.file("access.log"), s.file(fmt.Sprintf("access.log.%d", i+1))); err != nil {
			t.Fatal(err)
		}
		s.graceful()
	}
	// What was told to finish has KeepAliveTimeout to do so.
	time.Sleep(2500 * time.Millisecond)
	after := s.measure()
	c.stop()
	t.Logf("%d requests; before %v, after %v", c.answered.Load(), before, after)
	for _, err := range c.failures {
		t.Error(err)
	}
	if after.children != before.children {
		t.Errorf("%d children, %d before", after.children, before.children)
	}
	if after.descriptors > before.descriptors {
		t.Errorf("the parent has %d descriptors, %d before:\n%q\n%q", after.descriptors, before.descriptors, after.open, before.open)
	}
	if limit := before.resident + before.resident/2; after.resident > limit {
		t.Errorf("the parent uses %d kB, %d before", after.resident, before.resident)
	}
	s.stop()
	s.checkLog(c, 0)
}

// TestKilledChildren kills children where they stand. Only what was under way
// in the killed process may fail, and what was answered before is in the log.
func TestKilledChildren(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	s := newLiveServer(t, "")
	kills := 6
	if *long {
		kills = 50
	}
	c := &crowd{addr: s.addr, cut: true}
	c.start(4, 2)
	for i := range kills {
		pids := childrenOf(t, s.pid)
		syscall.Kill(pids[i%len(pids)], syscall.SIGKILL)
		time.Sleep(150 * time.Millisecond)
	}
	c.stop()
	t.Logf("%d requests, %d cut connections in %d kills", c.answered.Load(), c.cuts.Load(), kills)
	for _, err := range c.failures {
		t.Error(err)
	}
	if most := int64(kills * 6); c.cuts.Load() > most {
		t.Errorf("%d connections were cut; %d kills of children with at most 6 connections can cut %d", c.cuts.Load(), kills, most)
	}
	s.stop()
	s.checkLog(c, kills)
}

// liveServer is a jailed server (as root) with an access log, in a directory of
// its own.
type liveServer struct {
	t    *testing.T
	dir  string
	bin  string
	addr string
	pid  int
}

// newLiveServer starts one; more is added to its configuration.
func newLiveServer(t *testing.T, more string) *liveServer {
	t.Helper()
	s := prepareServer(t, more)
	s.must("-k", "start")
	s.pid = s.readPid()
	t.Cleanup(func() { syscall.Kill(s.pid, syscall.SIGTERM) })
	return s
}

// prepareServer makes all that a server needs, and starts none.
func prepareServer(t *testing.T, more string) *liveServer {
	t.Helper()
	dir, err := os.MkdirTemp("", "live")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	os.Chmod(dir, 0o755)
	s := &liveServer{t: t, dir: dir, bin: filepath.Join(dir, "httpd"), addr: fmt.Sprintf("127.0.0.1:%d", freePort(t))}
	s.build(raceDetector)
	jail := ""
	if os.Getuid() == 0 {
		jail = fmt.Sprintf("ChrootDir %s/jail\nChrootFixRoot On\nUser nobody\nGroup nogroup\n", dir)
	}
	os.MkdirAll(filepath.Join(dir, "jail/htdocs"), 0o755)
	os.WriteFile(filepath.Join(dir, "jail/htdocs/index.html"), bytes.Repeat([]byte("x"), 1024), 0o644)
	s.write("httpd.conf", fmt.Sprintf(`ServerRoot %[1]s
LoadModule mpm_event_module modules/mod_mpm_event.so
LoadModule authz_core_module modules/mod_authz_core.so
%[3]sServerName localhost
Listen %[2]s
PidFile %[1]s/pid
ErrorLog %[1]s/error.log
LogFormat "%%r id=%%{X-Id}i %%>s %%B end" short
CustomLog %[1]s/access.log short
KeepAliveTimeout 1
MaxKeepAliveRequests 0
DocumentRoot %[1]s/jail/htdocs
%[4]s`, dir, s.addr, jail, more))
	return s
}

// build makes the program, with the race detector or as it is used.
func (s *liveServer) build(race bool) {
	s.t.Helper()
	build := exec.Command("cp", programsFor(s.t, "httpd")[0], s.bin)
	if race {
		build = exec.Command("go", "build", "-race", "-o", s.bin, ".")
		s.t.Cleanup(s.checkRaces)
	}
	if out, err := build.CombinedOutput(); err != nil {
		s.t.Fatalf("go build: %v\n%s", err, out)
	}
}

// checkRaces looks for what the race detector said in one of the processes.
func (s *liveServer) checkRaces() {
	b, _ := os.ReadFile(s.file("error.log"))
	if i := bytes.Index(b, []byte("WARNING: DATA RACE")); i >= 0 {
		s.t.Errorf("%.6000s", b[i:])
	}
}

func (s *liveServer) file(name string) string { return filepath.Join(s.dir, name) }

func (s *liveServer) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(s.file(name), []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// httpd runs the program and gives its exit status and all it prints.
func (s *liveServer) httpd(args ...string) (int, string) {
	s.t.Helper()
	cmd := exec.Command(s.bin, append([]string{"-f", s.file("httpd.conf")}, args...)...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

func (s *liveServer) must(args ...string) {
	s.t.Helper()
	if code, out := s.httpd(args...); code != 0 {
		log, _ := os.ReadFile(s.file("error.log"))
		s.t.Fatalf("httpd %q: exit %d\n%s\n%s", args, code, out, log)
	}
}

func (s *liveServer) graceful() { s.t.Helper(); s.must("-k", "graceful") }

func (s *liveServer) readPid() int {
	s.t.Helper()
	b, err := os.ReadFile(s.file("pid"))
	for tries := 0; err != nil && tries < 100; tries++ { // it is written when the children serve
		time.Sleep(20 * time.Millisecond)
		b, err = os.ReadFile(s.file("pid"))
	}
	if err != nil {
		s.t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		s.t.Fatal(err)
	}
	return pid
}

// replaceProgram puts another file under the program's name, as a package does.
func (s *liveServer) replaceProgram() {
	s.t.Helper()
	b, err := os.ReadFile(s.bin)
	if err == nil {
		err = os.WriteFile(s.bin+".new", b, 0o755)
	}
	if err == nil {
		err = os.Rename(s.bin+".new", s.bin)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// stop ends the server gracefully and waits for it.
func (s *liveServer) stop() {
	s.t.Helper()
	if pid := s.readPid(); pid != s.pid {
		s.t.Errorf("the parent is process %d, was %d", pid, s.pid)
	}
	s.must("-k", "graceful-stop")
	for range 500 {
		if !running(s.pid) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	s.t.Errorf("process %d does not end", s.pid)
}

// measured is what must not grow.
type measured struct {
	children, descriptors, resident int
	open                            []string // what the descriptors are
}

func (m measured) String() string {
	return fmt.Sprintf("%d children, %d descriptors, %d kB", m.children, m.descriptors, m.resident)
}

func (s *liveServer) measure() measured {
	s.t.Helper()
	fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.pid))
	if err != nil {
		s.t.Fatal(err)
	}
	m := measured{children: len(childrenOf(s.t, s.pid)), descriptors: len(fds)}
	for _, fd := range fds {
		target, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", s.pid, fd.Name()))
		m.open = append(m.open, fd.Name()+" "+target)
	}
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.pid))
	if f := residentRx.FindSubmatch(status); f != nil {
		m.resident, _ = strconv.Atoi(string(f[1]))
	}
	return m
}

var residentRx = regexp.MustCompile(`VmRSS:\s+(\d+)`)

var lineRx = regexp.MustCompile(`^GET /index\.html(?:\?(\d+))? HTTP/1\.1 id=(?:(\d+)|-) 200 1024 end$`)

// checkLog reads every access log and compares it with what was answered. A
// child that is killed can be between an answer and its line: as many lines as
// there were kills may lack.
func (s *liveServer) checkLog(c *crowd, kills int) {
	s.t.Helper()
	files, _ := filepath.Glob(s.file("access.log*"))
	lines := map[int]int{}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			s.t.Fatal(err)
		}
		for l := range strings.Lines(string(b)) {
			m := lineRx.FindStringSubmatch(strings.TrimSuffix(l, "\n"))
			if m == nil || !strings.HasSuffix(l, "\n") {
				s.t.Errorf("%s: torn line %q", filepath.Base(name), l)
				continue
			}
			id, _ := strconv.Atoi(m[1] + m[2])
			lines[id]++
		}
	}
	lost, doubled := 0, 0
	var ids []int
	for _, id := range c.ids() {
		switch lines[id] {
		case 0:
			lost++
			ids = append(ids, id)
		case 1:
		default:
			doubled++
		}
	}
	if lost > kills || doubled > 0 {
		log, _ := os.ReadFile(s.file("error.log"))
		s.t.Errorf("of %d answered requests %d have no line and %d have more than one; without: %v\n%s",
			c.answered.Load(), lost, doubled, ids, log)
	}
}

// crowd sends requests, each with a number of its own, until it is stopped.
type crowd struct {
	addr string
	cut  bool // a connection that ends without an answer is counted, and no failure

	next, answered, cuts atomic.Int64
	done                 chan struct{}
	wg                   sync.WaitGroup

	mu       sync.Mutex
	failures []error
	served   []int
}

func (c *crowd) start(kept, fresh int) {
	c.done = make(chan struct{})
	for i := range kept + fresh {
		c.wg.Add(1)
		go c.client(i < kept)
	}
}

func (c *crowd) stop() { close(c.done); c.wg.Wait() }

func (c *crowd) ids() []int { return c.served }

func (c *crowd) client(keep bool) {
	defer c.wg.Done()
	var conn net.Conn
	var in *bufio.Reader
	var served []int
	defer func() {
		if conn != nil {
			conn.Close()
		}
		c.mu.Lock()
		c.served = append(c.served, served...)
		c.mu.Unlock()
	}()
	for {
		select {
		case <-c.done:
			return
		case <-time.After(time.Millisecond):
		}
		used := conn != nil
		if conn == nil {
			var err error
			if conn, err = net.DialTimeout("tcp", c.addr, 5*time.Second); err != nil {
				c.fail(fmt.Errorf("connect: %w", err))
				return
			}
			in = bufio.NewReader(conn)
		}
		id := int(c.next.Add(1))
		again, err := c.ask(conn, in, id, keep)
		switch {
		case err == nil:
			c.answered.Add(1)
			served = append(served, id)
		case c.cut && (errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)):
			c.cuts.Add(1)
		default:
			c.fail(fmt.Errorf("request %d (used before: %v): %w", id, used, err))
		}
		if err != nil || !again {
			conn.Close()
			conn = nil
		}
	}
}

func (c *crowd) ask(conn net.Conn, in *bufio.Reader, id int, keep bool) (again bool, err error) {
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	closing := ""
	if !keep {
		closing = "Connection: close\r\n"
	}
	// The answers to every other request are the same, and may be kept.
	target, field := fmt.Sprintf("/index.html?%d", id), ""
	if id%2 == 0 {
		target, field = "/index.html", fmt.Sprintf("X-Id: %d\r\n", id)
	}
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s%s\r\n", target, field, closing); err != nil {
		return false, err
	}
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		return false, err
	}
	n, err := io.Copy(io.Discard, resp.Body)
	if err == nil && (resp.StatusCode != 200 || n != 1024) {
		err = fmt.Errorf("%s with %d bytes", resp.Status, n)
	}
	return !resp.Close, err
}

func (c *crowd) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.failures) < 20 {
		c.failures = append(c.failures, err)
	}
}
