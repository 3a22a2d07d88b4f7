package proxy_fdpass

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/donjon-httpd/donjon/server/backend"
)

func TestCut(t *testing.T) {
	for in, want := range map[string]string{"fd://run/a": "run/a", "FD:///a": "/a", "fd:/a": "-", "fdx://a": "-", "": "-", "fd://": ""} {
		got, ok := cut(in)
		if !ok {
			got = "-"
		}
		if got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}

// What is passed still leads to the client when this side has closed its end.
func TestPass(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := backend.DialUnix(path, backend.Options{Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	other, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	client, err := net.Dial("tcp", tcp.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	served, err := tcp.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if err := pass(conn, served.(*net.TCPConn)); err != nil {
		t.Fatal(err)
	}
	served.Close()
	data, oob := make([]byte, 8), make([]byte, 64)
	n, oobn, _, _, err := other.(*net.UnixConn).ReadMsgUnix(data, oob)
	if err != nil || n != 1 || data[0] != 0 {
		t.Fatalf("%q %v", data[:n], err)
	}
	messages, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil || len(messages) != 1 {
		t.Fatalf("%v %v", messages, err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		t.Fatalf("%v %v", fds, err)
	}
	f := os.NewFile(uintptr(fds[0]), "client")
	io.WriteString(f, "hello")
	f.Close()
	got, err := io.ReadAll(client)
	if string(got) != "hello" || err != nil {
		t.Errorf("%q %v", got, err)
	}
}
