package chroot

import (
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"
)

// RootOf tells which directory is the root of a process, by the name that it has
// here. The kernel shows the root of a process with mounts of its own as a path among
// those; then the file system and the directory in it, as the process's mountinfo has them, are
// looked for among the mounts of this process, and what is found is compared.
func RootOf(pid int) (string, error) {
	proc := fmt.Sprintf("/proc/%d/", pid)
	link, err := os.Readlink(proc + "root")
	if err != nil {
		return "", err
	}
	if theirs, err := os.Readlink(proc + "ns/mnt"); err != nil {
		return "", err
	} else if own, _ := os.Readlink("/proc/self/ns/mnt"); theirs == own {
		return link, nil
	}
	text, err := os.ReadFile(proc + "mountinfo")
	if err != nil {
		return "", err
	}
	own, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	root, err := os.Stat(proc + "root/.")
	if err != nil {
		return "", err
	}
	at := "nothing is mounted"
	for _, m := range parseMountinfo(string(text)) {
		if m.point != "/" {
			continue
		}
		for _, o := range parseMountinfo(string(own)) {
			rest, ok := strings.CutPrefix(m.root, strings.TrimSuffix(o.root, "/"))
			if !ok || o.device != m.device {
				continue
			}
			name := path.Join(o.point, rest)
			if st, err := os.Stat(name); err == nil && os.SameFile(st, root) {
				return name, nil
			}
		}
		at = fmt.Sprintf("%s of the file system %s, which is not mounted here", m.root, m.device)
	}
	return "", fmt.Errorf("its root is %s", at)
}

// mountPoint is a line of mountinfo (proc_pid_mountinfo(5)).
type mountPoint struct {
	device string // "8:1"
	root   string // which directory of the file system
	point  string // where it is seen
}

func parseMountinfo(text string) []mountPoint {
	var list []mountPoint
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) >= 5 {
			list = append(list, mountPoint{f[2], unescapeMount(f[3]), unescapeMount(f[4])})
		}
	}
	return list
}

// unescapeMount undoes the kernel's "\040".
func unescapeMount(s string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, `\`)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		if len(after) >= 3 {
			if c, err := strconv.ParseUint(after[:3], 8, 8); err == nil {
				b.WriteByte(byte(c))
				s = after[3:]
				continue
			}
		}
		b.WriteByte('\\')
		s = after
	}
}
