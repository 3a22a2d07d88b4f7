package mpm

import (
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"
)

// A program that was executed with blocked signals keeps them blocked in all
// its threads but those that wait for them, and hands that on to what it
// starts. So a parent that took over in an upgrade unblocks them in each thread
// that starts a program.

// blockSignals holds all signals back from this thread and gives what held before.
func blockSignals() *unix.Sigset_t {
	var all, old unix.Sigset_t
	for i := range all.Val {
		all.Val[i] = ^uint64(0)
	}
	unix.PthreadSigmask(unix.SIG_SETMASK, &all, &old) //nolint:errcheck // its arguments are valid
	return &old
}

func restoreSignals(mask *unix.Sigset_t) {
	unix.PthreadSigmask(unix.SIG_SETMASK, mask, nil) //nolint:errcheck // its arguments are valid
}

// unblocked runs start in a thread with no signal blocked.
func unblocked(start func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	restoreSignals(&unix.Sigset_t{})
	return start()
}

// startUnblocked is cmd.Start for a program that is to get its signals.
func startUnblocked(cmd *exec.Cmd) error { return unblocked(cmd.Start) }
