package chroot

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// whoVar makes this test binary say its effective uid and end.
const whoVar = "DONJON_CHROOT_WHO"

// escapes tries the known ways out of a chroot from a process that has entered
// its jail; each is told by what the kernel answered.
func escapes() map[string]string {
	got := map[string]string{}
	try := func(name string, err error) {
		got[name] = "it worked"
		if err != nil {
			got[name] = err.Error()
		}
	}
	try("a second chroot", unix.Chroot("/sub"))
	_, err := os.Stat("/../../../../secret")
	try("climbing by ..", err)
	_, err = os.Stat("/link")
	try("a link to outside", err)
	_, err = os.Open(fmt.Sprintf("/proc/%d/root", os.Getppid()))
	try("/proc of the parent", err)
	try("mounting /proc", unix.Mount("proc", "/sub", "proc", 0, ""))
	try("a mount namespace", unix.Unshare(unix.CLONE_NEWNS))
	try("pivot_root", unix.PivotRoot("/sub", "/sub"))
	try("a device node", unix.Mknod("/sub/sda", unix.S_IFBLK|0o600, int(unix.Mkdev(8, 0))))
	try("a hard link to outside", os.Link("/../secret", "/sub/secret"))
	try("a signal to the parent", unix.Kill(os.Getppid(), unix.SIGTERM))
	runtime.LockOSThread() // ptrace belongs to a thread
	try("ptrace of the parent", unix.PtraceAttach(os.Getppid()))
	runtime.UnlockOSThread()
	_, err = unix.OpenByHandleAt(unix.AT_FDCWD, unix.NewFileHandle(1, make([]byte, 8)), unix.O_RDONLY)
	try("a file handle of outside", err)
	for fd := range 64 { // a directory that was left open
		var st unix.Stat_t
		if unix.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR {
			if _, err := unix.Openat(fd, "../secret", unix.O_RDONLY, 0); err == nil {
				got["a left-over descriptor"] = "it worked"
			}
		}
	}
	cmd := exec.Command("/setuid")
	cmd.Env = []string{whoVar + "=1"}
	cmd.Stdin, cmd.Stderr = strings.NewReader(""), io.Discard // there is no /dev/null
	userns := exec.Command("/setuid")
	userns.Env, userns.Stdin, userns.Stdout, userns.Stderr = cmd.Env, strings.NewReader(""), io.Discard, io.Discard
	userns.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS}
	err = userns.Run()
	var errno syscall.Errno
	if errors.As(err, &errno) {
		err = errno
	}
	try("a user namespace", err)
	out, err := cmd.Output()
	if got["a setuid file"] = string(out); err != nil {
		got["a setuid file"] = err.Error()
	}
	return got
}

// TestEscapes: with root's powers gone no known way leads out. The control is a
// process outside, in TestTheWaysWouldWork.
func TestEscapes(t *testing.T) {
	needRoot(t)
	if !everyThread() {
		t.Skip("this test binary contains cgo: it needs libraries in the jail to run there as a setuid file")
	}
	jail := newJail(t)
	if err := os.WriteFile(filepath.Join(filepath.Dir(jail), "secret"), []byte("outside"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(jail, "sub"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(jail, "sub"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(filepath.Dir(jail), "secret"), filepath.Join(jail, "link")); err != nil {
		t.Fatal(err)
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
	denied := "operation not permitted"
	want := map[string]string{
		"a second chroot": denied, "climbing by ..": "stat /../../../../secret: no such file or directory",
		"a link to outside":   "stat /link: no such file or directory",
		"/proc of the parent": fmt.Sprintf("open /proc/%d/root: no such file or directory", os.Getpid()),
		"mounting /proc":      denied, "a mount namespace": denied, "pivot_root": denied, "a device node": denied,
		"a hard link to outside": "link /../secret /sub/secret: no such file or directory",
		"a signal to the parent": denied, "ptrace of the parent": denied, "a file handle of outside": denied,
		"a setuid file": "12345", "a user namespace": denied,
	}
	for _, c := range locked {
		t.Run(c.name, func(t *testing.T) {
			needLandlock(t, c.plan)
			what := task{Plan: c.plan, Own: c.plan.Mounts == On, Escape: true}
			what.Plan.Dir, what.Plan.ID = jail, someone
			got := inJail(t, what, false, nil, nil)
			if got.Err != "" {
				t.Fatal(got.Err)
			}
			if d := cmp.Diff(want, got.Escapes); d != "" {
				t.Error(d)
			}
		})
	}
}

// locked are the ways to lock a jail. Those that the kernel lacks are left out by
// needLandlock.
var locked = []struct {
	name string
	plan Plan
}{
	{"chroot", Plan{Mounts: Off, Landlock: Off}},
	{"own mounts", Plan{Mounts: On, Landlock: Off}},
	{"Landlock", Plan{Mounts: Off, Landlock: On}},
	{"both", Plan{Mounts: On, Landlock: On}},
}

// TestTheWaysWouldWork is the control of TestEscapes: without Enter the setuid
// file gives root, and the link and the parent can be reached.
func TestTheWaysWouldWork(t *testing.T) {
	needRoot(t)
	jail := newJail(t)
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
	cmd := exec.Command("setpriv", "--reuid=12345", "--regid=23456", "--clear-groups", setuid)
	cmd.Env = append(os.Environ(), whoVar+"=1")
	if out, err := cmd.Output(); err != nil || strings.TrimSpace(string(out)) != "0" {
		t.Skipf("setuid files have no effect in %s (%q, %v)", jail, out, err)
	}
	cmd = exec.Command("setpriv", "--reuid=12345", "--regid=23456", "--clear-groups", "unshare", "-U", "true")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Logf("user namespaces are forbidden here anyway: %v, %s", err, out)
	}
	if err := unix.Kill(os.Getppid(), 0); err != nil {
		t.Errorf("a signal to the parent: %v", err)
	}
}
