package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/chroot"
	"github.com/donjon-httpd/donjon/server/mpm"
)

// process is what the kernel says of a child of the server.
type process struct {
	PID int `json:"pid"`
	// Program is set of a child that does not serve but is a program that the
	// parent has started outside of the jail, for logs or rewriting maps.
	Program    string            `json:"program,omitempty"`
	Root       string            `json:"root"`
	UID        string            `json:"uid"`
	GID        string            `json:"gid"`
	Groups     []string          `json:"groups"`
	Effective  string            `json:"capEff"`
	Bounding   string            `json:"capBnd"`
	NoNewPrivs bool              `json:"noNewPrivs"`
	Locks      string            `json:"locks"`      // as its parent says; "" where it cannot be asked
	Namespaces map[string]string `json:"namespaces"` // those that are not the parent's
}

// status shows the children of a server, by the parent's pid.
func status(c *command) (int, error) {
	if len(c.args) != 1 {
		return exitError, errors.New("status: the pid of the parent, or its PidFile")
	}
	parent, err := serverPID(c.args[0])
	if err != nil {
		return exitError, err
	}
	if _, err := os.Stat(fmt.Sprintf("/proc/%d", parent)); err != nil {
		return exitError, fmt.Errorf("no process %d", parent)
	}
	list, err := children(parent)
	if err != nil {
		return exitError, err
	}
	code := exitOK
	for _, p := range list {
		if p.Program != "" {
			continue
		}
		if p.Root == "/" || p.UID == "0" || strings.Trim(p.Effective, "0") != "" || !p.NoNewPrivs {
			code = exitFound
		}
	}
	if c.asJSON {
		return code, c.json(list)
	}
	var rows, others [][]string
	for _, p := range list {
		if p.Program != "" {
			others = append(others, []string{strconv.Itoa(p.PID), p.Program, p.Root, p.UID, p.GID})
			continue
		}
		var spaces []string
		for _, ns := range []string{"cgroup", "ipc", "mnt", "net", "pid", "user", "uts"} {
			if p.Namespaces[ns] != "" {
				spaces = append(spaces, ns)
			}
		}
		rows = append(rows, []string{strconv.Itoa(p.PID), p.Root, p.UID, p.GID, strings.Join(p.Groups, " "), p.Effective, p.Bounding,
			map[bool]string{true: "yes", false: "NO"}[p.NoNewPrivs], strings.Join(spaces, " "), p.Locks})
	}
	c.table("children", []string{"pid", "root", "uid", "gid", "groups", "capabilities", "bounding set", "no_new_privs", "own namespaces", "locks"}, rows)
	c.table("programs that the parent has started, for logs and the like", []string{"pid", "program", "root", "uid", "gid"}, others)
	if len(rows) == 0 {
		return exitFound, fmt.Errorf("process %d has no children that serve", parent)
	}
	return code, nil
}

// serverPID reads a pid, or the file that holds one.
func serverPID(arg string) (int, error) {
	if pid, err := strconv.Atoi(arg); err == nil {
		return pid, nil
	}
	text, err := os.ReadFile(arg)
	if err != nil {
		return 0, err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("%s holds no pid", arg)
	}
	return pid, nil
}

// children asks the kernel for the children of a process, in the order of their pids.
func children(parent int) ([]process, error) {
	list := []process{}
	locks, _ := mpm.Locks(parent)
	files, err := filepath.Glob("/proc/[0-9]*/status")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it ended
		}
		fields := parseStatus(string(text))
		if fields["PPid"] != strconv.Itoa(parent) || strings.HasPrefix(fields["State"], "Z") {
			continue
		}
		pid, _ := strconv.Atoi(fields["Pid"])
		p := process{PID: pid, UID: first(fields["Uid"]), GID: first(fields["Gid"]), Groups: strings.Fields(fields["Groups"]),
			Effective: fields["CapEff"], Bounding: fields["CapBnd"], NoNewPrivs: fields["NoNewPrivs"] == "1", Namespaces: map[string]string{}}
		p.Locks = locks[pid]
		if p.Root, err = chroot.RootOf(pid); errors.Is(err, os.ErrNotExist) {
			continue // it ended
		} else if err != nil {
			p.Root = "unknown: " + err.Error()
		}
		if !samePrograms(parent, pid) {
			p.Program = fields["Name"]
		}
		for _, ns := range []string{"cgroup", "ipc", "mnt", "net", "pid", "user", "uts"} {
			own, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, ns))
			if outer, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", parent, ns)); own != outer {
				p.Namespaces[ns] = own
			}
		}
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b process) int { return a.PID - b.PID })
	return list, nil
}

// samePrograms tells whether two processes run one program. The path of one that
// has mounts of its own begins wherever its file system did; a file that an
// upgrade has replaced is another one of the same name.
func samePrograms(a, b int) bool {
	exe := func(pid int) string { return fmt.Sprintf("/proc/%d/exe", pid) }
	one, err := os.Stat(exe(a))
	two, err2 := os.Stat(exe(b))
	if err == nil && err2 == nil && os.SameFile(one, two) {
		return true
	}
	name := func(pid int) string {
		link, _ := os.Readlink(exe(pid)) // "" of a process that may not be asked
		return filepath.Base(strings.TrimSuffix(link, " (deleted)"))
	}
	return name(a) == name(b)
}

func parseStatus(text string) map[string]string {
	fields := map[string]string{}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(line, ":")
		fields[key] = strings.TrimSpace(value)
	}
	return fields
}

func first(s string) string { s, _, _ = strings.Cut(s, "\t"); return s }
