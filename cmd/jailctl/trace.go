package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
)

// A line of strace that opened or executed something successfully.
var opened = regexp.MustCompile(`(?:open|execve)(?:at)?\((?:AT_FDCWD, )?"((?:[^"\\]|\\.)*)"[^\n]*\) = \d+`)

// parseTrace gives the absolute names in strace's output that were there, each once.
func parseTrace(text string) []string {
	var names []string
	for _, m := range opened.FindAllStringSubmatch(text, -1) {
		if strings.HasPrefix(m[1], "/") && !slices.Contains(names, m[1]) && !strings.Contains(m[1], `\`) {
			names = append(names, m[1])
		}
	}
	return names
}

// trace runs a command outside of the jail, under strace, and tells which of the
// files that it opened the jail lacks.
func trace(c *command) (int, error) {
	if len(c.args) == 0 {
		return exitError, errors.New("trace: which command?")
	}
	if name := c.args[0]; filepath.IsAbs(name) && !onMachine(name) && hasFile(c.jail, name) {
		c.args = append([]string{filepath.Join(c.jail, name)}, c.args[1:]...)
	}
	strace, err := exec.LookPath("strace")
	if err != nil {
		return exitError, errors.New("trace needs strace: apt-get install strace")
	}
	log, err := os.CreateTemp("", "jailctl")
	if err != nil {
		return exitError, err
	}
	defer os.Remove(log.Name())
	defer log.Close()
	cmd := exec.Command(strace, append([]string{"-f", "-q", "-s", "4096", "-e", "trace=open,openat,execve", "-o", log.Name(), "--"}, c.args...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stderr, os.Stderr
	if os.Geteuid() == 0 { // as the server would run it
		if err := log.Chown(c.id.UID, c.id.GID); err != nil {
			return exitError, err
		}
		groups := make([]uint32, 0, len(c.id.Groups))
		for _, g := range c.id.Groups {
			groups = append(groups, uint32(g))
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(c.id.UID), Gid: uint32(c.id.GID), Groups: groups}}
	}
	failed := cmd.Run() // what it opened before counts all the same
	text, err := os.ReadFile(log.Name())
	if err != nil {
		return exitError, err
	}
	names := parseTrace(string(text))
	if failed != nil && len(names) == 0 {
		return exitError, fmt.Errorf("trace %s: %w", c.args[0], failed)
	}
	missing := []string{}
	for _, name := range names {
		if name == "/etc/ld.so.cache" { // a program finds its libraries without
			continue
		}
		if strings.HasPrefix(name, c.jail+"/") { // a program of the jail, called as it is outside
			continue
		}
		if st, err := os.Stat(name); err == nil && !st.IsDir() && !hasFile(c.jail, name) {
			missing = append(missing, name)
		}
	}
	code := exitOK
	if len(missing) > 0 {
		code = exitFound
	}
	if c.asJSON {
		return code, c.json(missing)
	}
	for _, name := range missing {
		fmt.Fprintln(c.out, name)
	}
	return code, nil
}
