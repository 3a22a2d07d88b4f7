package backend

import (
	"io"
	"net"
	"testing"
	"time"
)

// pair is a connection and its other end.
func pair(t *testing.T, timeout time.Duration) (*Conn, net.Conn) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	other, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	b, err := New(c, timeout)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close(); other.Close() })
	return b, other
}

func waitFor(t *testing.T, c *Conn, want State) {
	t.Helper()
	for range 200 {
		if c.Check() == want {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("the connection is %v, want %v", c.Check(), want)
}

func TestPrime(t *testing.T) {
	c, other := pair(t, 5*time.Second)
	go func() {
		p := make([]byte, 64)
		n, _ := other.Read(p)
		time.Sleep(20 * time.Millisecond)
		other.Write(append([]byte("got "), p[:n]...))
	}()
	c.Prime([]byte("question"))
	p := make([]byte, 64)
	n, err := c.Read(p)
	if err != nil || string(p[:n]) != "got question" {
		t.Fatalf("%q %v", p[:n], err)
	}
	other.Write([]byte("unasked"))
	waitFor(t, c, Spoken)
	c.Prime([]byte("question"))
	if _, err := c.Read(p); err != ErrSpoken {
		t.Errorf("behind an answer that nobody asked for: %v", err)
	}
	gone, end := pair(t, 5*time.Second)
	end.Close()
	waitFor(t, gone, Gone)
	gone.Prime([]byte("question"))
	if _, err := gone.Read(p); err != ErrGone {
		t.Errorf("behind the end: %v", err)
	}
}

// A request that does not fit into the socket's buffers is sent all the same.
func TestPrimeLarge(t *testing.T) {
	c, other := pair(t, 5*time.Second)
	request := make([]byte, 16<<20)
	go func() {
		io.ReadFull(other, make([]byte, len(request)))
		other.Write([]byte("all"))
	}()
	c.Prime(request)
	p := make([]byte, 8)
	n, err := c.Read(p)
	if err != nil || string(p[:n]) != "all" {
		t.Fatalf("%q %v", p[:n], err)
	}
}

func TestTimeout(t *testing.T) {
	c, _ := pair(t, 30*time.Millisecond)
	if _, err := c.Read(make([]byte, 1)); err != ErrTimeout {
		t.Errorf("a read that waits for ever: %v", err)
	}
	c.Prime([]byte("question"))
	if _, err := c.Read(make([]byte, 1)); err != ErrTimeout {
		t.Errorf("an answer that does not come: %v", err)
	}
	c.SetTimeout(time.Minute)
	time.AfterFunc(20*time.Millisecond, c.Interrupt)
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("an interrupted read gave something")
	}
}
