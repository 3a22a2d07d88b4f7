package chroot

import (
	"errors"
	"runtime"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// everyThread tells whether a system call can be made on all threads at once:
// not when cgo is part of the program (syscall.AllThreadsSyscall).
func everyThread() bool {
	_, _, errno := syscall.AllThreadsSyscall(unix.SYS_GETPID, 0, 0, 0)
	return errno == 0
}

var errInherit = errors.New("this program contains cgo: its children must be started by chroot.Spawner")

// noNewPrivs forbids every thread, and what it executes, to gain privilege by
// execve: set-user-ID files and file capabilities lose their effect.
func noNewPrivs() error {
	if everyThread() {
		if _, _, errno := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0); errno != 0 {
			return failed(errno, "no_new_privs")
		}
		return nil
	}
	if on, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0); err != nil || on != 1 {
		return failed(errInherit, "no_new_privs")
	}
	return nil
}

// dropBounding removes every capability but those in keep from the bounding set,
// where this process may (CAP_SETPCAP); no_new_privs makes the set harmless otherwise.
func dropBounding(keep uint64) error {
	caps, err := capabilities()
	if err != nil {
		return failed(err, "capget")
	}
	if !everyThread() || caps.effective&(1<<unix.CAP_SETPCAP) == 0 {
		return nil
	}
	for c := range capCount() {
		if keep&(1<<c) != 0 {
			continue
		}
		if _, _, errno := syscall.AllThreadsSyscall(unix.SYS_PRCTL, unix.PR_CAPBSET_DROP, uintptr(c), 0); errno != 0 {
			return failed(errno, "drop capability %d from the bounding set", c)
		}
	}
	return nil
}

// dropCapabilities empties the permitted, effective, inheritable and ambient
// sets. After a change of user the kernel has emptied most of them; in a user
// namespace, or with inherited sets, it has not.
func dropCapabilities() error {
	if everyThread() {
		if _, _, errno := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0, 0); errno != 0 {
			return failed(errno, "clear ambient capabilities")
		}
		header, none := capHeader(), [2]unix.CapUserData{}
		if _, _, errno := syscall.AllThreadsSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&none)), 0); errno != 0 {
			return failed(errno, "capset")
		}
		return nil
	}
	caps, err := capabilities()
	if err != nil {
		return failed(err, "capget")
	}
	if caps != (capSets{}) {
		return failed(errInherit, "drop capabilities")
	}
	return nil
}

// capSets is what capget tells of the calling thread, a bit for a capability.
type capSets struct{ effective, permitted, inheritable uint64 }

func capHeader() unix.CapUserHeader {
	return unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
}

func capabilities() (capSets, error) {
	header, data := capHeader(), [2]unix.CapUserData{}
	if err := unix.Capget(&header, &data[0]); err != nil {
		return capSets{}, err
	}
	join := func(lo, hi uint32) uint64 { return uint64(hi)<<32 | uint64(lo) }
	return capSets{
		effective:   join(data[0].Effective, data[1].Effective),
		permitted:   join(data[0].Permitted, data[1].Permitted),
		inheritable: join(data[0].Inheritable, data[1].Inheritable),
	}, nil
}

// capCount asks the kernel how many capabilities there are, 41 as of Linux 5.9:
// reading a bit of the bounding set beyond the last is an error.
func capCount() int {
	n := 0
	for n < 64 {
		if _, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, uintptr(n), 0, 0, 0); err != nil {
			break
		}
		n++
	}
	return n
}

func boundingCount() int {
	n := 0
	for c := range capCount() {
		if on, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, uintptr(c), 0, 0, 0); err == nil && on == 1 {
			n++
		}
	}
	return n
}

// neededCaps are what a child may need until Enter has run: to read keys that
// belong to root, to change its root, user and groups, and to drop the rest.
const neededCaps uint64 = 1<<unix.CAP_DAC_OVERRIDE | 1<<unix.CAP_DAC_READ_SEARCH | 1<<unix.CAP_SETGID |
	1<<unix.CAP_SETUID | 1<<unix.CAP_SETPCAP | 1<<unix.CAP_SYS_CHROOT

// Spawner is a thread that the parent starts its children from. It has
// no_new_privs, no inheritable or ambient capability, and a bounding set of what
// a child needs until it has entered its jail; children inherit that, less what
// Allowances says. Programs that need to gain privilege (set-user-ID piped log programs) must be started
// elsewhere. The thread stays until Close, so that a parent-death signal
// (SysProcAttr.Pdeathsig), which Linux ties to the thread that forked, is not
// sent early.
type Spawner struct{ jobs chan func() }

// Allowances are what a Spawner leaves to its children beyond what every one of
// them needs. The zero value allows nothing.
type Allowances struct {
	Mounts   bool   // they change the root of their mount namespace
	NewPrivs bool   // programs that they start may gain privilege: Plan.NewPrivs
	Bounding uint64 // and up to these capabilities: Plan.Bounding
}

// NewSpawner starts the thread.
func NewSpawner(a Allowances) (*Spawner, error) {
	s := &Spawner{jobs: make(chan func())}
	ready := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with its goroutine
		err := a.restrictThread()
		ready <- err
		if err != nil {
			return
		}
		for job := range s.jobs {
			job()
		}
	}()
	if err := <-ready; err != nil {
		return nil, err
	}
	return s, nil
}

// Do runs start on the thread and returns its error; start is meant to call
// exec.Cmd.Start or os.StartProcess. Not after Close.
func (s *Spawner) Do(start func() error) error {
	done := make(chan error)
	s.jobs <- func() { done <- start() }
	return <-done
}

// Close ends the thread.
func (s *Spawner) Close() { close(s.jobs) }

func (a Allowances) restrictThread() error {
	if !a.NewPrivs {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return failed(err, "no_new_privs")
		}
	}
	needed := neededCaps | a.Bounding
	if a.Mounts || a.NewPrivs { // Landlock asks for the right where privilege can be gained
		needed |= 1 << unix.CAP_SYS_ADMIN
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return failed(err, "clear ambient capabilities")
	}
	caps, err := capabilities()
	if err != nil {
		return failed(err, "capget")
	}
	if caps.effective&(1<<unix.CAP_SETPCAP) != 0 {
		for c := range capCount() {
			if needed&(1<<c) != 0 {
				continue
			}
			if err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(c), 0, 0, 0); err != nil {
				return failed(err, "drop capability %d from the bounding set", c)
			}
		}
	}
	header, data := capHeader(), [2]unix.CapUserData{
		{Effective: uint32(caps.effective), Permitted: uint32(caps.permitted)},
		{Effective: uint32(caps.effective >> 32), Permitted: uint32(caps.permitted >> 32)},
	}
	if err := unix.Capset(&header, &data[0]); err != nil {
		return failed(err, "capset")
	}
	return nil
}

// String names the sets that are not empty, for messages.
func (c capSets) String() string {
	var sets []string
	for _, s := range []struct {
		name string
		bits uint64
	}{{"effective", c.effective}, {"permitted", c.permitted}, {"inheritable", c.inheritable}} {
		if s.bits != 0 {
			sets = append(sets, s.name+" 0x"+hex(s.bits))
		}
	}
	return strings.Join(sets, ", ")
}
