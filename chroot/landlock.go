package chroot

import (
	"errors"
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Landlock (landlock(7), kernel documentation userspace-api/landlock) is a second
// lock on the same door: the kernel refuses to open anything that does not lie
// below the jail, by whatever name or descriptor it is asked. A chroot keeps names
// in; a directory that some helper outside passes over a socket is a way out of it,
// and not of this. Mounting, and tracing processes outside, are refused as well,
// and so are connections to abstract sockets, which know no root directory.
//
// What lies in the jail may be used as its permissions say. What is open stays open.

// leastLandlock is the version that can allow renaming between directories
// (Linux 5.19). An older one would break WebDAV and every program that renames.
const leastLandlock = 2

// landlockSince are the rights of each version of Landlock beyond those of the one
// before, up to the last that is known here; all are allowed below the jail.
var landlockSince = [...]uint64{
	1: 1<<13 - 1,
	2: unix.LANDLOCK_ACCESS_FS_REFER,
	3: unix.LANDLOCK_ACCESS_FS_TRUNCATE,
	5: unix.LANDLOCK_ACCESS_FS_IOCTL_DEV,
}

// scopeVersion is the version that knows abstract sockets (Linux 6.12).
const scopeVersion = 6

// LandlockVersion is the version of Landlock's interface in this kernel; an error
// says why there is none.
func LandlockVersion() (int, error) {
	n, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	switch errno {
	case 0:
		return int(n), nil
	case unix.ENOSYS:
		return 0, errors.New("this kernel has no Landlock")
	case unix.EOPNOTSUPP:
		return 0, errors.New("Landlock is not among the kernel's active security modules (lsm=)")
	}
	return 0, fmt.Errorf("landlock_create_ruleset: %w", errno)
}

// LacksLandlock is why ChrootLandlock On cannot be had here, or nil.
func LacksLandlock() error {
	version, err := LandlockVersion()
	switch {
	case err != nil:
		return err
	case version < leastLandlock:
		return fmt.Errorf("Landlock's version %d is too old: it would forbid to rename between directories", version)
	case !everyThread():
		return errors.New("this program contains cgo and cannot restrict all its threads; build it with CGO_ENABLED=0")
	}
	return nil
}

// rulesetAttr is struct landlock_ruleset_attr.
type rulesetAttr struct{ fs, net, scoped uint64 }

// restrict allows every thread of the process what lies below its root, and
// nothing else. It gives the version that was used.
func restrict() (int, error) {
	if err := LacksLandlock(); err != nil {
		return 0, err
	}
	version, err := LandlockVersion()
	if err != nil {
		return 0, err
	}
	attr := rulesetAttr{}
	size := unsafe.Sizeof(attr.fs) // what a kernel without networks and scopes accepts
	for v, rights := range landlockSince {
		if v <= version {
			attr.fs |= rights
		}
	}
	if version >= scopeVersion {
		attr.scoped = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
		size = unsafe.Sizeof(attr)
	}
	ruleset, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), size, 0)
	if errno != 0 {
		return 0, fmt.Errorf("landlock_create_ruleset: %w", errno)
	}
	defer unix.Close(int(ruleset))
	root, err := unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(root)
	below := unix.LandlockPathBeneathAttr{Allowed_access: attr.fs, Parent_fd: int32(root)}
	if _, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, ruleset, unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&below)), 0, 0, 0); errno != 0 {
		return 0, fmt.Errorf("landlock_add_rule: %w", errno)
	}
	// Landlock wants a process that cannot gain privilege by execve, or the right
	// to administer; a child that may keep such programs has the latter, still.
	if _, _, errno := syscall.AllThreadsSyscall(unix.SYS_LANDLOCK_RESTRICT_SELF, ruleset, 0, 0); errno != 0 {
		return 0, fmt.Errorf("landlock_restrict_self: %w", errno)
	}
	return version, nil
}
