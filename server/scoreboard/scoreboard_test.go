package scoreboard

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestBoardIsShared(t *testing.T) {
	parent, fd, err := New(4, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	child, err := Open(fd)
	if err != nil {
		t.Fatal(err)
	}
	parent.Restart(0)
	parent.Begin(3, 4711, 0, 3)
	crew := child.NewCrew(3, 3)
	crew.Serving.Store(true)
	crew.Open.Store(7)
	var seats []*Worker
	for range 3 {
		seats = append(seats, crew.Take(nil))
	}
	began := time.Now().Truncate(time.Microsecond)
	long := "GET /" + string(make([]byte, 100)) + " HTTP/1.1"
	seats[0].Begin(&Request{Conn: 9, Client: "192.0.2.7", Protocol: "http/1.1", VHost: "a.test:80", Request: long, Tail: true, Began: began})
	seats[0].End(1000, began.Add(5*time.Millisecond))
	seats[0].Begin(&Request{Conn: 9, Client: "192.0.2.7", Protocol: "http/1.1", VHost: "a.test:80", Request: "GET / HTTP/1.1", Began: began})
	crew.Count(1000, 5000)

	got := parent.Worker(3, 0).Read()
	want := Row{Status: Writing, Client: "192.0.2.7", Protocol: "http/1.1", VHost: "a.test:80", Request: "GET / HTTP/1.1",
		Accesses: 1, ConnAccesses: 1, Bytes: 1000, ConnBytes: 1000, Began: began, Duration: 5 * time.Millisecond}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("row (-want +got):\n%s", d)
	}
	if d := cmp.Diff(Totals{Accesses: 1, Bytes: 1000, Duration: 5 * time.Millisecond, Connections: 7, Processes: 1, Busy: 3}, parent.Totals()); d != "" {
		t.Errorf("totals (-want +got):\n%s", d)
	}
	stop := make(chan struct{})
	close(stop)
	if crew.Take(stop) != nil {
		t.Error("a fourth worker of three was given")
	}
	for _, w := range seats {
		crew.Give(w)
	}
	if got := parent.Totals().Idle; got != 3 {
		t.Errorf("%d workers are idle, want 3", got)
	}
	parent.End(3, time.Second, 2*time.Second)
	if d := cmp.Diff(Totals{Accesses: 1, Bytes: 1000, Duration: 5 * time.Millisecond, ChildrenUser: time.Second, ChildrenSystem: 2 * time.Second},
		child.Totals()); d != "" {
		t.Errorf("totals after the end (-want +got):\n%s", d)
	}
	parent.Restart(1)
	if d := cmp.Diff(Totals{}, child.Totals()); d != "" {
		t.Errorf("totals after a restart (-want +got):\n%s", d)
	}
}

func TestRequestTail(t *testing.T) {
	var w Worker
	text := "GET /0123456789012345678901234567890123456789012345678901234567890123456789 HTTP/1.1"
	w.Begin(&Request{Request: text})
	if got := w.Read().Request; got != text[:63] {
		t.Errorf("head: %q", got)
	}
	w.Begin(&Request{Request: text, Tail: true})
	if got := w.Read().Request; got != text[len(text)-63:] {
		t.Errorf("tail: %q", got)
	}
}

func TestOpenRefusesWhatIsNoBoard(t *testing.T) {
	for _, size := range []int64{0, 100, globalSize + 1} {
		fd, err := unix.MemfdCreate("test", unix.MFD_CLOEXEC)
		if err != nil {
			t.Fatal(err)
		}
		if err := unix.Ftruncate(fd, size); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(fd); err == nil {
			t.Errorf("a file of %d bytes was taken for a scoreboard", size)
		}
		unix.Close(fd)
	}
}
