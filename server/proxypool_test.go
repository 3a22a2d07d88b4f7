package server

import (
	"net"
	"testing"
	"time"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server/backend"
)

// open gives a connection of the pool something to be connected to.
func open(t *testing.T, c *ProxyConn) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	tcp, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if c.under, err = backend.New(tcp, time.Second); err != nil {
		t.Fatal(err)
	}
	c.Conn = c.under
}

func TestProxyPool(t *testing.T) {
	w := &ProxyWorker{}
	first := w.pool.take(w)
	open(t, first)
	first.Release()
	if again := w.pool.take(w); again != first || again.Served != 1 {
		t.Error("a connection that is free is not taken again")
	}
	first.Close = true
	first.Release()
	if next := w.pool.take(w); next == first {
		t.Error("a connection that was to be closed is taken again")
	}
}

func TestProxyPoolTTL(t *testing.T) {
	w := &ProxyWorker{Params: ProxyParams{TTL: time.Second}}
	old := w.pool.take(w)
	open(t, old)
	old.Release()
	old.freed = time.Now().Add(-2 * time.Second)
	if next := w.pool.take(w); next == old || old.Conn != nil {
		t.Error("a connection that waited for longer than ttl is taken again")
	}
}

func TestProxyPoolMax(t *testing.T) {
	w := &ProxyWorker{Params: ProxyParams{Max: directives.Given(1), Acquire: directives.Given(20 * time.Millisecond)}}
	only := w.pool.take(w)
	if w.pool.take(w) != nil {
		t.Error("there are more connections than max")
	}
	waits := make(chan *ProxyConn)
	w.Params.Acquire = directives.Opt[time.Duration]{}
	go func() { waits <- w.pool.take(w) }()
	time.Sleep(10 * time.Millisecond)
	only.Release()
	select {
	case c := <-waits:
		if c == nil {
			t.Error("who waited got nothing")
		}
	case <-time.After(5 * time.Second):
		t.Error("who waits is not woken")
	}
	if len(w.pool.waiter) != 0 {
		t.Errorf("%d still wait", len(w.pool.waiter))
	}
}
