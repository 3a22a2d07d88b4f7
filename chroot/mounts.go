package chroot

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// A mount namespace of its own makes the jail the only file system that a child
// has, but for an empty one that holds it: the root is not hidden behind a changed
// one, it is not there. A way back
// that some later privilege, or a flaw in the kernel, would open for a chroot
// leads to nothing.
//
// The namespace is made by whoever starts the child (CLONE_NEWNS), because a
// program with threads cannot change to another one for all of them. Mounts are
// slaves of those outside: what an administrator mounts below the jail appears
// in children that run, what he takes away goes, and nothing goes outwards.

// MountNamespace tells this process's mount namespace by its number, 0 when /proc does
// not tell.
func MountNamespace() uint64 {
	var st unix.Stat_t
	if unix.Stat("/proc/self/ns/mnt", &st) != nil {
		return 0
	}
	return st.Ino
}

var errSharedMounts = errors.New("this process shares its mounts with the one that started it")

// PrivateMounts prepares attr so that a child has a mount namespace of its own.
func PrivateMounts(attr *syscall.SysProcAttr) { attr.Cloneflags |= syscall.CLONE_NEWNS }

// pivot makes an empty file system the root of the process's mount namespace, with
// the directory fd in it, and takes everything else out of it. The descriptor that it
// gives is that directory there, and still has to become the root by chroot(2): who
// is in a chroot may make no user namespace, in which he would be root
// (user_namespaces(7)), and who gets out of it finds nothing.
// When final is true an error leaves the process without a usable root.
func pivot(fd int, outer uint64) (jail int, final bool, err error) {
	// Never in a namespace that others live in: all of what follows would be
	// done to the whole machine.
	if own := MountNamespace(); outer == 0 || own == 0 || own == outer {
		return -1, false, errSharedMounts
	}
	if err := unix.Mount("", "/", "", unix.MS_SLAVE|unix.MS_REC, ""); err != nil {
		return -1, false, fmt.Errorf("make mounts private: %w", err)
	}
	// A clone of the jail with all that is mounted below it.
	jail, err = unix.OpenTree(fd, "", unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE|unix.AT_EMPTY_PATH)
	if err != nil {
		return -1, false, fmt.Errorf("clone the jail's mounts: %w", err)
	}
	defer func() {
		if err != nil {
			unix.Close(jail)
		}
	}()
	if at, err := placeOf(jail); err != nil || at.mount == 0 {
		return -1, false, errors.New("this kernel does not tell mounts apart")
	}
	empty, err := emptyMount()
	if err != nil {
		return -1, false, fmt.Errorf("make an empty file system: %w", err)
	}
	defer unix.Close(empty)
	// It has to lie somewhere to become the root. The jail itself is at hand.
	if err := unix.MoveMount(empty, "", fd, "", unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH); err != nil {
		return -1, false, fmt.Errorf("mount an empty file system: %w", err)
	}
	if err := unix.Mkdirat(empty, "jail", 0o555); err != nil {
		return -1, false, err
	}
	if err := unix.MoveMount(jail, "", empty, "jail", unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return -1, false, fmt.Errorf("mount the jail: %w", err)
	}
	if err := unix.MountSetattr(empty, "", unix.AT_EMPTY_PATH, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}); err != nil && err != unix.ENOSYS {
		return -1, false, fmt.Errorf("make the empty file system read-only: %w", err)
	}
	if err := unix.Fchdir(empty); err != nil {
		return -1, false, err
	}
	// The old root comes to lie over the new one, and is the one that "." then
	// unmounts: see "pivot_root(".", ".")" in pivot_root(2).
	if err := unix.PivotRoot(".", "."); err != nil {
		return -1, false, fmt.Errorf("pivot_root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return -1, true, fmt.Errorf("unmount the old root: %w", err)
	}
	return jail, true, nil
}

// emptyMount makes a file system that belongs to the user of this process.
func emptyMount() (int, error) {
	fs, err := unix.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, err
	}
	defer unix.Close(fs)
	if err := unix.FsconfigSetString(fs, "mode", "755"); err != nil {
		return -1, err
	}
	if err := unix.FsconfigCreate(fs); err != nil {
		return -1, err
	}
	return unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC)
}

// LacksPrivateMounts is why ChrootPrivateMounts On cannot be had here, or nil. It
// tries a namespace, which asks for the same rights as a start.
func LacksPrivateMounts() error {
	attr := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Geteuid() != 0 {
		return Unprivileged(attr)
	}
	err := TryStart(attr)
	if err != nil {
		return fmt.Errorf("no mount namespace can be made: %w", err)
	}
	return nil
}

// TryStart tells whether a process could be started with attr. The program cannot
// exist: everything up to execve has worked when that is what fails.
func TryStart(attr *syscall.SysProcAttr) error {
	_, err := os.StartProcess("/proc/self/exe/none", []string{"none"}, &os.ProcAttr{Env: []string{}, Sys: attr})
	if errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ENOENT) {
		return nil
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		err = errno
	}
	return err
}
