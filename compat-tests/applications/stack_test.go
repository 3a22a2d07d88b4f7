// Package applications runs real applications of Debian's packages behind the
// real Apache and behind Donjon, in its jail and outside, with one
// configuration over HTTPS, and compares the pages. Browsers and other TLS
// clients connect too.
package applications

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/donjon-httpd/donjon/internal/freeport"
)

// apache is the real server.
const apache = "/usr/sbin/apache2"

// stack is what an application stands on: a folder, of which jail is what a
// jailed server sees, PHP in two pools, and a database. They are all the
// test's own, and end with it.
type stack struct {
	t        *testing.T
	dir      string
	port     int    // HTTPS, of whichever server runs
	database int    // port of MariaDB
	reset    func() // makes what the application stores as it was, before each server; or nil
}

// needs skips a test for which something is not installed.
func needs(t *testing.T, files ...string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can enter a chroot with User and Group, and start a database as another user")
	}
	if testing.Short() {
		t.Skip("starts servers, and with -short nothing does")
	}
	for _, f := range files {
		if _, err := os.Stat(f); err != nil {
			t.Skipf("%s is not installed: see .ci/setup", f)
		}
	}
}

// newStack makes the folder. It lies in a place that everybody may enter,
// because servers, PHP and the database have users of their own.
func newStack(t *testing.T) *stack {
	t.Helper()
	dir, err := os.MkdirTemp("", "app")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	os.Chmod(dir, 0o755)
	ports, err := freeport.Find(2)
	if err != nil {
		t.Fatal(err)
	}
	s := &stack{t: t, dir: dir, port: ports[0], database: ports[1]}
	for _, d := range []string{"jail/srv", "run", "logs", "tls"} {
		s.must(os.MkdirAll(s.file(d), 0o755))
	}
	s.must(os.MkdirAll(s.file("jail/tmp"), 0o755))
	s.must(os.Mkdir(s.file("sessions"), 0o700))
	s.give("sessions")
	s.must(os.Chmod(s.file("jail/tmp"), 0o1777)) // for uploads to a PHP that is locked in
	for _, name := range []string{"ca.pem", "server.pem", "server.key"} {
		b, err := os.ReadFile("../testdata/tls/" + name)
		s.must(err)
		s.must(os.WriteFile(s.file("tls/"+name), b, 0o600)) // only the parent reads them
	}
	s.must(os.Symlink("/usr/lib/apache2/modules", s.file("modules")))
	return s
}

func (s *stack) file(name string) string { return filepath.Join(s.dir, name) }

func (s *stack) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *stack) write(name, text string) {
	s.t.Helper()
	s.must(os.WriteFile(s.file(name), []byte(text), 0o644))
}

// copyTree copies a package's files into the stack, with what its symbolic links
// lead to: a jail has nothing of outside.
func (s *stack) copyTree(from, to string) {
	s.t.Helper()
	if out, err := exec.Command("cp", "-rL", "--preserve=timestamps", from, s.file(to)).CombinedOutput(); err != nil {
		s.t.Fatalf("cp: %v\n%s", err, out)
	}
}

// give makes the server's user own a tree, as an application that changes
// itself wants it.
func (s *stack) give(name string) {
	s.t.Helper()
	if out, err := exec.Command("chown", "-R", "www-data:www-data", s.file(name)).CombinedOutput(); err != nil {
		s.t.Fatalf("chown: %v\n%s", err, out)
	}
}

// service runs a program until the test ends. The output can be read
// meanwhile.
func (s *stack) service(signal syscall.Signal, credential *syscall.Credential, path string, args ...string) *output {
	s.t.Helper()
	cmd := exec.Command(path, args...)
	out := new(output)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Dir = s.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: credential}
	s.must(cmd.Start())
	done := make(chan struct{})
	go func() { cmd.Wait(); close(done) }()
	s.t.Cleanup(func() {
		cmd.Process.Signal(signal)
		select {
		case <-done:
		case <-time.After(15 * time.Second):
			s.t.Errorf("%s does not end", path)
			syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			<-done
		}
	})
	return out
}

// wait waits until something can be connected to.
func (s *stack) wait(network, addr string, out *output) {
	s.t.Helper()
	for range 1500 {
		if c, err := net.Dial(network, addr); err == nil {
			c.Close()
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	s.t.Fatalf("nothing listens on %s: %s", addr, out)
}

// startPHP starts PHP-FPM with two pools: run/php.sock is as Debian's, and
// run/php-jail.sock locks its processes into the server's jail.
func (s *stack) startPHP() {
	s.t.Helper()
	const pool = `[%s]
listen = %s
listen.owner = www-data
listen.group = www-data
user = www-data
group = www-data
pm = static
pm.max_children = 3
catch_workers_output = yes
php_admin_value[upload_max_filesize] = 8M
php_admin_value[date.timezone] = UTC
php_admin_value[opcache.validate_root] = 1
php_admin_value[opcache.revalidate_freq] = 0
%s
`
	s.write("php-fpm.conf", fmt.Sprintf("[global]\nerror_log = %s/logs/php\nlog_level = notice\npid = %[1]s/run/php.pid\ndaemonize = no\n", s.dir)+
		fmt.Sprintf(pool, "outside", s.file("run/php.sock"), "php_admin_value[session.save_path] = "+s.file("sessions"))+
		fmt.Sprintf(pool, "jail", s.file("run/php-jail.sock"), "chroot = "+s.file("jail")+"\nchdir = /\nphp_admin_value[opcache.enable] = 0"))
	out := s.service(syscall.SIGTERM, nil, "/usr/sbin/php-fpm8.2", "-F", "-y", s.file("php-fpm.conf"))
	s.wait("unix", s.file("run/php.sock"), out)
	s.wait("unix", s.file("run/php-jail.sock"), out)
}

// startDatabase starts MariaDB on an empty folder, with a database for the
// application and the account app, password secret.
func (s *stack) startDatabase() {
	s.t.Helper()
	mysql := account(s.t, "mysql")
	data := s.file("mysql")
	s.must(os.Mkdir(data, 0o700))
	s.must(os.Chown(data, int(mysql.Uid), int(mysql.Gid)))
	install := exec.Command("mariadb-install-db", "--no-defaults", "--user=mysql", "--datadir="+data, "--auth-root-authentication-method=normal", "--skip-test-db")
	if out, err := install.CombinedOutput(); err != nil {
		s.t.Fatalf("mariadb-install-db: %v\n%s", err, out)
	}
	s.write("run/init.sql", "CREATE DATABASE app;\nCREATE USER app@'%' IDENTIFIED BY 'secret';\nGRANT ALL ON app.* TO app@'%';\n")
	out := s.service(syscall.SIGTERM, mysql, "/usr/sbin/mariadbd", "--no-defaults", "--datadir="+data, "--socket="+data+"/sock", "--pid-file="+data+"/pid",
		"--bind-address=127.0.0.1", "--port="+strconv.Itoa(s.database), "--skip-name-resolve", "--skip-log-bin", "--performance-schema=off",
		"--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=32M", "--init-file="+s.file("run/init.sql"))
	s.wait("tcp", fmt.Sprintf("127.0.0.1:%d", s.database), out)
}

// account gives the ids of a user.
func account(t *testing.T, name string) *syscall.Credential {
	t.Helper()
	u, err := user.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// output gathers what a program writes.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

var (
	building sync.Once
	donjon   string
	buildErr error
)

// program gives Donjon's binary, built once for all tests of the package.
func program(t *testing.T) string {
	t.Helper()
	building.Do(func() {
		if donjon = os.Getenv("DONJON_HTTPD"); donjon != "" {
			return
		}
		donjon = filepath.Join(built, "httpd")
		cmd := exec.Command("go", "build", "-o", donjon, "../../cmd/httpd")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			buildErr = fmt.Errorf("go build: %w\n%s", err, out)
		}
	})
	if buildErr != nil {
		t.Fatal(buildErr)
	}
	return donjon
}

// built is where program builds.
var built string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "httpd")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	built = dir
	os.Chmod(dir, 0o755)
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// lines cuts a text for a comparison.
func lines(s string) []string { return strings.Split(s, "\n") }
