package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/chroot"
	"github.com/donjon-httpd/donjon/server/mpm"
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
	Locks      string            `json:"locks"`      // as its parent says; "" where it cannot be asked
	Namespaces map[string]string `json:"namespaces"` // those that are not the parent's
}

// status shows the children of a server, by the parent's pid.
func status(c *command) (int, error) {
	if len(c.args) != 1 {
		return exitError, errors.New("status: the pid of the parent, or its PidFile")
	}
	parent, err := strconv.Atoi(c.args[0])
	if err != nil {
		text, err := os.ReadFile(c.args[0])
		if err != nil {
			return exitError, err
		}
		if parent, err = strconv.Atoi(strings.TrimSpace(string(text))); err != nil {
			return exitError, fmt.Errorf("%s holds no pid", c.args[0])
		}
	}
	if _, err := os.Stat(fmt.Sprintf("/proc/%d", parent)); err != nil {
		return exitError, fmt.Errorf("no process %d", parent)
	}
	locks, _ := mpm.Locks(parent)
	list := []process{}
	files, err := filepath.Glob("/proc/[0-9]*/status")
	if err != nil {
		return exitError, err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it ended
		}
		fields := parseStatus(string(text))
		if fields["PPid"] != strconv.Itoa(parent) {
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
		for _, ns := range []string{"cgroup", "ipc", "mnt", "net", "pid", "user", "uts"} {
			own, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, ns))
			if outer, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", parent, ns)); own != outer {
				p.Namespaces[ns] = own
			}
		}
		list = append(list, p)
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
			map[bool]string{true: "yes", false: "NO"}[p.NoNewPrivs], strings.Join(spaces, " "), p.Locks})
	}
	c.table("children", []string{"pid", "root", "uid", "gid", "groups", "capabilities", "bounding set", "no_new_privs", "own namespaces", "locks"}, rows)
	if len(list) == 0 {
		return exitFound, fmt.Errorf("process %d has no children", parent)
	}
	return code, nil
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
