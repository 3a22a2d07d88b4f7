package socache_redis

import (
	"bufio"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/donjon-httpd/donjon/internal/freeport"
)

func TestParse(t *testing.T) {
	for in, want := range map[string]string{
		"localhost:6379": "[localhost:6379]", "a,b:1": "[a:6379 b:1]", "a,,b": "[a:6379 b:6379]", "[::1]:7": "[[::1]:7]", "[::1]": "[[::1]:6379]",
		"": "List of server names required to create redis socache.", ",": "List of server names required to create redis socache.",
		"6379": "Failed to Parse Server, no hostname specified: '6379'", ":1": "Failed to Parse redis Server: ':1'", "a:b": "Failed to Parse redis Server: 'a:b'",
		"a:0": "Failed to Parse redis Server: 'a:0'", "x,a:99999": "Failed to Parse redis Server: 'a:99999'", "a:": "Failed to Parse redis Server: 'a:'",
		"a:b:1": "Failed to Parse redis Server: 'a:b:1'", "[x]:1": "Failed to Parse redis Server: '[x]:1'",
	} {
		hosts, err := parse(in)
		got := fmt.Sprint(hosts)
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

// start starts a real server.
func start(t *testing.T) (addr string, cmd *exec.Cmd) {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("redis-server is not installed")
	}
	ports, err := freeport.Find(1)
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.Command(program, "--bind", "127.0.0.1", "--port", fmt.Sprint(ports[0]), "--save", "", "--appendonly", "no", "--dir", t.TempDir())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	addr = fmt.Sprintf("127.0.0.1:%d", ports[0])
	for range 250 {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return addr, cmd
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("redis-server does not listen")
	return "", nil
}

// TestServer keeps objects on a real Redis.
func TestServer(t *testing.T) {
	addr, cmd := start(t)
	c, err := open(nil, addr)
	if err != nil {
		t.Fatal(err)
	}
	key := strings.Repeat("a long key\r\n", 20)
	if _, ok, err := c.Retrieve(key); ok || err != nil {
		t.Errorf("nothing was stored: %v %v", ok, err)
	}
	for _, value := range []string{"value\x00\r\n", "", strings.Repeat("large", 100000)} {
		if err := c.Store(key, value, time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if v, ok, err := c.Retrieve(key); v != value || !ok || err != nil {
			t.Errorf("%.20q %v %v", v, ok, err)
		}
	}
	c.Remove(key)
	if _, ok, err := c.Retrieve(key); ok || err != nil {
		t.Errorf("it was removed: %v %v", ok, err)
	}
	c.Store(key, "old", time.Now())
	if _, ok, _ := c.Retrieve(key); ok {
		t.Error("what is over is there")
	}
	c.Store(key, "short", time.Now().Add(1500*time.Millisecond))
	time.Sleep(1600 * time.Millisecond)
	if _, ok, _ := c.Retrieve(key); ok {
		t.Error("what has expired is there")
	}
	cmd.Process.Kill()
	cmd.Wait()
	if _, ok, err := c.Retrieve(key); ok || err == nil {
		t.Errorf("a dead server answers: %v %v", ok, err)
	}
}

// The next server stands in for a dead one, and connections are used again.
func TestRing(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	accepted := make(chan int, 100)
	go func() {
		for n := 1; ; n++ {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- n
			go func() {
				in := bufio.NewReader(conn)
				for range 3 { // then it closes: a kept connection may be gone
					for range 5 {
						if _, err := in.ReadString('\n'); err != nil {
							return
						}
					}
					fmt.Fprint(conn, "$1\r\nx\r\n")
				}
				conn.Close()
			}()
		}
	}()
	ports, err := freeport.Find(1)
	if err != nil {
		t.Fatal(err)
	}
	c, err := open(nil, fmt.Sprintf("127.0.0.1:%d,%s", ports[0], l.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 12 {
		if v, ok, err := c.Retrieve(fmt.Sprint(i)); v != "x" || !ok || err != nil {
			t.Fatalf("%d: %q %v %v", i, v, ok, err)
		}
	}
	if n := len(accepted); n != 4 {
		t.Errorf("%d connections for 12 questions", n)
	}
}

func TestIdle(t *testing.T) {
	h := &host{}
	a, b := net.Pipe()
	defer b.Close()
	h.give(&conn{Conn: a, in: bufio.NewReader(a)}, 10*time.Millisecond)
	b.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := b.Read(make([]byte, 1)); err == nil {
		t.Error("a connection that nobody uses is kept")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.idle) != 0 {
		t.Error("what was closed waits")
	}
}
