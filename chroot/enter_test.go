package chroot

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var someone = Identity{User: "someone", Group: "some", UID: 12345, GID: 23456, Groups: []int{23456, 34567}}

// taskStatus reads fields of /proc/PID/task/*/status: a line a thread.
func taskStatus(t *testing.T, pid int, fields ...string) (threads int, different map[string]bool) {
	t.Helper()
	names, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	different = map[string]bool{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // the thread has ended
		}
		var got []string
		for line := range strings.Lines(string(text)) {
			key, value, _ := strings.Cut(line, ":")
			for _, f := range fields {
				if key == f {
					got = append(got, key+"="+strings.Join(strings.Fields(value), ","))
				}
			}
		}
		threads++
		different[strings.Join(got, " ")] = true
	}
	return threads, different
}

func TestEnter(t *testing.T) {
	needRoot(t)
	for _, c := range []struct {
		name string
		bare bool
	}{{"spawner", false}, {"bare", true}} {
		t.Run(c.name, func(t *testing.T) {
			if c.bare && !everyThread() {
				t.Skip("this test binary contains cgo: no_new_privs has to be inherited from a Spawner")
			}
			jail := newJail(t)
			if err := os.Mkdir(filepath.Join(jail, "etc"), 0o755); err != nil {
				t.Fatal(err)
			}
			for name, text := range map[string]string{
				"passwd": "someone:x:0:0::/:/bin/sh\nwww-data:x:0:0::/:/bin/sh\n",
				"group":  "some:x:0:\nroot:x:0:someone\nwww-data:x:0:\n",
			} {
				if err := os.WriteFile(filepath.Join(jail, "etc", name), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			got := inJail(t, task{Plan: Plan{Dir: jail, ID: someone}}, c.bare, nil, func(pid int) {
				if root, err := os.Readlink(fmt.Sprintf("/proc/%d/root", pid)); err != nil || root != jail {
					t.Errorf("root is %q, %v", root, err)
				}
				n, different := taskStatus(t, pid, "Uid", "Gid", "Groups", "NoNewPrivs", "CapInh", "CapPrm", "CapEff", "CapAmb")
				want := map[string]bool{"Uid=12345,12345,12345,12345 Gid=23456,23456,23456,23456 Groups=23456,34567 " +
					"CapInh=0000000000000000 CapPrm=0000000000000000 CapEff=0000000000000000 CapAmb=0000000000000000 NoNewPrivs=1": true}
				if d := cmp.Diff(want, different); d != "" {
					t.Errorf("threads: %s", d)
				}
				if n < 7 {
					t.Errorf("only %d threads: the test shows nothing", n)
				}
				if everyThread() {
					if _, different := taskStatus(t, pid, "CapBnd"); !cmp.Equal(different, map[string]bool{"CapBnd=0000000000000000": true}) {
						t.Errorf("bounding sets: %v", different)
					}
				}
			})
			want := report{
				Proof:   got.Proof,
				Locks:   got.Locks,
				Names:   []string{"etc"},
				IDs:     [6]int{12345, 12345, 12345, 23456, 23456, 23456},
				Groups:  []int{23456, 34567},
				SetUID:  "operation not permitted",
				Unshare: got.Unshare,
				Tokyo:   "2026-07-01T09:00:00+09:00", Local: "2026-07-01T09:00:00+09:00",
				Localhost: got.Localhost, Port: 80, Random: true,
				Passwd: "www-data 0 0", // asked too late, which is why Plan holds numbers
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
			if len(got.Localhost) == 0 {
				t.Error("localhost has no address in the jail")
			}
			// EINVAL, because of the threads, comes before the check that forbids it.
			if got.Unshare != "operation not permitted" && got.Unshare != "invalid argument" {
				t.Errorf("a user namespace inside the jail: %s", got.Unshare)
			}
			start := "chroot to " + jail + ", user someone (12345), group some (23456), supplementary groups 23456 34567, no capabilities"
			if !strings.HasPrefix(got.Proof, start) {
				t.Errorf("proof %q, want %q…", got.Proof, start)
			}
		})
	}
}

// TestEnterUnjailed is the same without ChrootDir.
func TestEnterUnjailed(t *testing.T) {
	needRoot(t)
	got := inJail(t, task{Plan: Plan{ID: someone, Dumpable: true}, Hold: "/"}, false, nil, func(pid int) {
		if root, err := os.Readlink(fmt.Sprintf("/proc/%d/root", pid)); err != nil || root != "/" {
			t.Errorf("root is %q, %v", root, err)
		}
	})
	if got.Err != "" || got.IDs != [6]int{12345, 12345, 12345, 23456, 23456, 23456} || got.Dumpable != 1 {
		t.Errorf("%+v", got)
	}
}

func TestEnterRefuses(t *testing.T) {
	needRoot(t)
	jail := newJail(t)
	with := func(f func(*Identity)) Identity {
		id := someone
		f(&id)
		return id
	}
	for _, c := range []struct {
		name string
		task task
		want string
	}{
		{"user root", task{Plan: Plan{Dir: jail, ID: with(func(i *Identity) { i.UID = 0 })}},
			"refusing to serve as root: User is uid 0"},
		{"user #-1", task{Plan: Plan{Dir: jail, ID: with(func(i *Identity) { i.UID = 4294967295 })}},
			"AH02162: setuid: unable to change to uid: 4294967295: invalid argument"},
		{"group #-1", task{Plan: Plan{Dir: jail, ID: with(func(i *Identity) { i.GID = 4294967295 })}},
			"AH02156: setgid: unable to set group id to Group 4294967295: invalid argument"},
		{"user without account", task{Plan: Plan{Dir: jail, ID: with(func(i *Identity) { i.User = "" })}},
			"AH02155: getpwuid: couldn't determine user name from uid 12345, you probably need to modify the User directive"},
		{"keep root", task{Plan: Plan{Dir: jail, KeepUser: true}},
			"refusing to serve as root: User and Group must be changed"},
		{"no directory", task{Plan: Plan{Dir: jail + "/none", ID: someone}},
			"AH02159: Can't chdir to " + jail + "/none: no such file or directory"},
		{"directory outside held", task{Plan: Plan{Dir: jail, ID: someone}, Hold: "/etc"},
			"descriptor N is a directory outside the jail"},
		{"directory above held", task{Plan: Plan{Dir: jail, ID: someone}, Hold: filepath.Dir(jail)},
			"descriptor N is a directory outside the jail"},
		{"jail held", task{Plan: Plan{Dir: jail, ID: someone, Mounts: Off}, Hold: jail}, ""},
		{"jail held through mounts that are gone", task{Plan: Plan{Dir: jail, ID: someone, Mounts: On}, Own: true, Hold: jail},
			"descriptor N is a directory outside the jail"},
		{"mounts that are shared", task{Plan: Plan{Dir: jail, ID: someone, Mounts: On}},
			"ChrootPrivateMounts On: this process shares its mounts with the one that started it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := inJail(t, c.task, false, nil, nil).Err
			if rest, ok := strings.CutPrefix(got, "descriptor "); ok {
				_, rest, _ = strings.Cut(rest, " ")
				got = "descriptor N " + rest
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestUnprivileged starts a server as nobody, which starts its child in a user
// namespace; root only lends the test that user.
func TestUnprivileged(t *testing.T) {
	const nobody = 65534
	var as *syscall.Credential
	uid, gid := os.Geteuid(), os.Getegid()
	if uid == 0 {
		as = &syscall.Credential{Uid: nobody, Gid: nobody, Groups: []uint32{}}
		uid, gid = nobody, nobody
	}
	jail := newJail(t)
	if err := os.Mkdir(filepath.Join(jail, "htdocs"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, own := range []bool{false, true} {
		t.Run(fmt.Sprint("own mounts ", own), func(t *testing.T) { unprivileged(t, jail, as, uid, gid, own) })
	}
}

func unprivileged(t *testing.T, jail string, as *syscall.Credential, uid, gid int, own bool) {
	plan := Plan{Dir: jail, KeepUser: true, Mounts: Off}
	if own {
		plan.Mounts = On
	}
	got := inJail(t, task{Plan: plan, Middle: true, Own: own}, true, as, func(pid int) {
		// The child of the process that was started.
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
		var child int
		if _, scanErr := fmt.Sscan(string(text), &child); err != nil || scanErr != nil {
			return // it could not be started; the report says so
		}
		if as != nil {
			if root, err := RootOf(child); err != nil || root != jail {
				t.Errorf("root is %q, %v", root, err)
			}
		}
		_, different := taskStatus(t, child, "NoNewPrivs", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
		want := map[string]bool{"CapInh=0000000000000000 CapPrm=0000000000000000 CapEff=0000000000000000 " +
			"CapBnd=0000000000000000 CapAmb=0000000000000000 NoNewPrivs=1": true}
		if d := cmp.Diff(want, different); d != "" {
			t.Errorf("threads: %s", d)
		}
	})
	if strings.HasPrefix(got.Err, "ChrootDir needs root or a kernel that allows user namespaces: ") {
		t.Skip(got.Err)
	}
	if got.Err != "" || got.Again != "" {
		t.Fatalf("%q, %q", got.Err, got.Again)
	}
	if d := cmp.Diff([]string{"htdocs"}, got.Names); d != "" {
		t.Error(d)
	}
	if want := [6]int{uid, uid, uid, gid, gid, gid}; got.IDs != want {
		t.Errorf("ids %v, want %v", got.IDs, want)
	}
	if !strings.HasPrefix(got.Proof, fmt.Sprintf("chroot to %s, user #%d, group #%d", jail, uid, gid)) {
		t.Errorf("proof %q", got.Proof)
	}
}

// TestUnprivilegedNeverUnjailed: without a namespace the chroot fails, and with
// it Enter.
func TestUnprivilegedNeverUnjailed(t *testing.T) {
	needRoot(t)
	got := inJail(t, task{Plan: Plan{Dir: newJail(t), KeepUser: true}}, true, &syscall.Credential{Uid: 65534, Gid: 65534, Groups: []uint32{}}, nil)
	if !strings.HasPrefix(got.Err, "AH02160: Can't chroot to ") || got.Proof != "" {
		t.Errorf("%+v", got)
	}
}
