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

	root    inode // of Dir, as it was seen from outside
	highest int   // no descriptor was above this one before the jail closed
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
	if n := boundingCount(); n > 0 {
		fmt.Fprintf(&b, " (%d in the bounding set)", n)
	}
	b.WriteString(", no new privileges")
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
	if on, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0); err != nil || on != 1 {
		return fmt.Errorf("no_new_privs is not set")
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
	for _, name := range []string{"/", "."} {
		var st unix.Stat_t
		if err := unix.Stat(name, &st); err != nil {
			return failed(err, "stat %s inside the jail", name)
		}
		if (inode{uint64(st.Dev), st.Ino}) != p.root {
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

type inode struct{ dev, ino uint64 }

func inodeOf(fd int) (inode, error) {
	var st unix.Stat_t
	err := unix.Fstat(fd, &st)
	return inode{uint64(st.Dev), st.Ino}, err
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
func below(fd int, root inode) bool {
	at, err := inodeOf(fd)
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
		above, err := inodeOf(up)
		if err != nil || above == at {
			return false
		}
		at = above
	}
	return true
}
