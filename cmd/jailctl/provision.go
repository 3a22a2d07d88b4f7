package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// manifestName is what was put into a jail, written in its root for root alone.
const manifestName = ".jailctl.json"

// entry is a file that provision put into the jail.
type entry struct {
	Path   string `json:"path"`   // as the jail calls it, and the machine
	SHA256 string `json:"sha256"` // of what was written; "" of a device
	Mode   uint32 `json:"mode"`
}

type manifest struct {
	Programs []string `json:"programs"`
	With     []string `json:"with"`
	Files    []entry  `json:"files"`
}

func readManifest(jail string) (manifest, error) {
	var m manifest
	root, err := os.OpenRoot(jail)
	if err != nil {
		return m, err
	}
	defer root.Close()
	text, err := root.ReadFile(manifestName)
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, fmt.Errorf("%s: %w", filepath.Join(jail, manifestName), err)
	}
	return m, nil
}

// provision copies what is missing, and nothing else. All is written through a
// handle of the jail's directory that follows no link out of it, because the
// server's user may be able to make links there.
func provision(c *command) (int, error) {
	m, err := readManifest(c.jail)
	if err != nil {
		return exitError, err
	}
	if len(c.args) == 0 { // those of last time
		c.args = m.Programs
	}
	f, _, err := c.wants()
	if err != nil {
		return exitError, err
	}
	if len(f.seen) == 0 {
		return exitError, errors.New("provision: which program is the jail for?")
	}
	root, err := os.OpenRoot(c.jail)
	if err != nil {
		return exitError, err
	}
	defer root.Close()
	missing, late := split(f.needs, c.jail)
	for _, n := range late {
		if c.with[n.Feature] && !slices.Contains(byHand, n.Feature) {
			missing = append(missing, n)
		}
	}
	// What an upgrade of the machine left behind is renewed too.
	for _, e := range m.Files {
		if state, _ := e.state(c); state == "out of date" {
			missing = append(missing, need{Path: e.Path, Why: "out of date"})
		}
	}
	done := []entry{}
	for _, n := range missing {
		if _, err := os.Stat(n.Path); err != nil {
			continue // a feature whose file the machine has not either
		}
		e := entry{Path: n.Path}
		if !c.dry {
			if e, err = c.put(root, n.Path); err != nil {
				return exitError, err
			}
		}
		done = append(done, e)
		if !c.asJSON {
			fmt.Fprintf(c.out, "%s %s\n", map[bool]string{true: "would copy", false: "copied"}[c.dry], n.Path)
		}
	}
	if c.asJSON {
		if err := c.json(done); err != nil {
			return exitError, err
		}
	} else if len(done) == 0 {
		fmt.Fprintln(c.out, "nothing to do")
	}
	if len(f.lost) > 0 && !c.asJSON {
		for _, n := range f.lost {
			fmt.Fprintf(c.out, "not on this machine: %s (%s of %s)\n", n.Path, n.Why, n.For)
		}
	}
	if c.dry || len(done) == 0 {
		return exitOK, nil
	}
	return exitOK, m.write(root, c, done)
}

func (m *manifest) write(root *os.Root, c *command, done []entry) error {
	for _, e := range done {
		m.Files = slices.DeleteFunc(m.Files, func(o entry) bool { return o.Path == e.Path })
		m.Files = append(m.Files, e)
	}
	for _, name := range c.args {
		if !slices.Contains(m.Programs, name) {
			m.Programs = append(m.Programs, name)
		}
	}
	for name := range c.with {
		if name != "" && !slices.Contains(m.With, name) {
			m.With = append(m.With, name)
		}
	}
	slices.Sort(m.With)
	slices.SortFunc(m.Files, func(a, b entry) int { return strings.Compare(a.Path, b.Path) })
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	return replace(root, manifestName, append(text, '\n'), 0o600)
}

// put copies one file, by its content: links of the machine are followed.
func (c *command) put(root *os.Root, path string) (entry, error) {
	rel := strings.TrimPrefix(filepath.Clean(path), "/")
	if err := root.MkdirAll(filepath.Dir(rel), 0o755); err != nil {
		return entry{}, fmt.Errorf("%s: %w", path, err)
	}
	st, err := os.Stat(path)
	if err != nil {
		return entry{}, err
	}
	if st.Mode()&fs.ModeDevice != 0 {
		dir, err := root.Open(filepath.Dir(rel))
		if err != nil {
			return entry{}, err
		}
		defer dir.Close()
		if path != "/dev/null" {
			return entry{}, fmt.Errorf("%s: no device but /dev/null belongs into a jail", path)
		}
		if err := unix.Mknodat(int(dir.Fd()), filepath.Base(rel), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))); err != nil {
			return entry{}, fmt.Errorf("mknod %s: %w", path, err)
		}
		return entry{Path: path, Mode: 0o666}, root.Chmod(rel, 0o666)
	}
	text, err := c.content(path)
	if err != nil {
		return entry{}, err
	}
	mode := st.Mode().Perm() &^ 0o022 // no setuid either
	if err := replace(root, rel, text, mode); err != nil {
		return entry{}, err
	}
	return entry{Path: path, SHA256: sum(text), Mode: uint32(mode)}, nil
}

// replace writes a whole file or nothing.
func replace(root *os.Root, rel string, text []byte, mode fs.FileMode) error {
	tmp := rel + ".jailctl-new"
	_ = root.Remove(tmp) // of a run that was broken off
	file, err := root.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err == nil {
		err = file.Chmod(mode)
	}
	if closing := file.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = root.Rename(tmp, rel)
	}
	if err != nil {
		_ = root.Remove(tmp)
	}
	return err
}

// content is what a file is to hold in the jail: of the accounts only the
// server's own, of all others what it holds outside.
func (c *command) content(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil || path != "/etc/passwd" && path != "/etc/group" {
		return text, err
	}
	name := c.id.User
	if path == "/etc/group" {
		name = c.id.Group
	}
	var kept bytes.Buffer
	for line := range bytes.Lines(text) {
		if bytes.HasPrefix(line, []byte(name+":")) {
			fields := bytes.SplitN(line, []byte(":"), 3)
			fmt.Fprintf(&kept, "%s:x:%s", fields[0], fields[2])
		}
	}
	return kept.Bytes(), nil
}

func sum(text []byte) string { s := sha256.Sum256(text); return hex.EncodeToString(s[:]) }

// state compares an entry with the machine and with the jail; "" when all are alike.
func (e entry) state(c *command) (string, error) {
	if e.SHA256 == "" {
		if hasFile(c.jail, e.Path) {
			return "", nil
		}
		return "gone from the jail", nil
	}
	place, err := inJail(c.jail, e.Path)
	if err != nil {
		return "gone from the jail", nil //nolint:nilerr // that is the answer
	}
	inside, err := os.ReadFile(place)
	if err != nil {
		return "", err
	}
	if sum(inside) != e.SHA256 {
		return "changed in the jail", nil
	}
	outside, err := c.content(e.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return "gone from the machine", nil
	}
	if err != nil {
		return "", err
	}
	if sum(outside) != e.SHA256 {
		return "out of date", nil
	}
	return "", nil
}

// change is a line of diff.
type change struct {
	Path  string `json:"path"`
	State string `json:"state"`
}

// diff tells what provision put in and is no more what it should be.
func diff(c *command) (int, error) {
	m, err := readManifest(c.jail)
	if err != nil {
		return exitError, err
	}
	if len(m.Files) == 0 {
		return exitError, fmt.Errorf("%s: jailctl provision has put nothing here", c.jail)
	}
	changes := []change{}
	for _, e := range m.Files {
		state, err := e.state(c)
		if err != nil {
			return exitError, err
		}
		if state != "" {
			changes = append(changes, change{e.Path, state})
		}
	}
	// A new version of a program may need what the old one did not.
	c.args = m.Programs
	for _, name := range m.With {
		c.with[name] = true
	}
	f, _, err := c.wants()
	if err != nil {
		return exitError, err
	}
	missing, _ := split(f.needs, c.jail)
	for _, n := range missing {
		if !slices.ContainsFunc(changes, func(o change) bool { return o.Path == n.Path }) {
			changes = append(changes, change{n.Path, "newly needed"})
		}
	}
	code := exitOK
	if len(changes) > 0 {
		code = exitFound
	}
	if c.asJSON {
		return code, c.json(changes)
	}
	var rows [][]string
	for _, ch := range changes {
		rows = append(rows, []string{ch.Path, ch.State})
	}
	c.table("not as it should be", []string{"file", "what"}, rows)
	if len(changes) == 0 {
		fmt.Fprintf(c.out, "%d files, all as on this machine\n", len(m.Files))
	}
	return code, nil
}
