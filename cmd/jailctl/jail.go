package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/donjon-httpd/donjon/chroot"
)

// inJail gives the real path of what a process in the jail calls name: links are
// followed as the kernel does there, so that none leads out.
func inJail(jail, name string) (string, error) {
	rest := strings.Split(filepath.Clean("/"+name), "/")
	at := "/" // within the jail
	for links := 0; len(rest) > 0; {
		part := rest[0]
		rest = rest[1:]
		if part == "" {
			continue
		}
		next := filepath.Join(at, part)
		st, err := os.Lstat(filepath.Join(jail, next))
		if err != nil {
			return "", err
		}
		if st.Mode()&fs.ModeSymlink == 0 {
			at = next
			continue
		}
		if links++; links > 40 {
			return "", &fs.PathError{Op: "stat", Path: name, Err: syscall.ELOOP}
		}
		target, err := os.Readlink(filepath.Join(jail, next))
		if err != nil {
			return "", err
		}
		if filepath.IsAbs(target) {
			at = "/"
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	return filepath.Join(jail, at), nil
}

func hasFile(jail, name string) bool { _, err := inJail(jail, name); return err == nil }

// danger is something that should not be in a jail.
type danger struct {
	Path string `json:"path"`
	Kind string `json:"kind"`
	Why  string `json:"why"`
	Fix  string `json:"fix"`
}

// harmless devices do nothing but their job: /dev/null, zero, full, random, urandom.
var harmless = map[uint64]bool{unix.Mkdev(1, 3): true, unix.Mkdev(1, 5): true, unix.Mkdev(1, 7): true, unix.Mkdev(1, 8): true, unix.Mkdev(1, 9): true}

// dangers walks through the jail; programs are the files of it that can be executed.
func dangers(jail string, id chroot.Identity) (found []danger, programs []string, err error) {
	type inode struct{ dev, ino uint64 }
	links := map[inode]int{}
	many := map[inode]string{}
	total := map[inode]int{}
	err = filepath.WalkDir(jail, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		}
		info, err := e.Info()
		if err != nil {
			return nil //nolint:nilerr // it went away meanwhile
		}
		st := info.Sys().(*syscall.Stat_t)
		mode := info.Mode()
		add := func(kind, why, fix string, args ...any) {
			found = append(found, danger{path, kind, why, fmt.Sprintf(fix, args...)})
		}
		quoted := shellQuote(path)
		switch {
		case mode&fs.ModeDevice != 0:
			if mode&fs.ModeCharDevice == 0 || !harmless[st.Rdev] {
				add("device node", "whoever gets its permissions reaches disks, memory or terminals around the jail", "rm %s", quoted)
			}
		case mode&fs.ModeSymlink != 0, mode&fs.ModeNamedPipe != 0:
		case mode&fs.ModeSocket != 0:
			add("socket", "what listens behind it is outside, and passes descriptors if it is asked to", "rm %s  # unless a program in the jail is meant to reach it", quoted)
		case mode.IsDir():
			if writable(st, id) && strings.HasPrefix(path+"/", jail+"/") && holdsPrograms(path) {
				add("writable directory of programs", "the server's user can put another program in the place of one that the server executes", "chown root: %s && chmod go-w %[1]s", quoted)
			}
		case mode.IsRegular():
			if mode&(fs.ModeSetuid|fs.ModeSetgid) != 0 {
				add("setuid file", "it runs as another user; programs of the server have no_new_privs, others that enter the jail have not", "chmod ug-s %s", quoted)
			}
			if st.Nlink > 1 {
				i := inode{uint64(st.Dev), st.Ino}
				links[i]++
				total[i] = int(st.Nlink)
				many[i] = path
			}
			if mode&0o111 != 0 || strings.Contains(filepath.Base(path), ".so") {
				programs = append(programs, path)
				if writable(st, id) {
					add("writable program", "the server's user can rewrite a file that the server executes", "chown root: %s && chmod go-w %[1]s", quoted)
				}
			}
		}
		return nil
	})
	for i, n := range links {
		if n < total[i] {
			found = append(found, danger{many[i], "hard link to outside", fmt.Sprintf("%d of its %d names are outside of the jail: what is written here is written there", total[i]-n, total[i]),
				fmt.Sprintf("cp -p %s %[1]s.copy && mv %[1]s.copy %[1]s", shellQuote(many[i]))})
		}
	}
	return found, programs, err
}

func holdsPrograms(dir string) bool {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return true
		}
	}
	return false
}

func writable(st *syscall.Stat_t, id chroot.Identity) bool {
	switch {
	case int(st.Uid) == id.UID: // the owner can give himself the permission
		return true
	case st.Mode&0o002 != 0:
		return true
	}
	for _, g := range append([]int{id.GID}, id.Groups...) {
		if int(st.Gid) == g && st.Mode&0o020 != 0 {
			return true
		}
	}
	return false
}

// shellQuote makes s one word of a shell command.
func shellQuote(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./+:@%=,") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
