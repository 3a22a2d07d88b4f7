package echo

import (
	"io"
	"net"
	"strings"
	"testing"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// What a client sends comes back, whatever it is and however its lines end.
func TestServe(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, want := range []string{"a\r\nb\n", "no end", "a\nno end", strings.Repeat("long ", 10000), "\x00\xff\n\n"} {
		client, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		own, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		v := &directives.Server{}
		c := &server.Conn{Gen: &server.Generation{}, Server: v, ClientIP: "127.0.0.1"}
		done := make(chan bool)
		go func() { serve(c, own.(*net.TCPConn)); own.Close(); close(done) }()
		go func() { io.WriteString(client, want); client.(*net.TCPConn).CloseWrite() }()
		got, err := io.ReadAll(client)
		if string(got) != want || err != nil {
			t.Errorf("%.20q came back as %.20q, %v", want, got, err)
		}
		<-done
		client.Close()
	}
}
