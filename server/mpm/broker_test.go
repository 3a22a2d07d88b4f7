package mpm

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/donjon-httpd/donjon/chroot"
)

// testBroker is a child's end of a broker for sockets, whose parent acts as nobody
// where this process may.
func testBroker(t *testing.T, sockets []string) (*childBroker, *net.UnixConn) {
	root := os.Getuid() == 0
	c, err := newConnector(chroot.Identity{UID: 65534, GID: 65534}, !root)
	if err != nil {
		t.Fatal(err)
	}
	parent, fd, err := newBroker()
	if err != nil {
		t.Fatal(err)
	}
	conn, err := brokerConn(fd)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { c.broker(parent, sockets); close(ended) }()
	t.Cleanup(func() { conn.Close(); <-ended; c.close() })
	return &childBroker{conn: conn, names: sockets}, conn
}

func TestBroker(t *testing.T) {
	dir := t.TempDir()
	for d := dir; d != "/" && d != os.TempDir(); d = filepath.Dir(d) {
		os.Chmod(d, 0o755) // for the user that is acted as
	}
	open, shut, none := filepath.Join(dir, "a"), filepath.Join(dir, "b"), filepath.Join(dir, "c")
	for _, p := range []string{open, shut} {
		l, err := net.Listen("unix", p)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
	}
	os.Chmod(open, 0o777)
	os.Chmod(shut, 0o700)
	b, conn := testBroker(t, []string{open, shut, none})
	for range 3 {
		fd, err := b.Connect(open)
		if err != nil {
			t.Fatal(err)
		}
		if flags, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); flags&unix.FD_CLOEXEC == 0 {
			t.Error("the descriptor would reach programs")
		}
		unix.Close(fd)
	}
	if _, err := b.Connect(none); err != unix.ENOENT {
		t.Errorf("a socket that is not there: %v", err)
	}
	if _, err := b.Connect(dir + "/../" + filepath.Base(dir) + "/d"); err != unix.EACCES {
		t.Errorf("a socket that nobody named: %v", err)
	}
	if os.Getuid() == 0 {
		if _, err := b.Connect(shut); err != unix.EACCES {
			t.Errorf("a socket that the user may not use: %v", err)
		}
	}
	for _, question := range []string{"\xff\xff\xff\xff", "\x03\x00\x00\x00", "x", "12345678"} {
		if _, err := conn.Write([]byte(question)); err != nil {
			t.Fatal(err)
		}
		answer := make([]byte, 8)
		n, m, _, _, err := conn.ReadMsgUnix(answer, make([]byte, 64))
		if err != nil || n != 4 || m != 0 || answer[0] != byte(unix.EACCES) {
			t.Errorf("the question %q: %d bytes %v, %d of rights, %v", question, n, answer[:n], m, err)
		}
	}
}
