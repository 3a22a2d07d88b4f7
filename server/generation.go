package server

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/donjon-httpd/donjon/chroot"
	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/fixroot"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server/scoreboard"
)

// Generation is one configuration being served: what a start or a restart
// makes anew. It is immutable while it serves.
type Generation struct {
	Config  *directives.Config
	Modules []*Module // active ones, in the order of activation
	Jail    fixroot.Root
	Defines []string          // names that were defined, for .htaccess files
	Vars    map[string]string // and what those with a value stand for
	Number  int               // 0 for the first start, counted up by each restart

	hooks         [numPhases][]Hook
	vhosts        *vhosts
	merges        mergeCache
	htaccessCache htaccessCache
	files         fileCache
	forms         fileForms
	lookAgain     time.Duration // how long what was found of .htaccess files is believed
	authType      func(*Request) string
	authName      func(*Request) (string, bool)
	satisfy       func(*Request) Satisfy
	connected     []func(*Conn)
	prefaces      []func(*Conn) Preface
	wire          *WireProtocol
	announcing    bool // see announces
	logname       func(*Request) string
	speakers      []func(*Conn) Speaker
	secures       []func(*Conn) *Secure
	tlsVariable   func(*Request, string) string
	errorLogs     map[*directives.Server]*ErrorLog
	proxy         proxyModules
	heart         sync.Once
	hearts        *Heartbeats

	// Secrets are what the parent found out for its children; see Keep.
	Secrets map[string]string

	// Outside is what a child took along before its jail closed; nil in the parent.
	Outside *chroot.Preloaded
	// Translated names the paths that ChrootFixRoot changed, "/srv/www/htdocs -> /htdocs".
	Translated []string

	// LoadFiles are the LoadFile lines of the text, for JailReport.
	LoadFiles []*httpdconf.Node

	// Board is the scoreboard of all processes and Crew the workers of this one;
	// nil in the parent.
	Board *scoreboard.Board
	Crew  *scoreboard.Crew

	// Sockets connects to sockets that lie outside of the jail; nil where there
	// is nobody to ask.
	Sockets SocketBroker

	// Logs opens the files and programs that logs are written to; set before OpenLogs runs.
	Logs LogOpener
}

// NewGeneration puts the hooks of the active modules in order.
func NewGeneration(cfg *directives.Config, active []*Module) (*Generation, error) {
	g := &Generation{Config: cfg, Modules: active}
	cache := FileCache.Of(cfg.Main)
	g.files.most, g.forms.most, g.lookAgain = cache.Bytes(), cache.Bytes(), cache.ValidFor()
	for i, m := range active {
		if m.Connected != nil {
			g.connected = append(g.connected, m.Connected)
		}
		if m.AuthType != nil {
			g.authType = m.AuthType
		}
		if m.AuthName != nil {
			g.authName = m.AuthName
		}
		if m.Satisfy != nil {
			g.satisfy = m.Satisfy
		}
		g.proxy.add(m)
		if m.Preface != nil {
			g.prefaces = append(g.prefaces, m.Preface)
		}
		if m.Wire != nil {
			g.wire = m.Wire
		}
		if m.Speaker != nil {
			g.speakers = append(g.speakers, m.Speaker)
		}
		if m.RemoteLogname != nil {
			g.logname = m.RemoteLogname
		}
		if m.TLSVariable != nil {
			g.tlsVariable = m.TLSVariable
		}
		if m.Secure != nil {
			g.secures = append(g.secures, m.Secure)
		}
		for _, h := range m.Hooks {
			h.module, h.seq = m.Name, i
			g.hooks[h.phase] = append(g.hooks[h.phase], h)
		}
	}
	g.vhosts = vhostTable(cfg)
	for _, v := range g.Servers() {
		c := CoreServer.EditServer(v)
		c.Directories = sortDirectories(c.Directories)
	}
	g.announcing = g.announces()
	for i := range g.hooks {
		if err := sortHooks(g.hooks[i]); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// sortHooks orders by First/Middle/Last, then by activation, and then moves
// hooks behind those that they name, as apr_hook's topological sort does.
func sortHooks(hooks []Hook) error {
	slices.SortStableFunc(hooks, func(a, b Hook) int {
		if a.order != b.order {
			return a.order - b.order
		}
		return a.seq - b.seq
	})
	mustFollow := func(a, b Hook) bool { // a stands behind b
		return slices.Contains(a.after, b.module) || slices.Contains(b.before, a.module)
	}
	for i := 0; i < len(hooks); i++ {
		moves := 0
		for j := len(hooks) - 1; j > i; {
			if !mustFollow(hooks[i], hooks[j]) {
				j--
				continue
			}
			if moves++; moves > len(hooks) {
				return fmt.Errorf("hooks of %s and %s each want to be behind the other", hooks[i].module, hooks[j].module)
			}
			h := hooks[i]
			copy(hooks[i:], hooks[i+1:j+1])
			hooks[j] = h
			j = len(hooks) - 1
		}
	}
	return nil
}

// RunServer runs a generation phase and stops at the first error.
func (g *Generation) RunServer(p ServerPhase) error {
	for _, h := range g.hooks[p.id] {
		if err := h.server(g); err != nil {
			return err
		}
	}
	return nil
}

// plan is which hooks take part under one merged per-directory configuration.
type plan struct {
	gen   *Generation
	hooks [numPhases][]Hook
}

// hooksFor gives the hooks of a phase that take part under c. The answer is
// remembered in c, so that a request pays one load for it.
func (g *Generation) hooksFor(c *directives.Conf, p phase) []Hook {
	if c == nil {
		return g.hooks[p]
	}
	if pl, ok := c.Memo.Load().(*plan); ok && pl.gen == g {
		return pl.hooks[p]
	}
	pl := &plan{gen: g}
	for i := postReadRequest; i <= logTransaction; i++ {
		all := true
		for _, h := range g.hooks[i] {
			all = all && h.when == nil
		}
		if all {
			pl.hooks[i] = g.hooks[i]
			continue
		}
		for _, h := range g.hooks[i] {
			if h.when == nil || h.when(c) {
				pl.hooks[i] = append(pl.hooks[i], h)
			}
		}
	}
	c.Memo.Store(pl)
	return pl.hooks[p]
}

func (p FirstPhase) run(r *Request) Status {
	if r.explain != nil {
		return r.explain.first(r, p.id)
	}
	hooks := r.Gen.hooksFor(r.Dir, p.id)
	for i := range hooks {
		if s := hooks[i].call(r); s != Declined {
			return s
		}
	}
	return Declined
}

func (p AllPhase) run(r *Request) Status {
	if r.explain != nil {
		return r.explain.all(r, p.id)
	}
	hooks := r.Gen.hooksFor(r.Dir, p.id)
	for i := range hooks {
		if s := hooks[i].call(r); s != OK && s != Declined {
			return s
		}
	}
	return OK
}

func (p VoidPhase) run(r *Request) {
	if r.explain != nil {
		r.explain.void(r, p.id)
		return
	}
	for _, h := range r.Gen.hooksFor(r.Dir, p.id) {
		if !h.plain {
			r.Unrepeatable()
		}
		h.void(r)
	}
}

func (p HandlerPhase) run(r *Request) Status {
	if r.explain != nil {
		return r.explain.handlers(r)
	}
	hooks := r.Gen.hooksFor(r.Dir, p.id)
	for i := range hooks {
		h := &hooks[i]
		if h.name != "" && h.name != r.Handler {
			continue
		}
		if s := h.call(r); s != Declined {
			return s
		}
	}
	return Declined
}

// call runs a hook of a request's phase.
func (h *Hook) call(r *Request) Status {
	if !h.plain {
		r.Unrepeatable()
	}
	return h.run(r)
}

// ErrorLogOf is where a server's errors go; nil before the logs are open.
func (g *Generation) ErrorLogOf(v *directives.Server) *ErrorLog {
	return g.errorLogs[v]
}

// SetErrorLog says where a server's errors go; called while logs are opened.
func (g *Generation) SetErrorLog(v *directives.Server, l *ErrorLog) {
	if g.errorLogs == nil {
		g.errorLogs = map[*directives.Server]*ErrorLog{}
	}
	g.errorLogs[v] = l
}

// Servers are the main server and the virtual hosts, in that order.
func (g *Generation) Servers() []*directives.Server {
	return append([]*directives.Server{g.Config.Main}, g.Config.Hosts...)
}
