package compattests

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The page docs/migrating-from-mod_chroot.md is followed as a new user would: its
// commands are run in their order on a machine of their own, with Debian's apache2 as
// it is installed, and what they print is compared with what the page shows.

// step is a block of commands and what the page says they print.
type step struct {
	line     int
	commands string
	output   string
	shown    bool
}

// steps takes the ```sh blocks out of a page, each with the ```text block that
// follows it at once.
func steps(page string) []step {
	var list []step
	var block, text string
	begin, after := 0, false
	for i, line := range strings.Split(page, "\n") {
		switch {
		case block == "" && strings.HasPrefix(line, "```"):
			block, text, begin = strings.TrimPrefix(line, "```"), "", i+1
		case strings.HasPrefix(line, "```"):
			switch {
			case block == "sh":
				list = append(list, step{line: begin, commands: text})
			case block == "text" && after:
				list[len(list)-1].output, list[len(list)-1].shown = text, true
			}
			after, block = block == "sh", ""
		case block != "":
			text += line + "\n"
		case line != "":
			after = false
		}
	}
	return list
}

// matches compares lines; in what the page shows "…" stands for anything, a line of its
// own for any lines, and columns may be of any width.
func (s step) matches(got string) bool {
	var b strings.Builder
	b.WriteString("^")
	for line := range strings.Lines(s.output) {
		if line == "…\n" {
			b.WriteString(`(.*\n)*?`)
			continue
		}
		parts := strings.Split(strings.TrimSuffix(line, "\n"), "…")
		for i, p := range parts {
			if i > 0 {
				b.WriteString(".*")
			}
			for j, word := range strings.Fields(" " + p + " ") {
				if j > 0 {
					b.WriteString(` +`)
				}
				b.WriteString(regexp.QuoteMeta(word))
			}
			if strings.HasSuffix(p, " ") && i < len(parts)-1 {
				b.WriteString(` `)
			}
		}
		b.WriteString("\n")
	}
	var lines []string
	for line := range strings.Lines(got) {
		lines = append(lines, strings.TrimLeft(line, " "))
	}
	return regexp.MustCompile(b.String() + "$").MatchString(strings.Join(lines, ""))
}

func TestSteps(t *testing.T) {
	page := "x\n```sh\necho a\n```\n```text\na\n```\nword\n```sh\necho b\n```\nno output\n```text\nalone\n```\n"
	got := fmt.Sprintf("%+v", steps(page))
	want := "[{line:2 commands:echo a\n output:a\n shown:true} {line:9 commands:echo b\n output: shown:false}]"
	if got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for _, c := range []struct {
		shown, got string
		want       bool
	}{
		{"a\n", "a\n", true}, {"a\n", "b\n", false}, {"a\n", "a\nb\n", false}, {"a …b\n", "a 17b\n", true}, {"a …b\n", "a 17c\n", false},
		{"x\n…\ny\n", "x\n1\n2\ny\n", true}, {"x\n…\ny\n", "x\ny\n", true}, {"a  b\n", "  a b\n", true}, {"a.b\n", "axb\n", false},
	} {
		if (step{output: c.shown}).matches(c.got) != c.want {
			t.Errorf("%q and %q", c.shown, c.got)
		}
	}
}

func TestMigrationPage(t *testing.T) {
	switch {
	case !*live:
		t.Skip("only with -live: it needs the real Apache")
	case os.Getuid() != 0:
		t.Skip("namespaces need root")
	case *only != "":
		t.Skip("-case names others")
	case !installed("/etc/apache2/sites-available/000-default.conf"):
		t.Skip("Debian's tree is not installed")
	}
	if os.Getenv(inside) == "" {
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(self, "-test.run", "^TestMigrationPage$", "-test.v", "-live")
		cmd.Env = append(os.Environ(), inside+"=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWPID}
		out, err := cmd.CombinedOutput()
		t.Logf("%s", out)
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	freshMachine(t)
	page, err := os.ReadFile("../docs/migrating-from-mod_chroot.md")
	if err != nil {
		t.Fatal(err)
	}
	all := steps(string(page))
	if len(all) < 12 {
		t.Fatalf("only %d steps", len(all))
	}
	for _, s := range all {
		got := follow(t, s.commands)
		if !s.shown && got != "" || s.shown && !s.matches(got) {
			t.Fatalf("line %d: the page shows\n%s\nand there is\n%s", s.line, s.output, got)
		}
		t.Logf("line %d: as shown", s.line)
	}
}

// freshMachine makes a machine with apache2 as it is after its installation out of the
// namespaces that this process has: nothing that is written reaches the real one.
func freshMachine(t *testing.T) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	must(unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	scratch := t.TempDir()
	must(unix.Mount("scratch", scratch, "tmpfs", 0, "mode=755"))
	t.Cleanup(func() { unix.Unmount(scratch, unix.MNT_DETACH) })
	for _, dir := range []string{"/etc", "/usr/local/sbin", "/var/lib/apache2"} {
		upper, work := filepath.Join(scratch, dir, "upper"), filepath.Join(scratch, dir, "work")
		must(os.MkdirAll(upper, 0o755))
		must(os.MkdirAll(work, 0o755))
		must(unix.Mount("overlay", dir, "overlay", 0, "lowerdir="+dir+",upperdir="+upper+",workdir="+work))
		t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	}
	for _, dir := range []string{"/srv", "/run", "/var/log/apache2"} {
		must(os.MkdirAll(dir, 0o755))
		must(unix.Mount("fresh", dir, "tmpfs", 0, "mode=755"))
		t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	}
	must(os.MkdirAll("/run/lock", 0o1777))
	must(unix.Mount("proc", "/proc", "proc", 0, "")) // of the processes that are there
	// Sites of this machine that are not Debian's.
	enabled, err := filepath.Glob("/etc/apache2/sites-enabled/*")
	must(err)
	for _, name := range enabled {
		must(os.Remove(name))
	}
	must(os.Symlink("../sites-available/000-default.conf", "/etc/apache2/sites-enabled/000-default.conf"))
}

// follow runs commands as a user types them, in a checkout of the project.
func follow(t *testing.T, commands string) string {
	t.Helper()
	cmd := exec.Command("bash", "-c", "set -e\n"+commands)
	cmd.Dir = ".."
	cmd.Env = append(os.Environ(), "PATH=/usr/local/sbin:"+filepath.Dir(goProgram(t))+":/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C")
	file, err := os.CreateTemp("", "output")
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(file.Name())
	defer file.Close()
	// A file and no pipe: servers that stay would hold a pipe open.
	cmd.Stdout, cmd.Stderr = file, file
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	limit := time.AfterFunc(5*time.Minute, func() { cmd.Process.Kill() })
	defer limit.Stop()
	err = cmd.Wait()
	text, readErr := os.ReadFile(file.Name())
	if err != nil || readErr != nil {
		t.Fatalf("%v, %v\n%s\n%s", err, readErr, commands, text)
	}
	return string(text)
}

func goProgram(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("go")
	if err != nil {
		t.Skip(err)
	}
	return path
}
