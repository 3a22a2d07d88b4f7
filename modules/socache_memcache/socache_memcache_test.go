package socache_memcache

import (
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/donjon-httpd/donjon/internal/freeport"
)

func TestParse(t *testing.T) {
	for in, want := range map[string][]string{
		"localhost:11211": {"localhost:11211"}, "a,b:1": {"a:11211", "b:1"},
		"": nil, ":1": nil, "a:b:1": nil, "a:0": nil, "a:99999": nil, "a,,b": nil,
	} {
		got, err := parse(in)
		if d := cmp.Diff(want, got); err == nil && d != "" || (err == nil) != (want != nil) {
			t.Errorf("%q: %v %v", in, got, err)
		}
	}
}

// TestServer keeps objects on a real memcached.
func TestServer(t *testing.T) {
	program, err := exec.LookPath("memcached")
	if err != nil {
		t.Skip("memcached is not installed")
	}
	ports, err := freeport.Find(1)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-u", "nobody", "-l", "127.0.0.1", "-p", fmt.Sprint(ports[0]))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cmd.Process.Kill(); cmd.Wait() }()
	addr := fmt.Sprintf("127.0.0.1:%d", ports[0])
	for range 100 {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	c, err := open(nil, addr)
	if err != nil {
		t.Fatal(err)
	}
	key := strings.Repeat("a long key with blanks ", 20)
	if _, ok, err := c.Retrieve(key); ok || err != nil {
		t.Errorf("nothing was stored: %v %v", ok, err)
	}
	if err := c.Store(key, "value\x00\n", time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if v, ok, err := c.Retrieve(key); v != "value\x00\n" || !ok || err != nil {
		t.Errorf("%q %v %v", v, ok, err)
	}
	c.(*cache).client.Close() // as after MemcacheConnTTL
	c.Remove(key)
	if _, ok, err := c.Retrieve(key); ok || err != nil {
		t.Errorf("it was removed: %v %v", ok, err)
	}
	c.Store(key, "old", time.Now())
	if _, ok, _ := c.Retrieve(key); ok {
		t.Error("what is over is there")
	}
}
