package server

import (
	"sync"
	"time"
)

// proxyPool is a worker's connections in this child. Those that are free wait in
// a stack: the one that came last is taken first.
type proxyPool struct {
	mu     sync.Mutex
	free   []*ProxyConn
	inUse  int
	waiter []chan struct{}
}

func (p *proxyPool) take(w *ProxyWorker) *ProxyConn {
	most := w.Params.Max.Else(0)
	p.mu.Lock()
	for most > 0 && p.inUse >= most {
		turn := make(chan struct{}, 1)
		p.waiter = append(p.waiter, turn)
		p.mu.Unlock()
		if limit := w.Params.Acquire.Else(0); limit > 0 {
			t := time.NewTimer(limit)
			select {
			case <-turn:
				t.Stop()
			case <-t.C:
				p.forget(turn)
				return nil
			}
		} else {
			<-turn
		}
		p.mu.Lock()
	}
	p.inUse++
	var old []*ProxyConn
	conn := p.pop(w, &old)
	p.mu.Unlock()
	for _, o := range old {
		o.shut()
	}
	if conn == nil {
		conn = &ProxyConn{Worker: w}
	}
	return conn
}

// pop takes the connection that was freed last; those that are too old, or that the
// other side has closed, are added to old. p.mu is held.
func (p *proxyPool) pop(w *ProxyWorker, old *[]*ProxyConn) *ProxyConn {
	for n := len(p.free); n > 0; n-- {
		conn := p.free[n-1]
		p.free = p.free[:n-1]
		if ttl := w.Params.TTL; conn.gone.Load() || ttl > 0 && time.Since(conn.freed) >= ttl {
			*old = append(*old, conn)
			continue
		}
		return conn
	}
	return nil
}

// forget takes back a waiter whose time is over; a turn that it was given goes on.
func (p *proxyPool) forget(turn chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, t := range p.waiter {
		if t == turn {
			p.waiter = append(p.waiter[:i], p.waiter[i+1:]...)
			return
		}
	}
	p.wakeOne()
}

func (p *proxyPool) wakeOne() {
	if len(p.waiter) > 0 {
		p.waiter[0] <- struct{}{}
		p.waiter = p.waiter[1:]
	}
}

// expired takes out the connections that have waited for longer than ttl and are
// more than smax.
func (p *proxyPool) expired(w *ProxyWorker) []*ProxyConn {
	if w.Params.TTL <= 0 {
		return nil
	}
	keep := max(w.Params.SMax.Else(w.Params.Max.Else(0)), 0)
	n := 0
	for len(p.free)-n > 0 && len(p.free)-n+p.inUse > keep && time.Since(p.free[n].freed) > w.Params.TTL {
		n++
	}
	old := append([]*ProxyConn(nil), p.free[:n]...)
	p.free = append(p.free[:0], p.free[n:]...)
	return old
}

// maxIdleProxyConns bounds the connections that wait unused where the
// configuration does not: as many as Apache's child has threads.
const maxIdleProxyConns = 512
