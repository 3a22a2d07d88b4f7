// Package chroot locks a serving process into its jail and proves that it is
// locked.
//
// The order is the whole idea, and Enter shows it on one screen: everything that
// has a name outside (user, group, time zone, resolver, libraries) is looked up
// first (Lookup, Resolve, Preload, LoadFile); then the root directory changes;
// then groups, group, user, in that order because each step needs the privilege
// that the next gives up; then what could bring privilege back is closed
// (no_new_privs, capability sets, Landlock); and at last the result is asked of the
// kernel, not of what the code believes it did (Proof.Check).
//
// Credentials belong to threads on Linux, not to processes. A program without
// cgo changes them on every thread by syscall.AllThreadsSyscall. Where cgo is
// linked in (as the race detector does) that call is refused; the C library
// then carries user and groups to every thread, which empties their capability
// sets too, and no_new_privs must have been inherited: Spawner starts children
// that way, and does no harm to the others.
package chroot

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Plan says what a process is to become.
type Plan struct {
	// Dir is the jail, absolute and canonical (see Resolve), "" for none.
	Dir string
	// ID is who to become. It is ignored with KeepUser.
	ID Identity
	// KeepUser is for a server that was not started as root: as in Apache,
	// User and Group are then without effect and it stays who it is.
	KeepUser bool
	// Dumpable lets the process leave a core file after its user changed
	// (Apache: when CoreDumpDirectory is given). Otherwise Linux forbids it.
	Dumpable bool

	// Locks beyond the change of root; the zero values are the strictest. They
	// hold in a jail only, but for the last two.

	// Mounts leaves the jail as the only file system there is. The process must
	// have been started with PrivateMounts; OuterMounts is the MountNamespace of
	// who started it.
	Mounts      Wish
	OuterMounts uint64
	// Landlock forbids every thread to open anything outside of the jail.
	Landlock Wish
	// NewPrivs allows programs to gain privilege by set-user-ID files, within
	// Bounding, a bit for each capability. The process has then been started by
	// a Spawner that allows as much.
	NewPrivs bool
	Bounding uint64
}

// StepError is a step of Enter that failed. The process is then half way and
// must end; it must not serve.
type StepError struct {
	Msg string // Apache's number and words, where Apache has this step
	Err error  // usually a syscall.Errno
}

func (e *StepError) Error() string { return e.Msg + ": " + e.Err.Error() }
func (e *StepError) Unwrap() error { return e.Err }

func failed(err error, format string, args ...any) error {
	return &StepError{Msg: fmt.Sprintf(format, args...), Err: err}
}

// Enter makes the process what p says, for good, and proves it. On an error the
// caller has to exit.
func Enter(p Plan) (Proof, error) {
	proof, err := prepare(p)
	if err != nil {
		return Proof{}, err
	}
	if p.Dir != "" {
		if err := changeRoot(p, &proof); err != nil {
			return Proof{}, err
		}
		if p.Landlock != Off {
			proof.landlock, err = restrict()
			if err := proof.had(p.Landlock, "ChrootLandlock", "Landlock", err); err != nil {
				return Proof{}, err
			}
		}
	}
	if err := dropBounding(p.Bounding); err != nil {
		return Proof{}, err
	}
	if !p.KeepUser {
		id := p.ID
		if err := syscall.Setgroups(id.Groups); err != nil {
			return Proof{}, failed(err, "AH02157: initgroups: unable to set groups for User %s and Group %d", id.User, id.GID)
		}
		if err := syscall.Setresgid(id.GID, id.GID, id.GID); err != nil {
			return Proof{}, failed(err, "AH02156: setgid: unable to set group id to Group %d", id.GID)
		}
		if err := syscall.Setresuid(id.UID, id.UID, id.UID); err != nil {
			return Proof{}, failed(err, "AH02162: setuid: unable to change to uid: %d", id.UID)
		}
	}
	if !p.NewPrivs {
		if err := noNewPrivs(); err != nil {
			return Proof{}, err
		}
	}
	if err := dropCapabilities(); err != nil {
		return Proof{}, err
	}
	switch {
	case p.Dumpable:
		if err := unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0); err != nil {
			return Proof{}, failed(err, "AH02163: set dumpable failed - this child will not coredump after software errors")
		}
	case p.Dir != "":
		// The change of user has done so, but for fs.suid_dumpable, or a user that
		// is kept: no other process of that user may look into the memory.
		if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
			return Proof{}, failed(err, "set dumpable to 0")
		}
	}
	return proof, proof.Check()
}

// changeRoot makes the jail the root directory by chroot(2), and before that the only
// thing in the mount namespace where that can be had.
func changeRoot(p Plan, proof *Proof) error {
	// One descriptor for looking and for entering: the directory that was
	// examined is the one that becomes the root, whatever is renamed meanwhile.
	fd, err := unix.Open(p.Dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return failed(err, "AH02159: Can't chdir to %s", p.Dir)
	}
	defer func() { unix.Close(fd) }()
	if p.Mounts != Off {
		root, final, err := pivot(fd, p.OuterMounts)
		if err == nil {
			unix.Close(fd)
			fd, proof.mounts = root, true
		} else if final {
			return failed(err, "ChrootPrivateMounts")
		}
		if err := proof.had(p.Mounts, "ChrootPrivateMounts", "mounts of its own", err); err != nil {
			return err
		}
	}
	if proof.root, err = placeOf(fd); err == nil {
		err = unix.Fchdir(fd)
	}
	if err != nil {
		return failed(err, "AH02159: Can't chdir to %s", p.Dir)
	}
	if err := unix.Chroot("."); err != nil {
		return failed(err, "AH02160: Can't chroot to %s", p.Dir)
	}
	if err := unix.Chdir("/"); err != nil {
		return failed(err, "AH02161: Can't chdir to new root")
	}
	return nil
}

// prepare refuses what could not end well while nothing has been done yet, and
// notes what Check compares with.
func prepare(p Plan) (Proof, error) {
	proof := Proof{Dir: p.Dir, ID: p.ID, highest: highestFD(), newPrivs: p.NewPrivs, bounding: p.Bounding, dumpable: p.Dumpable}
	if p.KeepUser {
		if os.Geteuid() == 0 {
			return Proof{}, errors.New("refusing to serve as root: User and Group must be changed")
		}
		groups, err := syscall.Getgroups()
		if err != nil {
			return Proof{}, failed(err, "getgroups")
		}
		proof.ID = Identity{UID: os.Geteuid(), GID: os.Getegid(), Groups: groups}
		return proof, nil
	}
	// (uid_t)-1 means "leave as it is" to setresuid; Apache's setuid refuses it.
	switch id := p.ID; {
	case id.UID == 0:
		return Proof{}, errors.New("refusing to serve as root: User is uid 0")
	case id.UID < 0 || id.UID >= 1<<32-1:
		return Proof{}, failed(syscall.EINVAL, "AH02162: setuid: unable to change to uid: %d", id.UID)
	case id.GID < 0 || id.GID >= 1<<32-1:
		return Proof{}, failed(syscall.EINVAL, "AH02156: setgid: unable to set group id to Group %d", id.GID)
	case id.User == "":
		return Proof{}, fmt.Errorf("AH02155: getpwuid: couldn't determine user name from uid %d, "+
			"you probably need to modify the User directive", id.UID)
	}
	return proof, nil
}
