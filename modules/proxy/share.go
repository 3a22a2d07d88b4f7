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
	plain, kept := shared{g}, server.ProxyRows(nil)
	for i, v := range g.Servers() {
		c := serverSlot.Of(v)
		where := fmt.Sprintf("%d %s ", i, owner(v))
		for _, w := range append([]*server.ProxyWorker{c.Forward, c.Reverse}, c.Workers...) {
			shareWorker(plain, where, w)
		}
		for _, b := range c.Balancers {
			if b.Shared != nil {
				continue // the main server's
			}
			b.Place, b.Rows = where+b.Name, plain
			if c.Persist.Else(false) {
				if kept == nil {
					kept = keep(g)
				}
				b.Rows = kept
			}
			b.Shared = b.Rows.Row(b.Place, func(*server.ProxyShared) {})
			for _, w := range b.Members {
				shareWorker(b.Rows, b.Place+" ", w)
			}
		}
	}
	return nil
}

func owner(v *directives.Server) string { return server.CoreServer.Of(v).ServerName }

// shared is the rows of balancers that begin anew with each generation.
type shared struct{ g *server.Generation }

func (s shared) Row(name string, init func(*server.ProxyShared)) *server.ProxyShared {
	return s.g.ProxyShare(name, init)
}

func (shared) Changed() {}

func shareWorker(rows server.ProxyRows, where string, w *server.ProxyWorker) {
	if w == nil || w.Shared != nil {
		return
	}
	w.Shared = rows.Row(where+w.FullName(), func(s *server.ProxyShared) {
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
