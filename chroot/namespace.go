package chroot

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Unprivileged prepares attr so that a child started with it may enter a jail
// although the server is not root: a user namespace in which the invoking user
// is himself, with the right to chroot and to drop the bounding set until Enter
// (with Plan.KeepUser) gives both up. Inside a chroot Linux lets nobody make
// another user namespace, so the right cannot be had again.
//
// It tries the kernel before it says yes, and the error is the sentence for the
// administrator.
func Unprivileged(attr *syscall.SysProcAttr) error {
	if !everyThread() {
		return needsRoot(errors.New("this program contains cgo and cannot drop capabilities there; build it with CGO_ENABLED=0"))
	}
	uid, gid := os.Geteuid(), os.Getegid()
	attr.Cloneflags |= syscall.CLONE_NEWUSER
	attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}}
	attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: gid, HostID: gid, Size: 1}}
	attr.GidMappingsEnableSetgroups = false
	attr.AmbientCaps = append(attr.AmbientCaps, unix.CAP_SYS_CHROOT, unix.CAP_SETPCAP)

	// A program that cannot exist: everything up to execve has worked when that
	// is what fails.
	trial := *attr
	_, err := os.StartProcess("/proc/self/exe/none", []string{"none"}, &os.ProcAttr{Env: []string{}, Sys: &trial})
	if !errors.Is(err, syscall.ENOTDIR) && !errors.Is(err, syscall.ENOENT) {
		var errno syscall.Errno
		if errors.As(err, &errno) {
			err = errno
		}
		return needsRoot(err)
	}
	return nil
}

func needsRoot(reason error) error {
	return fmt.Errorf("ChrootDir needs root or a kernel that allows user namespaces: %w", reason)
}
