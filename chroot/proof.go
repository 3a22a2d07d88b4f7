package chroot

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Proof is what a process that has entered its jail can show. Check asks the
// kernel again and can be called at any time later.
type Proof struct {
	Dir string   // the jail's real path, "" without one
	ID  Identity // who the process is; names are empty with Plan.KeepUser

	root    place // of Dir, as it was seen from outside
	highest int   // no descriptor was above this one before the jail closed

	mounts   bool // the jail is all that its mount namespace holds
	landlock int  // version of Landlock that holds, 0 for none
	newPrivs bool // programs may gain privilege, within bounding
	bounding uint64
	dumpable bool
	lacks    []string // locks that could not be had and that were not insisted on
}

// had notes a lock that could not be had; it is an error where it was insisted on.
func (p *Proof) had(wish Wish, directive, lock string, err error) error {
	switch {
	case err == nil:
		return nil
	case wish == On:
		return fmt.Errorf("%s On: %w", directive, err)
	}
	p.lacks = append(p.lacks, fmt.Sprintf("no %s (%v)", lock, err))
	return nil
}

// Locks are what holds beyond the change of root and user, in a few words: "own
// mounts", "Landlock 7", and so on; what could not be had begins with "no ".
func (p Proof) Locks() []string {
	var list []string
	if p.mounts {
		list = append(list, "own mounts")
	}
	if p.landlock > 0 {
		list = append(list, fmt.Sprintf("Landlock %d", p.landlock))
	}
	if !p.newPrivs {
		list = append(list, "no new privileges")
	}
	if p.Dir != "" && !p.dumpable {
		list = append(list, "not dumpable")
	}
	return append(list, p.lacks...)
}

// String is the sentence that a child logs.
func (p Proof) String() string {
	var b strings.Builder
	if p.Dir == "" {
		b.WriteString("no chroot")
	} else {
		fmt.Fprintf(&b, "chroot to %s", p.Dir)
	}
	fmt.Fprintf(&b, ", user %s, group %s", named(p.ID.User, p.ID.UID), named(p.ID.Group, p.ID.GID))
	if len(p.ID.Groups) > 0 {
		b.WriteString(", supplementary groups")
		for _, g := range p.ID.Groups {
			b.WriteString(" " + strconv.Itoa(g))
		}
	}
	b.WriteString(", no capabilities")
	if p.bounding != 0 {
		fmt.Fprintf(&b, " (%s in the bounding set)", capabilityNames(p.bounding))
	} else if n := boundingCount(); n > 0 {
		fmt.Fprintf(&b, " (%d in the bounding set)", n)
	}
	for _, lock := range p.Locks() {
		b.WriteString(", " + lock)
	}
	return b.String()
}

func named(name string, id int) string {
	if name == "" || strings.HasPrefix(name, "#") {
		return "#" + strconv.Itoa(id)
	}
	return fmt.Sprintf("%s (%d)", name, id)
}

func hex(n uint64) string { return strconv.FormatUint(n, 16) }

// Check proves that the process is locked in. An error says what is open; the
// process must not serve then.
func (p Proof) Check() error {
	if p.Dir != "" {
		if err := p.checkRoot(); err != nil {
			return err
		}
		if err := p.checkDescriptors(); err != nil {
			return err
		}
	}
	if err := p.checkIDs(); err != nil {
		return err
	}
	if on, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0); !p.newPrivs && (err != nil || on != 1) {
		return fmt.Errorf("no_new_privs is not set")
	}
	if on, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); p.Dir != "" && !p.dumpable && (err != nil || on != 0) {
		return fmt.Errorf("the process can be traced by others of its user")
	}
	caps, err := capabilities()
	if err != nil {
		return failed(err, "capget")
	}
	if caps != (capSets{}) {
		return fmt.Errorf("capabilities are left: %s", caps)
	}
	return nil
}

func (p Proof) checkRoot() error {
	for _, name := range []string{"/", ".", "/.."} {
		at, err := placeAt(unix.AT_FDCWD, name)
		if err != nil {
			return failed(err, "stat %s inside the jail", name)
		}
		if at != p.root {
			return fmt.Errorf("%s is not the jail %s", name, p.Dir)
		}
	}
	return nil
}

func (p Proof) checkIDs() error {
	ruid, euid, suid := unix.Getresuid()
	rgid, egid, sgid := unix.Getresgid()
	if got := [3]int{ruid, euid, suid}; got != [3]int{p.ID.UID, p.ID.UID, p.ID.UID} || p.ID.UID == 0 {
		return fmt.Errorf("real, effective and saved uid are %v, not %d", got, p.ID.UID)
	}
	if got := [3]int{rgid, egid, sgid}; got != [3]int{p.ID.GID, p.ID.GID, p.ID.GID} {
		return fmt.Errorf("real, effective and saved gid are %v, not %d", got, p.ID.GID)
	}
	groups, err := syscall.Getgroups()
	if err != nil {
		return failed(err, "getgroups")
	}
	// The kernel sorts them.
	if got, want := sorted(groups), sorted(p.ID.Groups); !slices.Equal(got, want) {
		return fmt.Errorf("supplementary groups are %v, not %v", got, want)
	}
	// On this thread alone: it must fail, and if it does not the process ends.
	if _, _, errno := unix.RawSyscall(unix.SYS_SETUID, 0, 0, 0); errno == 0 {
		return fmt.Errorf("setuid(0) was allowed")
	}
	if p.ID.GID != 0 {
		if _, _, errno := unix.RawSyscall(unix.SYS_SETGID, 0, 0, 0); errno == 0 {
			return fmt.Errorf("setgid(0) was allowed")
		}
	}
	return nil
}

func sorted(ids []int) []int { return slices.Compact(slices.Sorted(slices.Values(ids))) }

// place is a directory in a mount: the kernel stops ".." at a process's root only
// where both are those of the root.
type place struct{ dev, ino, mount uint64 }

func placeOf(fd int) (place, error) { return placeAt(fd, "") }

// placeAt asks statx(2). Before Linux 5.8 mount is 0.
func placeAt(fd int, name string) (place, error) {
	var st unix.Statx_t
	if err := unix.Statx(fd, name, unix.AT_EMPTY_PATH, unix.STATX_INO|unix.STATX_MNT_ID, &st); err != nil {
		return place{}, err
	}
	at := place{dev: uint64(st.Dev_major)<<32 | uint64(st.Dev_minor), ino: st.Ino}
	if st.Mask&unix.STATX_MNT_ID != 0 {
		at.mount = st.Mnt_id
	}
	return at, nil
}

// maxScan bounds the walk over descriptors where /proc could not tell the
// highest and the limit is astronomical.
const maxScan = 1 << 20

// highestFD asks /proc for the highest descriptor in use, while /proc can be
// seen; without it the limit on descriptors serves.
func highestFD() int {
	highest := -1
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, e := range entries {
		if n, err := strconv.Atoi(e.Name()); err == nil {
			highest = max(highest, n)
		}
	}
	if highest >= 0 {
		return highest
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || limit.Max > maxScan {
		return maxScan
	}
	return int(limit.Max)
}

// checkDescriptors refuses every descriptor of a directory outside the jail: by
// it openat(fd, "..") would lead out. Linux gives the lowest free number to a
// new descriptor, so one opened since highestFD is found a little above at most.
func (p Proof) checkDescriptors() error {
	for fd := range p.highest + 64 {
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFDIR {
			continue
		}
		if !below(fd, p.root) {
			return fmt.Errorf("descriptor %d is a directory outside the jail", fd)
		}
	}
	return nil
}

// below climbs from the directory fd by ".." until it meets root; it does not
// when it meets itself, which is the real root, or may not climb.
func below(fd int, root place) bool {
	at, err := placeOf(fd)
	if err != nil {
		return false
	}
	climber := -1
	defer func() {
		if climber >= 0 {
			unix.Close(climber)
		}
	}()
	for at != root {
		up, err := unix.Openat(fd, "..", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return false
		}
		if climber >= 0 {
			unix.Close(climber)
		}
		climber, fd = up, up
		above, err := placeOf(up)
		if err != nil || above == at {
			return false
		}
		at = above
	}
	return true
}
