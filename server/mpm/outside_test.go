package mpm

import (
	"context"
	"net/netip"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/donjon-httpd/donjon/chroot"
	"github.com/donjon-httpd/donjon/server"
)

// TestPassOutside: the text crosses the control channel, with the words before and
// after it whole; a message without a descriptor changes nothing.
func TestPassOutside(t *testing.T) {
	ours, theirs, err := newControl()
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	control := os.NewFile(uintptr(theirs), "control")
	defer control.Close()
	t.Cleanup(func() { server.SetResolver(new(chroot.Outside).Resolver()) })
	fd, err := seal("test", &chroot.Outside{Hosts: "192.0.2.7 seven.example\n"})
	if err != nil {
		t.Fatal(err)
	}
	if err := send(ours, "drain", "5"); err != nil {
		t.Fatal(err)
	}
	if err := pass(ours, fd, "outside"); err != nil {
		t.Fatal(err)
	}
	unix.Close(fd)
	if verb, rest, fd, err := receiveWith(control); verb != "drain" || rest != "5" || fd != -1 || err != nil {
		t.Errorf("%q %q %d %v", verb, rest, fd, err)
	}
	verb, _, got, err := receiveWith(control)
	if verb != "outside" || got < 0 || err != nil {
		t.Fatalf("%q %d %v", verb, got, err)
	}
	if err := takeOutside(got); err != nil {
		t.Fatal(err)
	}
	addrs, err := server.Resolver().LookupNetIP(context.Background(), "ip4", "seven.example")
	if err != nil || len(addrs) != 1 || addrs[0] != netip.MustParseAddr("192.0.2.7") {
		t.Errorf("%v, %v", addrs, err)
	}
	if takeOutside(-1) == nil {
		t.Error("no descriptor is no error")
	}
	if _, err := unix.FcntlInt(uintptr(got), unix.F_GETFD, 0); err == nil {
		t.Error("the descriptor was left open")
	}
	ours.Close()
	if _, _, _, err := receiveWith(control); err == nil {
		t.Error("the end of the channel is no error")
	}
}

// TestWatchOutside: a change is told once, when it has settled.
func TestWatchOutside(t *testing.T) {
	var n atomic.Int64
	states := []string{"a", "a", "b", "c", "c", "c"}
	changed := watchOutside(time.Millisecond, func() string {
		return states[min(int(n.Add(1))-1, len(states)-1)]
	})
	select {
	case <-changed:
	case <-time.After(5 * time.Second):
		t.Fatal("no change is told")
	}
	if n.Load() < 5 {
		t.Errorf("told after %d looks", n.Load())
	}
	select {
	case <-changed:
		t.Error("told twice")
	case <-time.After(50 * time.Millisecond):
	}
}
