package chroot

import (
	"errors"
	"fmt"
	"io"
	"net"
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

func needLandlock(t *testing.T, p Plan) {
	t.Helper()
	if err := LacksLandlock(); err != nil && p.Landlock == On {
		t.Skip(err)
	}
}

// abstractName is a socket that no root directory keeps a process from.
func abstractName(parent int) string { return fmt.Sprintf("@donjon-chroot-test-%d", parent) }

// passed is what a process in its jail can do with a directory outside that a
// helper passes to it, and with an abstract socket.
func passed() map[string]string {
	got := map[string]string{}
	buf, oob := make([]byte, 1), make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(3, buf, oob, 0)
	if err != nil {
		return map[string]string{"receive": err.Error()}
	}
	list, err := unix.ParseSocketControlMessage(oob[:n])
	if err != nil || len(list) != 1 {
		return map[string]string{"receive": fmt.Sprint(list, err)}
	}
	fds, err := unix.ParseUnixRights(&list[0])
	if err != nil {
		return map[string]string{"receive": err.Error()}
	}
	open := func(name, path string, flags int) {
		got[name] = "it worked"
		fd, err := unix.Openat(fds[0], path, flags, 0o600)
		if err != nil {
			got[name] = err.Error()
			return
		}
		unix.Close(fd)
	}
	open("read", "secret", unix.O_RDONLY)
	open("climb", "../..", unix.O_RDONLY|unix.O_DIRECTORY)
	open("create", "new", unix.O_WRONLY|unix.O_CREAT)
	got["change to it"] = "it worked"
	if err := unix.Fchdir(fds[0]); err != nil {
		got["change to it"] = err.Error()
	} else {
		open("read after that", "./secret", unix.O_RDONLY)
	}
	got["an abstract socket"] = "it worked"
	c, err := net.Dial("unix", abstractName(os.Getppid()))
	if err == nil {
		c.Close()
	} else {
		var errno syscall.Errno
		errors.As(err, &errno)
		got["an abstract socket"] = errno.Error()
	}
	return got
}

// TestPassedDirectory: a helper outside that passes a directory leads out of a
// chroot, with mounts of its own or without, and not out of Landlock.
func TestPassedDirectory(t *testing.T) {
	needRoot(t)
	jail := newJail(t)
	outside := filepath.Join(filepath.Dir(jail), "outside")
	if err := os.Mkdir(outside, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(outside, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(outside, "secret"), []byte("outside"), 0o644); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", abstractName(os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	out, denied := map[string]string{}, map[string]string{}
	for _, name := range []string{"read", "climb", "create", "change to it", "read after that", "an abstract socket"} {
		out[name], denied[name] = "it worked", "permission denied"
	}
	denied["change to it"] = "it worked" // to stand there is nothing, if nothing can be opened
	denied["an abstract socket"] = "operation not permitted"
	if version, _ := LandlockVersion(); version < scopeVersion {
		denied["an abstract socket"] = "it worked"
	}
	for _, c := range locked {
		t.Run(c.name, func(t *testing.T) {
			needLandlock(t, c.plan)
			os.Remove(filepath.Join(outside, "new"))
			fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			dir, err := unix.Open(outside, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			theirs := os.NewFile(uintptr(fds[1]), "socket")
			defer theirs.Close()
			if err := unix.Sendmsg(fds[0], []byte{0}, unix.UnixRights(dir), nil, 0); err != nil {
				t.Fatal(err)
			}
			unix.Close(fds[0])
			unix.Close(dir)
			what := task{Plan: c.plan, Own: c.plan.Mounts == On, Pass: true}
			what.Plan.Dir, what.Plan.ID = jail, someone
			got := inJail(t, what, false, nil, nil, theirs)
			if got.Err != "" {
				t.Fatal(got.Err)
			}
			want := out
			if c.plan.Landlock == On {
				want = denied
			}
			if d := cmp.Diff(want, got.Escapes); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestLocks: what holds is what was wanted, by the kernel's word where it gives one.
func TestLocks(t *testing.T) {
	needRoot(t)
	jail := newJail(t)
	for _, c := range locked {
		t.Run(c.name, func(t *testing.T) {
			needLandlock(t, c.plan)
			what := task{Plan: c.plan, Own: c.plan.Mounts == On}
			what.Plan.Dir, what.Plan.ID = jail, someone
			got := inJail(t, what, false, nil, func(pid int) {
				text, err := os.ReadFile(fmt.Sprintf("/proc/%d/mountinfo", pid))
				if err != nil {
					t.Fatal(err)
				}
				if n := strings.Count(string(text), "\n"); (n == 1) != (c.plan.Mounts == On) {
					t.Errorf("%d mounts are seen:\n%s", n, text)
				}
				if root, err := RootOf(pid); root != jail {
					t.Errorf("RootOf: %q, %v", root, err)
				}
			})
			if got.Err != "" || got.Again != "" {
				t.Fatalf("%q, %q", got.Err, got.Again)
			}
			for lock, on := range map[string]bool{"own mounts": c.plan.Mounts == On, "Landlock": c.plan.Landlock == On, "not dumpable": true, "no new privileges": true} {
				if has := slices.ContainsFunc(got.Locks, func(s string) bool { return strings.HasPrefix(s, lock) }); has != on {
					t.Errorf("%s: %v, want %v (%v)", lock, has, on, got.Locks)
				}
			}
			if got.Dumpable != 0 {
				t.Errorf("dumpable: %d", got.Dumpable)
			}
		})
	}
}

// TestAutoSaysWhatLacks: without a namespace of its own a child is locked by chroot
// all the same.
func TestAutoSaysWhatLacks(t *testing.T) {
	needRoot(t)
	jail := newJail(t)
	got := inJail(t, task{Plan: Plan{Dir: jail, ID: someone}}, false, nil, func(pid int) {
		if root, err := RootOf(pid); root != jail {
			t.Errorf("%q, %v", root, err)
		}
	})
	const lacks = "no mounts of its own (this process shares its mounts with the one that started it)"
	if got.Err != "" || !slices.Contains(got.Locks, lacks) {
		t.Errorf("%+v", got)
	}
}

// TestNewPrivileges: where they are allowed, a set-user-ID file gives them, with
// Landlock too, and the bounding set holds what was named and no more.
func TestNewPrivileges(t *testing.T) {
	needRoot(t)
	if !everyThread() {
		t.Skip("this test binary contains cgo: it needs libraries in the jail to run there as a setuid file")
	}
	jail := newJail(t)
	for _, dir := range []string{"sub"} {
		if err := os.Mkdir(filepath.Join(jail, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	setuid := filepath.Join(jail, "setuid")
	if err := os.WriteFile(setuid, program, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(setuid, 0o755|os.ModeSetuid); err != nil {
		t.Fatal(err)
	}
	setUID, _ := Capability("CAP_SETUID")
	got := inJail(t, task{Plan: Plan{Dir: jail, ID: someone, NewPrivs: true, Bounding: setUID}, Escape: true}, false, nil, func(pid int) {
		if _, different := taskStatus(t, pid, "NoNewPrivs", "CapBnd", "CapEff"); !cmp.Equal(different,
			map[string]bool{"CapEff=0000000000000000 CapBnd=0000000000000080 NoNewPrivs=0": true}) {
			t.Errorf("%v", different)
		}
	})
	if got.Err != "" || got.Escapes["a setuid file"] != "0" {
		t.Errorf("%q, %v", got.Err, got.Escapes)
	}
	if !strings.Contains(got.Proof, "no capabilities (cap_setuid in the bounding set)") || strings.Contains(got.Proof, "no new privileges") {
		t.Errorf("proof: %s", got.Proof)
	}
	if got.Escapes["a second chroot"] != "operation not permitted" {
		t.Errorf("%v", got.Escapes)
	}
}

// TestMountsBelow: what is mounted below the jail is in it, also when it is mounted
// while the child runs. It needs mounts that propagate, so it runs in its own.
func TestMountsBelow(t *testing.T) {
	needRoot(t)
	const inside = "DONJON_CHROOT_MOUNTS"
	if os.Getenv(inside) == "" {
		cmd := exec.Command("/proc/self/exe", "-test.run=^TestMountsBelow$", "-test.v")
		cmd.Env = append(os.Environ(), inside+"=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
		out, err := cmd.CombinedOutput()
		if errors.Is(err, syscall.EPERM) {
			t.Skip("no mount namespace can be made here")
		}
		if err != nil || !strings.Contains(string(out), "--- PASS") {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	for _, err := range []error{
		unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""), // nothing outwards
		unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, ""),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	jail := newJail(t)
	for _, dir := range []string{"early", "late"} {
		if err := os.Mkdir(filepath.Join(jail, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	source := t.TempDir()
	if err := os.Chmod(source, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(source), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(source, "file"), []byte("mounted"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount(source, filepath.Join(jail, "early"), "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(filepath.Join(jail, "early"), unix.MNT_DETACH)
	for _, look := range []string{"/early/file", "/late/file"} {
		what := task{Plan: Plan{Dir: jail, ID: someone, Mounts: On, Landlock: Auto}, Own: true, Look: look}
		got := inJailWhile(t, what, func(in io.Writer, pid int) {
			settle(pid)
			if look == "/late/file" {
				if err := unix.Mount(source, filepath.Join(jail, "late"), "", unix.MS_BIND, ""); err != nil {
					t.Error(err)
				}
			}
			in.Write([]byte{'x'}) //nolint:errcheck // the report lacks then
		})
		if got.Looked != "mounted" {
			t.Errorf("%s: %q (%s)", look, got.Looked, got.Err)
		}
	}
	if err := unix.Unmount(filepath.Join(jail, "late"), 0); err != nil {
		t.Errorf("unmount: %v", err)
	}
}

// TestCloseOnExec: a descriptor that was left open does not reach a program.
func TestCloseOnExec(t *testing.T) {
	for _, closed := range []bool{false, true} {
		// The shell leaves descriptor 9 open, as a careless wrapper does.
		cmd := exec.Command("sh", "-c", `exec 9</; exec "$0" -test.run='^$'`, "/proc/self/exe")
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		cmd.Args[len(cmd.Args)-1] = self
		cmd.Env = append(os.Environ(), leftVar+"="+fmt.Sprint(closed))
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if has := strings.Contains(string(out), " 9"); has == closed {
			t.Errorf("closed %v: %s", closed, out)
		}
	}
}

// TestCloseOnExecFallback is for kernels without close_range.
func TestCloseOnExecFallback(t *testing.T) {
	fd, err := unix.Open("/", unix.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := closeOnExecByName(); err != nil {
		t.Fatal(err)
	}
	if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("%x, %v", flags, err)
	}
}

func TestCapability(t *testing.T) {
	for name, want := range map[string]uint64{"CAP_CHOWN": 1, "setuid": 1 << unix.CAP_SETUID, "Cap_Sys_Admin": 1 << unix.CAP_SYS_ADMIN,
		"checkpoint_restore": 1 << unix.CAP_CHECKPOINT_RESTORE, "": 0, "cap_": 0, "root": 0} {
		if got, ok := Capability(name); got != want || ok != (want != 0) {
			t.Errorf("%q: %x, %v", name, got, ok)
		}
	}
	if got := capabilityNames(1<<unix.CAP_SETUID | 1<<unix.CAP_SETGID); got != "cap_setgid cap_setuid" {
		t.Error(got)
	}
}

func TestParseWish(t *testing.T) {
	for word, want := range map[string]Wish{"on": On, "OFF": Off, "Auto": Auto} {
		if got, ok := ParseWish(word); !ok || got != want {
			t.Errorf("%s: %v, %v", word, got, ok)
		}
	}
	if _, ok := ParseWish("yes"); ok {
		t.Error("yes")
	}
}

func TestParseMountinfo(t *testing.T) {
	got := parseMountinfo("36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw\n" +
		"37 36 0:5 /a\\040b\\134 /c\\ rw - tmpfs t rw\nshort line\n")
	want := []mountPoint{{"98:0", "/mnt1", "/mnt2"}, {"0:5", `/a b\`, `/c\`}}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(mountPoint{})); d != "" {
		t.Error(d)
	}
}
