package mpm_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/donjon-httpd/donjon/chroot"
	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/internal/freeport"
	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/mpm"
)

// The test binary is the server: executed anew with the role of a child, or
// with the name of a configuration, it becomes one.
func TestMain(m *testing.M) {
	p := &mpm.Program{Name: "httpd", Builtin: []*server.Module{&coreModule, &eventModule},
		Engine: newTestEngine, PidFile: "httpd.pid", ErrorLog: "error_log", Line: "httpd -X"}
	role, err := mpm.Role()
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	case role == mpm.RoleChild:
		os.Exit(p.Child())
	}
	if state, ok := mpm.Inheritance(); ok {
		os.Exit(p.Resume(state))
	}
	if file := os.Getenv("MPM_TEST_CONFIG"); file != "" {
		if os.Getenv("MPM_TEST_DETACH") != "" && role == "" {
			os.Exit(p.Detach())
		}
		p.Config, p.Root = file, filepath.Dir(file)
		l, diags := p.Load(0)
		for _, d := range diags {
			fmt.Fprintln(os.Stderr, mpm.Sentence(d, "httpd"))
		}
		if l.Gen == nil {
			os.Exit(1)
		}
		os.Exit(p.Serve(l, func() {
			fmt.Println("serving")
			if role == mpm.RoleDaemon {
				mpm.Detached()
			}
		}))
	}
	os.Exit(m.Run())
}

// coreModule is as much of core as these tests need.
var coreModule = server.Module{Name: "core_module", Source: "core.c", Static: true, Directives: directives.Table{
	{Name: "ServerRoot", In: directives.InServer, Usage: "Common directory",
		Set: directives.OnRead(directives.One, func(r *httpdconf.Reader, n *httpdconf.Node) error {
			dir, _ := httpdconf.Getword(n.Args)
			r.SetServerRoot(dir)
			return nil
		})},
	{Name: "DocumentRoot", In: directives.InServer, Usage: "Root directory",
		Set: server.CoreServer.Take1(func(c *server.ServerConfig, cmd *directives.Cmd, arg string) error {
			c.DocumentRoot = cmd.InJail(cmd.ServerRootRelative(arg))
			return nil
		})},
	{Name: "ErrorLog", In: directives.InServer, Usage: "The filename",
		Set: server.CoreServer.Take1(func(c *server.ServerConfig, _ *directives.Cmd, arg string) error {
			c.ErrorLog = directives.Given(arg)
			return nil
		})},
}}

// eventModule is what the modules unixd, chroot and mpm_event declare, as far as
// these tests need it; a test of this package must not depend on modules.
var eventModule = server.Module{Name: "mpm_event_module", Source: "event.c", Static: true,
	Hooks: []server.Hook{server.CheckConfig.Middle(mpm.Check(mpm.Event))},
	Directives: append(mpm.Rows(mpm.Event),
		directives.Directive{Name: "User", In: directives.InServer, Set: server.Jail.Take1(
			func(c *server.JailConfig, _ *directives.Cmd, arg string) error {
				c.User = arg
				_, err := chroot.Lookup(arg, "#-1")
				return err
			})},
		directives.Directive{Name: "Group", In: directives.InServer, Set: server.Jail.Take1(
			func(c *server.JailConfig, _ *directives.Cmd, arg string) error { c.Group = arg; return nil })},
		directives.Directive{Name: "ChrootDir", In: directives.InServer, Early: true, Set: server.Jail.Take1(
			func(c *server.JailConfig, cmd *directives.Cmd, arg string) (err error) {
				c.Dir, err = chroot.Resolve(arg, cmd.ServerRootRelative("."), "")
				return err
			})},
		directives.Directive{Name: "ChrootFixRoot", In: directives.InServer, Early: true, Set: server.Jail.Flag(
			func(c *server.JailConfig, on bool) { c.FixRoot = on })},
	)}

// testEngine answers one request a connection with what the process is.
type testEngine struct {
	g         *server.Generation
	listeners []net.Listener
	busy      sync.WaitGroup
	done      chan struct{}
	once      sync.Once
}

func newTestEngine(g *server.Generation, sockets []mpm.Socket) (mpm.Engine, error) {
	e := &testEngine{g: g, done: make(chan struct{})}
	for _, s := range sockets {
		f := os.NewFile(uintptr(s.FD), s.Address)
		l, err := net.FileListener(f)
		f.Close()
		if err != nil {
			return nil, err
		}
		e.listeners = append(e.listeners, l)
	}
	return e, nil
}

func (e *testEngine) Serve() error {
	for _, l := range e.listeners {
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				e.busy.Add(1)
				go e.answer(c)
			}
		}()
	}
	<-e.done
	return nil
}

func (e *testEngine) answer(c net.Conn) {
	defer e.busy.Done()
	defer c.Close()
	r, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return
	}
	if pause, err := time.ParseDuration(r.URL.Query().Get("sleep")); err == nil {
		time.Sleep(pause)
	}
	_, outside := os.Stat("/etc/passwd")
	_, page := os.Stat(server.CoreServer.Of(e.g.Config.Main).DocumentRoot + "/index.html")
	body := fmt.Sprintf("pid=%d uid=%d gid=%d gen=%d outside=%v page=%v\n",
		os.Getpid(), os.Getuid(), os.Getgid(), e.g.Number, outside == nil, page == nil)
	fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(body), body)
}

func (e *testEngine) Deafen() {
	for _, l := range e.listeners {
		l.Close()
	}
}

func (e *testEngine) Drain(deadline time.Time) {
	go func() {
		e.busy.Wait()
		e.Close()
	}()
	if !deadline.IsZero() {
		time.AfterFunc(time.Until(deadline), e.Close)
	}
}

func (e *testEngine) Stop(deadline time.Time) { e.Drain(deadline) }

func (e *testEngine) Close() { e.once.Do(func() { close(e.done) }) }

// site is a running server.
type site struct {
	t    *testing.T
	dir  string
	port int
	cmd  *exec.Cmd
	end  chan error
}

func newSite(t *testing.T) *site {
	t.Setenv("GORACE", "atexit_sleep_ms=0") // the detector waits a second at every exit otherwise
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for d := dir; d != "/"; d = filepath.Dir(d) {
		os.Chmod(d, 0o755) //nolint:errcheck // those of other people need it not
		if filepath.Dir(d) == os.TempDir() {
			break
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "htdocs"), 0o755); err != nil {
		t.Fatal(err)
	}
	ports, err := freeport.Find(1)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, dir: dir, port: ports[0]}
	s.write("htdocs/index.html", "hello\n")
	return s
}

func (s *site) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// configure writes httpd.conf; @ stands for the directory.
func (s *site) configure(text string) {
	s.write("httpd.conf", strings.ReplaceAll(fmt.Sprintf("ServerRoot @\nListen 127.0.0.1:%d\n%s", s.port, text), "@", s.dir))
}

// start runs the server and waits until it says that it serves.
func (s *site) start() {
	s.t.Helper()
	s.cmd = exec.Command("/proc/self/exe")
	s.cmd.Env = append(os.Environ(), "MPM_TEST_CONFIG="+filepath.Join(s.dir, "httpd.conf"))
	s.cmd.Stderr = os.Stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.end = make(chan error, 1)
	line, _ := bufio.NewReader(out).ReadString('\n')
	go func() { s.end <- s.cmd.Wait() }()
	s.t.Cleanup(func() { s.cmd.Process.Kill() }) //nolint:errcheck // it may be gone
	if line != "serving\n" {
		s.t.Fatalf("the server said %q\n%s", line, s.log())
	}
}

func (s *site) log() string {
	b, _ := os.ReadFile(filepath.Join(s.dir, "error_log"))
	return string(b)
}

// get asks and gives the fields of the answer.
func (s *site) get(query string) (map[string]string, error) {
	c := http.Client{Timeout: 10 * time.Second}
	r, err := c.Get(fmt.Sprintf("http://127.0.0.1:%d/%s", s.port, query))
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	fields := map[string]string{}
	for _, f := range strings.Fields(string(b)) {
		k, v, _ := strings.Cut(f, "=")
		fields[k] = v
	}
	return fields, nil
}

func (s *site) must(query string) map[string]string {
	s.t.Helper()
	f, err := s.get(query)
	if err != nil {
		s.t.Fatalf("GET: %v\n%s", err, s.log())
	}
	return f
}

func (s *site) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// wait asks until ok likes the answer.
func (s *site) wait(what string, ok func(map[string]string) bool) map[string]string {
	s.t.Helper()
	var last map[string]string
	for range 200 {
		if f, err := s.get(""); err == nil {
			if last = f; ok(f) {
				return f
			}
		}
		time.Sleep(25 * time.Millisecond)
	}
	s.t.Fatalf("%s did not come about; last answer %v\n%s", what, last, s.log())
	return nil
}

func (s *site) ended(limit time.Duration) error {
	s.t.Helper()
	select {
	case err := <-s.end:
		return err
	case <-time.After(limit):
		s.t.Fatalf("the server has not ended\n%s", s.log())
		return nil
	}
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("entering a jail and changing the user needs root")
	}
}

const asNobody = "User nobody\nGroup nogroup\n"

// account gives the ids behind asNobody.
func account(t *testing.T) (uid, gid string) {
	t.Helper()
	return "65534", "65534"
}

func TestServesFromTheJail(t *testing.T) {
	needRoot(t)
	s := newSite(t)
	s.configure(asNobody + "DocumentRoot @/htdocs\nChrootFixRoot On\nChrootDir SERVER_ROOT\n")
	s.start()
	uid, gid := account(t)
	f := s.must("")
	for name, want := range map[string]string{"uid": uid, "gid": gid, "outside": "false", "page": "true", "gen": "0"} {
		if f[name] != want {
			t.Errorf("%s = %q, want %q", name, f[name], want)
		}
	}
	pid := f["pid"]
	n, _ := strconv.Atoi(pid)
	if root, err := chroot.RootOf(n); root != s.dir {
		t.Errorf("root of the child is %q (%v), want %q", root, err, s.dir)
	}
	fds, _ := filepath.Glob("/proc/" + pid + "/fd/*")
	for _, fd := range fds {
		if st, err := os.Stat(fd); err == nil && st.IsDir() {
			name, _ := os.Readlink(fd)
			t.Errorf("descriptor %s is the directory %s", filepath.Base(fd), name)
		}
	}
	status, _ := os.ReadFile("/proc/" + pid + "/status")
	for _, line := range []string{"CapEff:\t0000000000000000", "CapPrm:\t0000000000000000", "NoNewPrivs:\t1"} {
		if !strings.Contains(string(status), line+"\n") {
			t.Errorf("status of the child lacks %q:\n%s", line, status)
		}
	}
	if log := s.log(); !strings.Contains(log, s.dir+"/htdocs -> /htdocs") || !strings.Contains(log, "AH00489: ") {
		t.Errorf("the log does not say what happened:\n%s", log)
	}
	s.signal(syscall.SIGTERM)
	if err := s.ended(2 * time.Second); err != nil {
		t.Errorf("TERM ended the server with %v", err)
	}
	if _, err := os.Stat(filepath.Join(s.dir, "httpd.pid")); err == nil {
		t.Error("the PidFile is still there")
	}
	if err := syscall.Kill(atoi(pid), 0); err == nil {
		t.Error("the child is still there")
	}
}

func atoi(s string) int { n, _ := strconv.Atoi(s); return n }

func TestReplacesChildren(t *testing.T) {
	needRoot(t)
	s := newSite(t)
	s.configure(asNobody + "ServerLimit 1\n")
	s.start()
	first := s.must("")["pid"]
	if err := syscall.Kill(atoi(first), syscall.SIGSEGV); err != nil {
		t.Fatal(err)
	}
	s.wait("another child", func(f map[string]string) bool { return f["pid"] != first })
	if log := s.log(); !strings.Contains(log, "child pid "+first+" ended with exit status 2") {
		t.Errorf("the log does not tell of the end:\n%s", log)
	}
}

func TestRestarts(t *testing.T) {
	needRoot(t)
	for name, sig := range map[string]syscall.Signal{"graceful": syscall.SIGUSR1, "hard": syscall.SIGHUP} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.configure(asNobody + "ServerLimit 1\n")
			s.start()
			slow := make(chan error, 1)
			old := s.must("")["pid"]
			go func() { _, err := s.get("?sleep=300ms"); slow <- err }()
			time.Sleep(100 * time.Millisecond)
			s.signal(sig)
			f := s.wait("the next generation", func(f map[string]string) bool { return f["gen"] == "1" })
			if f["pid"] == old {
				t.Error("the child of the old generation answers for the new one")
			}
			if err := <-slow; err != nil {
				t.Errorf("a response that had begun was lost: %v", err)
			}
		})
	}
}

func TestBrokenConfigurationLeavesTheOldServing(t *testing.T) {
	needRoot(t)
	s := newSite(t)
	good := asNobody + "ServerLimit 1\n"
	s.configure(good)
	s.start()
	old := s.must("")["pid"]
	for what, text := range map[string]string{
		"a syntax error":     good + "NoSuchDirective\n",
		"a jail that is not": good + "ChrootDir /nosuch\n",
		"a user that is not": "User nosuchuser\n",
		"a socket in use":    good + "Listen 127.0.0.1:1\nListen 192.0.2.1:80\n",
	} {
		s.configure(text)
		s.signal(syscall.SIGUSR1)
		for range 100 {
			if strings.Contains(s.log(), "restart failed, generation 0 goes on serving") {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		if f := s.must(""); f["pid"] != old || f["gen"] != "0" {
			t.Errorf("%s: answered by %v", what, f)
		}
		if !strings.Contains(s.log(), "restart failed, generation 0 goes on serving") {
			t.Errorf("%s: the log does not tell:\n%s", what, s.log())
		}
		if err := os.Truncate(filepath.Join(s.dir, "error_log"), 0); err != nil {
			t.Fatal(err)
		}
	}
}

func TestGracefulStopLetsResponsesEnd(t *testing.T) {
	needRoot(t)
	s := newSite(t)
	s.configure(asNobody)
	s.start()
	slow := make(chan error, 1)
	go func() { _, err := s.get("?sleep=1500ms"); slow <- err }()
	time.Sleep(200 * time.Millisecond)
	s.signal(syscall.SIGWINCH)
	if err := <-slow; err != nil {
		t.Errorf("the response was cut: %v", err)
	}
	if err := s.ended(2 * time.Second); err != nil {
		t.Errorf("WINCH ended the server with %v", err)
	}
}

func TestChildrenEndWithTheirParent(t *testing.T) {
	needRoot(t)
	s := newSite(t)
	s.configure(asNobody)
	s.start()
	pid := atoi(s.must("")["pid"])
	s.signal(syscall.SIGKILL)
	for range 100 {
		if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Error("a child outlives its parent")
}

func TestFailsWhenNoChildCanStart(t *testing.T) {
	needRoot(t)
	s := newSite(t)
	s.configure("User #65534\nGroup #4294967295\n")
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), "MPM_TEST_CONFIG="+filepath.Join(s.dir, "httpd.conf"))
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "AH02156: setgid: unable to set group id") {
		t.Errorf("the server ended with %v and said %q", err, out)
	}
}

func TestChildStartedByHandRefuses(t *testing.T) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), "DONJON_ROLE=child")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "started by their parent alone") {
		t.Errorf("it ended with %v and said %q", err, out)
	}
}

// Without root the jail is entered through a user namespace, or not at all.
func TestJailWithoutRoot(t *testing.T) {
	needRoot(t)
	s := newSite(t)
	s.configure("DocumentRoot @/htdocs\nChrootFixRoot On\nChrootDir SERVER_ROOT\n")
	if err := os.Chown(s.dir, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(s.dir, "server")
	program, err := os.ReadFile("/proc/self/exe")
	if err == nil {
		err = os.WriteFile(binary, program, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary)
	cmd.Env = append(os.Environ(), "MPM_TEST_CONFIG="+filepath.Join(s.dir, "httpd.conf"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill() //nolint:errcheck // it may be gone
	if line, _ := bufio.NewReader(out).ReadString('\n'); line != "serving\n" {
		cmd.Wait() //nolint:errcheck // the words tell
		if strings.Contains(said.String(), "needs root or a kernel that allows user namespaces") {
			t.Skip("the kernel refuses user namespaces; the server refused to serve unjailed, as it must")
		}
		t.Fatalf("the server said %q and %q\n%s", line, said.String(), s.log())
	}
	f := s.must("")
	for name, want := range map[string]string{"uid": "65534", "outside": "false", "page": "true"} {
		if f[name] != want {
			t.Errorf("%s = %q, want %q", name, f[name], want)
		}
	}
	cmd.Process.Signal(syscall.SIGTERM) //nolint:errcheck // Wait tells
	if err := cmd.Wait(); err != nil {
		t.Errorf("TERM ended the server with %v", err)
	}
}

// The program that was started returns when the server serves, and its status
// is that of a server that could not start.
func TestDetach(t *testing.T) {
	needRoot(t)
	s := newSite(t)
	s.configure(asNobody)
	start := func() (string, error) {
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = append(os.Environ(), "MPM_TEST_CONFIG="+filepath.Join(s.dir, "httpd.conf"), "MPM_TEST_DETACH=1")
		out, err := os.Create(filepath.Join(s.dir, "out"))
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		cmd.Stdout, cmd.Stderr = out, out
		err = cmd.Run()
		text, _ := os.ReadFile(out.Name())
		return string(text), err
	}
	if out, err := start(); err != nil {
		t.Fatalf("%v: %s\n%s", err, out, s.log())
	}
	s.must("")
	pid, err := mpm.ReadPid(filepath.Join(s.dir, "httpd.pid"))
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Kill(pid, syscall.SIGKILL) //nolint:errcheck // it is gone then
	if sid, err := unixGetsid(pid); err != nil || sid != pid {
		t.Errorf("the server %d is in session %d (%v)", pid, sid, err)
	}
	if cwd, _ := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid)); cwd != "/" {
		t.Errorf("it stays in %s", cwd)
	}
	if out, err := start(); err == nil || !strings.Contains(out, "(98)Address already in use: AH00072: make_sock: could not bind to address 127.0.0.1:") {
		t.Errorf("a second one ended with %v and said %q", err, out)
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if _, err := mpm.ReadPid(filepath.Join(s.dir, "httpd.pid")); err != nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Error("TERM does not end it")
}

func unixGetsid(pid int) (int, error) {
	sid, _, errno := syscall.Syscall(syscall.SYS_GETSID, uintptr(pid), 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(sid), nil
}
