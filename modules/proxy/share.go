package proxy

import (
	"fmt"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// complete gives the servers the workers for what no ProxyPass names, and says
// which workers keep no connections.
func complete(g *server.Generation) {
	for _, v := range g.Servers() {
		c := serverSlot.EditServer(v)
		if !v.Virtual {
			c.Forward = general("proxy:forward")
			c.Reverse = general("proxy:reverse")
		} else {
			main := serverSlot.Of(g.Config.Main)
			c.Forward, c.Reverse = main.Forward, main.Reverse
		}
		for _, w := range c.Workers {
			w.NoReuse = w.Params.DisableReuse.Else(false)
		}
		for _, b := range c.Balancers {
			for _, w := range b.Members {
				w.NoReuse = w.Params.DisableReuse.Else(false)
			}
		}
	}
}

// general makes a worker for any URL.
func general(name string) *server.ProxyWorker {
	return &server.ProxyWorker{Name: name, Scheme: "*", Hostname: "*", NoReuse: true}
}

// share gives the workers their places in the memory that all children share.
func share(g *server.Generation) error {
	complete(g)
	for i, v := range g.Servers() {
		c := serverSlot.Of(v)
		where := fmt.Sprintf("%d %s ", i, owner(v))
		for _, w := range append([]*server.ProxyWorker{c.Forward, c.Reverse}, c.Workers...) {
			shareWorker(g, where, w)
		}
		for _, b := range c.Balancers {
			if b.Shared == nil {
				b.Shared = g.ProxyShare(where+b.Name, func(*server.ProxyShared) {})
			}
			for _, w := range b.Members {
				shareWorker(g, where+b.Name+" ", w)
			}
		}
	}
	return nil
}

func owner(v *directives.Server) string { return server.CoreServer.Of(v).ServerName }

func shareWorker(g *server.Generation, where string, w *server.ProxyWorker) {
	if w == nil || w.Shared != nil {
		return
	}
	w.Shared = g.ProxyShare(where+w.FullName(), func(s *server.ProxyShared) {
		p := &w.Params
		status := server.ProxyInitialized | p.Status
		if w.Balancer == nil {
			status |= server.ProxyIgnoreErrors
		}
		s.SetStatus(status&^p.StatusOff, 0)
		s.LBFactor().Store(uint64(p.LoadFactor.Else(100)))
		s.LBSet().Store(uint64(p.LBSet.Else(0)))
	})
}
