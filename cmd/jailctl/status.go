package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// process is what the kernel says of one serving process.
type process struct {
	PID        int               `json:"pid"`
	Root       string            `json:"root"`
	UID        string            `json:"uid"`
	GID        string            `json:"gid"`
	Groups     []string          `json:"groups"`
	Effective  string            `json:"capEff"`
	Bounding   string            `json:"capBnd"`
	NoNewPrivs bool              `json:"noNewPrivs"`
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
		if p.Root == "/" || p.UID == "0" || strings.Trim(p.Effective, "0") != "" || !p.NoNewPrivs {
			code = exitFound
		}
	}
	if c.asJSON {
		return code, c.json(list)
	}
	var rows [][]string
	for _, p := range list {
		var spaces []string
		for _, ns := range []string{"cgroup", "ipc", "mnt", "net", "pid", "user", "uts"} {
			if p.Namespaces[ns] != "" {
				spaces = append(spaces, ns)
			}
		}
		rows = append(rows, []string{strconv.Itoa(p.PID), p.Root, p.UID, p.GID, strings.Join(p.Groups, " "), p.Effective, p.Bounding,
			map[bool]string{true: "yes", false: "NO"}[p.NoNewPrivs], strings.Join(spaces, " ")})
	}
	c.table("children", []string{"pid", "root", "uid", "gid", "groups", "capabilities", "bounding set", "no_new_privs", "own namespaces"}, rows)
	if len(list) == 0 {
		return exitFound, fmt.Errorf("process %d has no children", parent)
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
		if p.Root, err = os.Readlink(fmt.Sprintf("/proc/%d/root", pid)); err != nil {
			p.Root = "unknown: " + err.Error()
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

func parseStatus(text string) map[string]string {
	fields := map[string]string{}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(line, ":")
		fields[key] = strings.TrimSpace(value)
	}
	return fields
}

func first(s string) string { s, _, _ = strings.Cut(s, "\t"); return s }
