package mpm

import (
	"runtime"

	"github.com/donjon-httpd/donjon/chroot"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
)

// snapshot is all that a child is told about its generation. It travels in a
// sealed memory file, so that neither the parent nor a sibling can change it.
type snapshot struct {
	NoRoots                bool
	Config                 string
	Root                   string
	Defines, Before, After []string
	ErrorLog               string
	Number                 int
	Text                   []byte // answers of the parent's Source: what httpdconf replays

	Secrets map[string]string // of the parent's generation: keys that a pass phrase opened

	Sockets []socketInfo // of the descriptors from firstFD on
	Logs    []string     // of the descriptors behind them
	Named   []string     // sockets that the parent connects to; a broker's channel stands behind the logs

	Jail     string
	Mounts   uint64 // chroot.MountNamespace of the parent
	ID       chroot.Identity
	KeepUser bool
	Dumpable bool
	CAs      bool // load the certificate authorities before the jail closes
	Procs    int  // GOMAXPROCS
	Workers  int  // requests that a child works on at once
}

type socketInfo struct{ Address, Protocol string }

const (
	snapshotFD = controlFD + 1
	boardFD    = snapshotFD + 1
	linesFD    = boardFD + 1
	firstFD    = linesFD + 1
)

// Loaded is a configuration that was read and compiled, with what is needed to
// do the same again in a child.
type Loaded struct {
	Gen      *server.Generation
	Loader   *server.Loader
	recorder *httpdconf.Recorder
}

func (l *Loaded) core() *server.ServerConfig { return server.CoreServer.Of(l.Gen.Config.Main) }
func (l *Loaded) mpm() *config               { return server.MPM.Of(l.Gen.Config.Main) }
func (l *Loaded) jail() *server.JailConfig   { return server.Jail.Of(l.Gen.Config.Main) }

// Load reads and compiles the configuration from the file system and remembers
// what it read. The Loader tells what is known even when the diagnostics hold
// an error; Gen is nil then.
func (p *Program) Load(number int) (*Loaded, httpdconf.Diagnostics) {
	l := &Loaded{recorder: httpdconf.NewRecorder(httpdconf.OS)}
	l.Loader = p.loader(l.recorder)
	var diags httpdconf.Diagnostics
	l.Gen, diags = l.Loader.Load(p.Config)
	if l.Gen != nil {
		l.Gen.Number = number
	}
	return l, diags
}

func (p *Program) loader(source httpdconf.Source) *server.Loader {
	return &server.Loader{Builtin: p.Builtin, Source: source,
		Defines: p.Defines, Before: p.Before, After: p.After, Root: p.Root, NoRoots: p.NoRoots}
}

// processes is how many children serve and how many processors each may use at
// once: a child for each processor, and two for each child, so that a request
// which computes does not keep the loop from the others
// (docs/architecture.md has the figures). Where fewer children are asked for
// they share the processors.
func processes(c *config, debug bool) (children, procs int) {
	cpus := runtime.NumCPU()
	children = cpus
	if n, ok := c.ServerLimit.Get(); ok {
		children = min(children, n)
	}
	if n, ok := c.StartServers.Get(); ok {
		children = min(children, n)
	}
	if debug {
		children = 1
	}
	children = max(children, 1)
	return children, max(2, (cpus+children-1)/children)
}

// workers is a child's share of MaxRequestWorkers. The default is that of
// Apache's event MPM.
func workers(c *config, children int) int {
	all := c.MaxRequestWorkers.Else(limitsOf[Event].servers * limitsOf[Event].perChild)
	return max((all+children-1)/children, 1)
}
