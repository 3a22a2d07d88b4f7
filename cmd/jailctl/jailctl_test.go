package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// newJail makes a directory with an htdocs in it.
func newJail(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "jailctl")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "htdocs"), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// jailctl runs a command and wants its exit status.
func jailctl(t *testing.T, want int, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if code := run(args, &out, &errs); code != want {
		t.Fatalf("jailctl %s: exit status %d, want %d\n%s%s", strings.Join(args, " "), code, want, out.String(), errs.String())
	}
	return out.String() + errs.String()
}

func jailctlJSON[T any](t *testing.T, want int, args ...string) (v T) {
	t.Helper()
	text := jailctl(t, want, append([]string{args[0], "-json"}, args[1:]...)...)
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

// TestProvision: what check names before is what strace sees, and afterwards the
// programs run in the jail.
func TestProvision(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can chroot")
	}
	script := filepath.Join(newJail(t), "year.pl")
	if err := os.WriteFile(script, []byte("#!/usr/bin/perl\nuse strict;\nuse warnings;\nuse POSIX qw(strftime);\n"+
		"print \"Content-Type: text/plain\\n\\n\", strftime('%Y', gmtime(0));\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, program string
		args          []string
		want          string
	}{
		{"bash", "/bin/bash", []string{"-c", "echo $((6*7))"}, "42\n"},
		{"perl", script, nil, "Content-Type: text/plain\n\n1970"},
		{"php", "php8.2", []string{"-r", "echo 6*7;"}, "42"},
	} {
		t.Run(c.name, func(t *testing.T) {
			program, err := lookPath(c.program)
			if err != nil {
				t.Skip(err)
			}
			if _, err := exec.LookPath("strace"); err != nil {
				t.Skip(err)
			}
			jail := newJail(t)
			before := jailctlJSON[report](t, exitFound, "check", "-jail", jail, program)
			t.Setenv("LC_ALL", "C") // the locale is another feature
			seen := jailctlJSON[[]string](t, exitFound, append([]string{"trace", "-jail", jail, program}, c.args...)...)
			named := map[string]bool{}
			for _, n := range slices.Concat(before.Missing, before.Features) {
				named[real(n.Path)] = true
			}
			opened := map[string]bool{}
			for _, s := range seen {
				opened[real(s)] = true
				if !named[real(s)] && !beside(s) {
					t.Errorf("strace sees %s, check does not name it", s)
				}
			}
			for _, n := range before.Missing {
				if !n.Conditional && !opened[real(n.Path)] && !strings.HasPrefix(n.Why, "the interpreter") && !strings.Contains(n.Why, "PT_INTERP") { // these the kernel opens
					t.Errorf("check names %s, strace does not see it", n.Path)
				}
			}
			// Nothing is done by a dry run.
			jailctl(t, exitOK, "provision", "-dry-run", "-jail", jail, program)
			if entries, _ := os.ReadDir(jail); len(entries) != 1 {
				t.Errorf("a dry run wrote %v", entries)
			}
			jailctl(t, exitOK, "provision", "-jail", jail, program)
			after := jailctlJSON[report](t, exitOK, "check", "-jail", jail, program)
			if len(after.Missing) != 0 {
				t.Errorf("still missing: %v", after.Missing)
			}
			cmd := exec.Command(program, c.args...)
			cmd.Dir, cmd.Env = "/", []string{"LC_ALL=C"}
			cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: jail}
			out, err := cmd.Output()
			if err != nil || string(out) != c.want {
				t.Errorf("in the jail: %q, %v; want %q", out, err, c.want)
			}
			if got := jailctl(t, exitOK, "provision", "-jail", jail, program); got != "nothing to do\n" {
				t.Errorf("a second time: %s", got)
			}
			jailctl(t, exitOK, "diff", "-jail", jail)
			if err := os.WriteFile(filepath.Join(jail, program), []byte("other"), 0o755); err != nil {
				t.Fatal(err)
			}
			if got := jailctlJSON[[]change](t, exitFound, "diff", "-jail", jail); len(got) == 0 || got[0].State != "changed in the jail" {
				t.Errorf("diff: %v", got)
			}
		})
	}
}

func real(path string) string {
	if r, err := filepath.EvalSymlinks(path); err == nil {
		return r
	}
	return path
}

// beside is what programs look at and do without.
func beside(path string) bool {
	for _, prefix := range []string{"/proc/", "/sys/", "/dev/", "/usr/share/locale/", "/usr/lib/locale/", "/usr/lib/ssl/", "/etc/ssl/openssl.cnf"} {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return false
}

// TestDangers puts one of each into a jail; the control file is not named.
func TestDangers(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can make device nodes")
	}
	jail, outside := newJail(t), newJail(t)
	file := func(name string, mode os.FileMode) string {
		path := filepath.Join(jail, name)
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	file("htdocs/index.html", 0o644)
	file("htdocs/good", 0o755)
	file("htdocs/setuid", 0o755|os.ModeSetuid)
	file("htdocs/writable", 0o777)
	linked := file("htdocs/linked", 0o644)
	if err := os.Link(linked, filepath.Join(outside, "name")); err != nil {
		t.Fatal(err)
	}
	both := file("htdocs/twice", 0o644)
	if err := os.Link(both, filepath.Join(jail, "htdocs/again")); err != nil {
		t.Fatal(err)
	}
	for name, minor := range map[string]uint32{"mem": 1, "null": 3} {
		if err := unix.Mknod(filepath.Join(jail, name), unix.S_IFCHR|0o600, int(unix.Mkdev(1, minor))); err != nil {
			t.Skip("no device node can be made here: ", err)
		}
	}
	got := map[string]string{}
	for _, d := range jailctlJSON[report](t, exitFound, "check", "-jail", jail).Dangers {
		got[strings.TrimPrefix(d.Path, jail)] = d.Kind
		if strings.HasPrefix(d.Fix, "rm ") || strings.HasPrefix(d.Fix, "ch") || strings.HasPrefix(d.Fix, "cp ") {
			if out, err := exec.Command("sh", "-c", d.Fix).CombinedOutput(); err != nil {
				t.Errorf("%s: %v, %s", d.Fix, err, out)
			}
		}
	}
	want := map[string]string{"/htdocs/setuid": "setuid file", "/htdocs/writable": "writable program", "/htdocs/linked": "hard link to outside", "/mem": "device node"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	// The commands that it shows mend what it shows.
	if left := jailctlJSON[report](t, exitOK, "check", "-jail", jail).Dangers; len(left) != 0 {
		t.Errorf("after its own commands: %v", left)
	}
}

// TestProvisionFollowsNoLink: a link that the server's user has laid in the jail
// leads nothing out of it.
func TestProvisionFollowsNoLink(t *testing.T) {
	jail, outside := newJail(t), newJail(t)
	for _, name := range []string{"lib", "lib64", "usr", "bin"} {
		if err := os.Symlink(outside, filepath.Join(jail, name)); err != nil {
			t.Fatal(err)
		}
	}
	var out, errs bytes.Buffer
	if code := run([]string{"provision", "-jail", jail, "sh"}, &out, &errs); code != exitError || !strings.Contains(errs.String(), "escapes") {
		t.Errorf("exit status %d, %s", code, errs.String())
	}
	if entries, _ := os.ReadDir(outside); len(entries) != 1 {
		t.Errorf("outside: %v", entries)
	}
}

func TestInJail(t *testing.T) {
	jail := newJail(t)
	for name, target := range map[string]string{"abs": "/htdocs", "up": "../../../htdocs", "out": "/etc/passwd", "loop": "loop"} {
		if err := os.Symlink(target, filepath.Join(jail, name)); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{"/abs": "/htdocs", "/up": "/htdocs", "/../htdocs": "/htdocs", "/out": "", "/loop": "", "/none": ""} {
		got, err := inJail(jail, name)
		if want != "" {
			want = jail + want
		}
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v; want %q", name, got, err, want)
		}
	}
}

// TestCheckKnowsTheConfiguration: paths outside of the jail, and lines that are
// not needed, each with the way to mend it.
func TestCheckKnowsTheConfiguration(t *testing.T) {
	jail, outside := newJail(t), newJail(t)
	conf := filepath.Join(outside, "httpd.conf")
	for _, c := range []struct{ line, want string }{
		{"DocumentRoot " + outside, "DocumentRoot " + outside + " is read while requests are served and lies outside of ChrootDir " + jail + " (move it below"},
		{"DocumentRoot " + jail + "/htdocs", "(write \"/htdocs\", or say ChrootFixRoot On)"},
		{"CoreDumpDirectory " + outside, "CoreDumpDirectory " + outside + " is read"},
		{"ChrootFixRoot On\nDocumentRoot " + jail + "/htdocs", ""},
		{"DocumentRoot /htdocs", ""},
		{"DocumentRoot /htdocs\nLoadFile libc.so.6", "LoadFile \"libc.so.6\" is not needed"},
	} {
		text := fmt.Sprintf("ServerRoot %s\nListen 127.0.0.1:1\nChrootDir %s\nUser nobody\nGroup nogroup\n%s\n", outside, jail, c.line)
		if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		code := exitFound
		if c.want == "" {
			code = exitOK
		}
		got := strings.Join(jailctlJSON[report](t, code, "check", "-f", conf).Configuration, "\n")
		if !strings.Contains(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s: %q, want %q", c.line, got, c.want)
		}
	}
}

// TestCaveats: each feature of the C library that looks for files late is told
// for a program that imports it, and not for another.
func TestCaveats(t *testing.T) {
	jail := newJail(t)
	for _, ft := range slices.Concat(features, phpFeatures) {
		f := newFinder()
		if len(ft.symbols) > 0 {
			f.features("/x/program", "/x/program", &object{imports: map[string]bool{ft.symbols[0]: true}})
		} else {
			f.features("/x/php8.2", "/x/php8.2", &object{})
		}
		_, found := split(f.needs, jail)
		if !slices.ContainsFunc(found, func(n need) bool { return n.Feature == ft.name && n.Why == ft.lost }) && !absent(ft) {
			t.Errorf("%s (%s) is not told: %v", ft.name, ft.lost, found)
		}
		f = newFinder()
		f.features("/x/program", "/x/program", &object{imports: map[string]bool{"write": true}})
		if len(f.needs) != 0 {
			t.Errorf("a program that only writes needs %v", f.needs)
		}
	}
}

// absent tells that the machine has none of a feature's files.
func absent(ft feature) bool {
	for _, pattern := range ft.files {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return false
		}
	}
	return !slices.Contains(byHand, ft.name) && ft.name != "sendmail"
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{}, {"frob"}, {"check"}, {"check", "-jail", "/"}, {"check", "-jail", "/nonesuch"}, {"check", "-f", "/nonesuch"},
		{"provision", "-jail", newJail(t)}, {"status", "1x"}, {"check", "-jail", newJail(t), "-with", "magic"}, {"diff", "-jail", newJail(t)}} {
		if out := jailctl(t, exitError, args...); !strings.Contains(out, "jailctl") {
			t.Errorf("%v: %q", args, out)
		}
	}
}

func TestParseTrace(t *testing.T) {
	got := parseTrace(`12 execve("/bin/x", ["x"], 0x7 /* 3 vars */) = 0
12 openat(AT_FDCWD, "/etc/a", O_RDONLY|O_CLOEXEC) = 3
12 openat(AT_FDCWD, "/etc/none", O_RDONLY) = -1 ENOENT (No such file or directory)
12 open("rel", O_RDONLY) = 4
12 openat(AT_FDCWD, "/etc/a", O_RDONLY) = 3
`)
	if d := cmp.Diff([]string{"/bin/x", "/etc/a"}, got); d != "" {
		t.Error(d)
	}
}

// FuzzParseCache: every path of the result is absolute, whatever the file holds.
func FuzzParseCache(f *testing.F) {
	f.Add([]byte(cacheMagic + strings.Repeat("\x01", 100)))
	if text, err := os.ReadFile("/etc/ld.so.cache"); err == nil && len(text) < 1<<16 {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for name, path := range parseCache(text) {
			if name == "" || !filepath.IsAbs(path) {
				t.Errorf("%q: %q", name, path)
			}
		}
	})
}
