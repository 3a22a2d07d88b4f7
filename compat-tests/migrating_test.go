package compattests

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// migrating is the page that TestMigratingPage follows.
const migrating = "../docs/migrating-from-mod_chroot.md"

// shellStep is a command of a page and what it prints there.
type shellStep struct {
	line    int // of the page
	command string
	want    string
}

// shellSteps takes the commands out of a page's console blocks: "# " before a command,
// "> " before each further line of it, all else is what it prints.
func shellSteps(text string) []shellStep {
	var list []shellStep
	console := false
	for i, line := range strings.Split(text, "\n") {
		switch {
		case strings.HasPrefix(line, "```"):
			console = line == "```console"
		case !console:
		case strings.HasPrefix(line, "# "):
			list = append(list, shellStep{line: i + 1, command: line[2:]})
		case strings.HasPrefix(line, "> "):
			list[len(list)-1].command += "\n" + line[2:]
		default:
			list[len(list)-1].want += line + "\n"
		}
	}
	return list
}

// shows tells whether a command printed what the page shows: "…" in a line is any
// text, a line "…" any number of lines. White space at the end of lines does not count.
func shows(want, got string) bool {
	var rx strings.Builder
	rx.WriteString(`\A`)
	for line := range strings.Lines(want) {
		if line = strings.TrimRight(line, " \n"); line == "…" {
			rx.WriteString(`(?:[^\n]*\n)*?`)
			continue
		}
		rx.WriteString(strings.ReplaceAll(regexp.QuoteMeta(line), "…", `[^\n]*`) + ` *\n`)
	}
	rx.WriteString(`\z`)
	if got != "" && !strings.HasSuffix(got, "\n") {
		got += "\n"
	}
	return regexp.MustCompile(rx.String()).MatchString(got)
}

func TestShows(t *testing.T) {
	for _, c := range []struct {
		want, got string
		ok        bool
	}{
		{"", "", true}, {"", "x\n", false}, {"a\n", "a", true}, {"a\n", "a \n", true}, {"a\n", "ab\n", false}, {"a.c\n", "abc\n", false},
		{"a … c\n", "a (b) c\n", true}, {"a … c\n", "a\nc\n", false}, {"…\n", "", true}, {"…\n", "a\nb\n", true}, {"a\n…\nc\n", "a\nb\nb\nc\n", true}, {"a\n…\n", "b\na\n", false},
	} {
		if shows(c.want, c.got) != c.ok {
			t.Errorf("%q shows %q: not %v", c.want, c.got, c.ok)
		}
	}
	if got := fmt.Sprint(shellSteps("x\n```console\n# a <<E\n> b\nc\nd\n# e\n```\n# f\n```sh\n# g\n```\n")); got != "[{3 a <<E\nb c\nd\n} {7 e }]" {
		t.Error(got)
	}
}

// TestCaveatsNameTheirTests: the page says of each caveat which test shows it.
func TestCaveatsNameTheirTests(t *testing.T) {
	text, err := os.ReadFile(migrating)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, pattern := range []string{"../chroot/*_test.go", "../cmd/*/*_test.go", "../server/*/*_test.go", "*_test.go"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			all.Write(source)
		}
	}
	_, table, _ := strings.Cut(string(text), "\n## 10.")
	rows := 0
	for row := range strings.Lines(table) {
		if !strings.HasPrefix(row, "| ") || strings.HasPrefix(row, "| caveat") {
			continue
		}
		rows++
		tests := regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(row, -1)
		if len(tests) == 0 {
			t.Errorf("no test shows this: %s", row)
		}
		for _, m := range tests {
			if !strings.Contains(all.String(), "\nfunc "+m[1]+"(t *testing.T)") {
				t.Errorf("there is no %s: %s", m[1], row)
			}
		}
	}
	if rows < 10 {
		t.Errorf("the table has %d rows", rows)
	}
}

// TestMigratingPage follows the page as an administrator would who reads nothing
// else, on a machine with Apache: in namespaces of its own, over whose
// directories everything that is written is lost again. Each command must
// succeed and print what the page shows. A client asks without a pause while the
// page has Donjon take over, and must never be refused.
func TestMigratingPage(t *testing.T) {
	switch {
	case !*live:
		t.Skip("only with -live: it needs the real Apache")
	case os.Getuid() != 0:
		t.Skip("namespaces need root")
	case *only != "":
		t.Skip("-case names others")
	case !installed("/etc/apache2/apache2.conf"):
		t.Skip("Debian's tree is not installed")
	}
	for _, program := range []string{"curl", "strace", "perl", "make", "go", "ip"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(err)
		}
	}
	if os.Getenv(inside) == "" {
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		// The shell is the first process, which has to collect those that lost their parent.
		cmd := exec.Command("/bin/sh", "-c", `"$@"; exit $?`, "sh", self, "-test.run", "^TestMigratingPage$", "-test.v", "-live")
		cmd.Env = append(os.Environ(), inside+"=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWPID, Pdeathsig: syscall.SIGKILL}
		out, err := cmd.CombinedOutput()
		t.Logf("%s", out)
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	freshMachine(t)
	text, err := os.ReadFile(migrating)
	if err != nil {
		t.Fatal(err)
	}
	list := shellSteps(string(text))
	if len(list) < 20 {
		t.Fatalf("the page has %d commands", len(list))
	}
	for _, s := range list {
		asked := func() (int64, []string) { return 1, nil }
		if strings.Contains(s.command, "takeover") {
			asked = hammer("127.0.0.1:80")
		}
		cmd := exec.Command("/bin/bash", "-c", s.command)
		cmd.Dir = ".."
		out, err := os.CreateTemp("", "step") // no pipe: a server that is started may keep it open
		if err != nil {
			t.Fatal(err)
		}
		cmd.Stdout, cmd.Stderr = out, out
		failed := cmd.Run()
		got, err := os.ReadFile(out.Name())
		if err != nil {
			t.Fatal(err)
		}
		out.Close()
		os.Remove(out.Name())
		if failed != nil {
			log, _ := os.ReadFile("/var/log/apache2/error.log")
			t.Fatalf("%s:%d: %s: %v\n%s%s", migrating, s.line, s.command, failed, got, log)
		}
		t.Logf("# %s\n%s", s.command, got)
		if !shows(s.want, string(got)) {
			t.Errorf("%s:%d: %s\nprints\n%s\nand not\n%s", migrating, s.line, s.command, got, s.want)
		}
		if n, refused := asked(); len(refused) > 0 || n == 0 {
			t.Errorf("%s:%d: of %d requests %d failed: %.500q", migrating, s.line, n, len(refused), refused)
		} else if n > 1 {
			t.Logf("%d requests while one server took over from the other, each answered", n)
		}
	}
}

// hammer asks for the page on connections of its own until it is stopped, and a
// little longer, for the old server to end.
func hammer(addr string) (stop func() (int64, []string)) {
	var n atomic.Int64
	var over atomic.Bool
	failures := make(chan []string)
	go func() {
		var list []string
		client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
		for !over.Load() {
			n.Add(1)
			res, err := client.Get("http://" + addr + "/")
			if err != nil {
				list = append(list, err.Error())
				continue
			}
			if res.StatusCode != 200 {
				list = append(list, res.Status)
			}
			res.Body.Close()
		}
		failures <- list
	}()
	time.Sleep(300 * time.Millisecond)
	return func() (int64, []string) {
		time.Sleep(1500 * time.Millisecond)
		over.Store(true)
		return n.Load(), <-failures
	}
}

// freshMachine makes everything that the page writes vanish with the namespace,
// and the ports free.
func freshMachine(t *testing.T) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	must(unix.Mount("proc", "/proc", "proc", 0, ""))
	layers := t.TempDir()
	must(unix.Mount("layers", layers, "tmpfs", 0, "mode=755"))
	t.Cleanup(func() { unix.Unmount(layers, unix.MNT_DETACH) }) // all else ends with the namespace
	repository, err := filepath.Abs("..")
	must(err)
	for i, dir := range []string{"/etc", "/usr", "/var", repository} {
		upper, work := filepath.Join(layers, fmt.Sprint("upper", i)), filepath.Join(layers, fmt.Sprint("work", i))
		must(os.Mkdir(upper, 0o755))
		must(os.Mkdir(work, 0o755))
		if err := unix.Mount("overlay", dir, "overlay", 0, "lowerdir="+dir+",upperdir="+upper+",workdir="+work); err != nil {
			t.Skipf("no overlay over %s: %v", dir, err)
		}
	}
	must(os.Chdir(filepath.Join(repository, "compat-tests"))) // the one in the overlay
	for _, dir := range []string{"/srv", "/run"} {
		must(unix.Mount("fresh", dir, "tmpfs", 0, "mode=755"))
	}
	must(os.MkdirAll("/run/apache2", 0o755))
	must(os.MkdirAll("/run/lock/apache2", 0o777))
	logs, err := filepath.Glob("/var/log/apache2/*")
	must(err)
	for _, name := range logs {
		must(os.RemoveAll(name))
	}
	if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Setenv("LC_ALL", "C")
	t.Setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:"+os.Getenv("PATH"))
}
