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
// With PrivateMounts before it the child may also change the root of its mounts.
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

	if attr.Cloneflags&syscall.CLONE_NEWNS != 0 {
		attr.AmbientCaps = append(attr.AmbientCaps, unix.CAP_SYS_ADMIN)
	}
	trial := *attr
	if err := TryStart(&trial); err != nil {
		return needsRoot(err)
	}
	return nil
}

func needsRoot(reason error) error {
	return fmt.Errorf("ChrootDir needs root or a kernel that allows user namespaces: %w", reason)
}
