package chroot

import (
	"math"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// firstUnknown is the first descriptor that is none of the standard three.
const firstUnknown = 3

// CloseOnExec keeps every open descriptor but the standard three from programs
// that are executed from now on. What is meant to be passed on is duplicated by
// the call that passes it. It is for descriptors that nobody here has opened: a
// shell, a service manager or a wrapper may have left some, and a directory among
// them would lead out of any jail.
func CloseOnExec() error {
	err := unix.CloseRange(firstUnknown, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)
	if err != unix.ENOSYS && err != unix.EINVAL { // Linux 5.9 and 5.11
		return err
	}
	return closeOnExecByName()
}

// closeOnExecByName does the same with what /proc lists.
func closeOnExecByName() error {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	for _, e := range entries {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd >= firstUnknown {
			unix.CloseOnExec(fd)
		}
	}
	return nil
}
