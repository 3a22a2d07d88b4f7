package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// ownNamespace tells the test that it runs in one.
const ownNamespace = "JAILCTL_TEST_NAMESPACE"

// TestDiffOfALibrary: a security update of a library is told until provision has
// brought it into the jail. The library of the machine is another one in a mount
// namespace of this test's own.
func TestDiffOfALibrary(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can mount")
	}
	if os.Getenv(ownNamespace) == "" {
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(self, "-test.run", "^TestDiffOfALibrary$", "-test.v")
		cmd.Env = append(os.Environ(), ownNamespace+"=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS}
		out, err := cmd.CombinedOutput()
		t.Logf("%s", out)
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	bash, err := lookPath("/bin/bash")
	if err != nil {
		t.Skip(err)
	}
	jail := newJail(t)
	jailctl(t, exitOK, "provision", "-jail", jail, bash)
	var lib string
	for name := range newLinker("/").cache {
		if name == "libtinfo.so.6" {
			lib = newLinker("/").cache[name]
		}
	}
	if lib == "" || !hasFile(jail, lib) {
		t.Skip("bash has no libtinfo here")
	}
	text, err := os.ReadFile(lib)
	if err != nil {
		t.Fatal(err)
	}
	updated := filepath.Join(t.TempDir(), "lib")
	if err := os.WriteFile(updated, append(text, "an update"...), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		t.Skip(err)
	}
	want := func(code int, changes ...change) {
		t.Helper()
		if d := cmp.Diff(append([]change{}, changes...), jailctlJSON[[]change](t, code, "diff", "-jail", jail)); d != "" {
			t.Error(d)
		}
	}
	want(exitOK)
	if err := unix.Mount(updated, lib, "", unix.MS_BIND, ""); err != nil {
		t.Skip(err)
	}
	want(exitFound, change{lib, "out of date"})
	if got := jailctl(t, exitOK, "provision", "-jail", jail); got != "copied "+lib+"\n" {
		t.Errorf("provision: %q", got)
	}
	want(exitOK)
	if got := inside(t, jail, bash, "-c", "echo $((6*7))"); got != "42\n" {
		t.Errorf("in the jail: %q", got)
	}
	if err := os.Remove(filepath.Join(jail, lib)); err != nil {
		t.Fatal(err)
	}
	want(exitFound, change{lib, "gone from the jail"})
	jailctl(t, exitOK, "provision", "-jail", jail)
	want(exitOK)
}

// TestDiffOfAProgram: the new version of a script has another interpreter, or is gone.
func TestDiffOfAProgram(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can chroot")
	}
	jail := newJail(t)
	script := filepath.Join(newJail(t), "script")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write("#!/bin/sh\necho hello\n")
	jailctl(t, exitOK, "provision", "-jail", jail, script)
	if got := inside(t, jail, script); got != "hello\n" {
		t.Errorf("in the jail: %q", got)
	}
	states := func(code int) map[string]string {
		t.Helper()
		all := map[string]string{}
		for _, c := range jailctlJSON[[]change](t, code, "diff", "-jail", jail) {
			all[c.Path] = c.State
		}
		return all
	}
	write("#!/usr/bin/perl\nprint qq(hello\\n);\n")
	if got := states(exitFound); got[script] != "out of date" || got["/usr/bin/perl"] != "newly needed" || got["/bin/sh"] != "" {
		t.Errorf("another interpreter: %v", got)
	}
	jailctl(t, exitOK, "provision", "-jail", jail)
	if got := states(exitOK); len(got) != 0 {
		t.Errorf("after provision: %v", got)
	}
	if got := inside(t, jail, script); got != "hello\n" {
		t.Errorf("in the jail: %q", got)
	}
	if err := os.Remove(script); err != nil {
		t.Fatal(err)
	}
	if got := states(exitFound); got[script] != "gone from the machine" {
		t.Errorf("a program that is gone: %v", got)
	}
}
