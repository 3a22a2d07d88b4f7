package lua

import (
	"errors"
	"sync"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

// pool is the interpreters of a script that outlive requests: scope server, and scope
// thread, where there may be as many as there are requests at a time.
type pool struct {
	mu   sync.Mutex
	free []*vm
	room chan struct{} // a place for each interpreter in use; nil: no bound
}

type poolKey struct {
	scope scope
	file  string
	g     *server.Generation
}

// pools are those of this process. A generation that serves no more takes its own along.
var pools struct {
	sync.Mutex
	m map[poolKey]*pool
}

// poolOf gives the pool of a script; whoever needs it first says how large it is.
func poolOf(s *spec) *pool {
	k := poolKey{s.scope, s.file, s.r.Gen}
	pools.Lock()
	defer pools.Unlock()
	p := pools.m[k]
	if p == nil {
		p = &pool{}
		if s.scope == scopeServer {
			p.room = make(chan struct{}, s.max)
		}
		if pools.m == nil {
			pools.m = map[poolKey]*pool{}
		}
		pools.m[k] = p
	}
	return p
}

// errBusy is a pool whose interpreters all have been in use for too long.
var errBusy = errors.New("all interpreters are busy")

// take gets a free interpreter, or makes one. Where there may be no more it waits for
// one, but no longer than the server's Timeout.
func (p *pool) take(s *spec) (*vm, error) {
	if p.room != nil {
		select {
		case p.room <- struct{}{}:
		case <-time.After(server.CoreServer.Of(s.r.Server).Timeout.Else(server.DefaultTimeout)):
			elog.Error(s.r).Msgf("LuaScope server: all %d interpreters of %s have been busy for too long", cap(p.room), s.file)
			return nil, errBusy
		}
	}
	p.mu.Lock()
	if n := len(p.free); n > 0 {
		v := p.free[n-1]
		p.free = p.free[:n-1]
		p.mu.Unlock()
		return v, nil
	}
	p.mu.Unlock()
	elog.Debug(nil).Msgf("AH01483: creating lua_State with file %s", s.file)
	v, err := newVM(s)
	if err != nil {
		p.leave()
		return nil, err
	}
	v.pool = p
	return v, nil
}

func (p *pool) leave() {
	if p.room != nil {
		<-p.room
	}
}

// give puts an interpreter back; one that was interrupted is of no use any more.
func (p *pool) give(v *vm) {
	if v.ended {
		v.close()
	} else {
		v.L.SetTop(0)
		p.mu.Lock()
		p.free = append(p.free, v)
		p.mu.Unlock()
	}
	p.leave()
}
