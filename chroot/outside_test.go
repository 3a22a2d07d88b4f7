package chroot

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

// TestOutside: a changed file, a replaced one, another target of a link and a missing
// one are each seen without reading, and what is read is what is there.
func TestOutside(t *testing.T) {
	etc := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(etc, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	known := outsideState(etc)
	step := func(what string) {
		t.Helper()
		now := outsideState(etc)
		if now == known {
			t.Errorf("%s is not seen", what)
		}
		if outsideState(etc) != now {
			t.Errorf("%s: the state is not the same twice", what)
		}
		known = now
	}
	write("hosts", "192.0.2.1 one.example\n")
	step("a new file")
	write("hosts.new", "192.0.2.2 one.example\n")
	if err := os.Rename(filepath.Join(etc, "hosts.new"), filepath.Join(etc, "hosts")); err != nil {
		t.Fatal(err)
	}
	step("a replaced file")
	write("stub", "nameserver 192.0.2.53\n")
	if err := os.Symlink("stub", filepath.Join(etc, "resolv.conf")); err != nil {
		t.Fatal(err)
	}
	step("a link")
	write("stub", "nameserver 192.0.2.54\nsearch example\n")
	step("what the link leads to")
	write("passwd", "alice:x:1234:1234::/home/alice:/bin/sh\n")
	step("a user")
	o, err := readOutside(etc)
	if err != nil {
		t.Fatal(err)
	}
	if addrs, err := o.Resolver().LookupHost(context.Background(), "one.example"); err != nil || len(addrs) != 1 || addrs[0] != "192.0.2.2" {
		t.Errorf("%v, %v", addrs, err)
	}
	if servers := o.Resolver().servers; len(servers) != 1 || servers[0] != "192.0.2.54:53" {
		t.Errorf("%v", servers)
	}
	if a, ok := o.Accounts().User("alice"); !ok || a.UID != 1234 || a.Home != "/home/alice" {
		t.Errorf("%+v, %v", a, ok)
	}
	if err := os.Remove(filepath.Join(etc, "hosts")); err != nil {
		t.Fatal(err)
	}
	step("a missing file")
}
