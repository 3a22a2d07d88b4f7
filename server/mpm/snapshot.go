package mpm

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

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

	Sockets []socketInfo // of the descriptors from firstFD on
	Logs    []string     // of the descriptors behind them

	Jail     string
	ID       chroot.Identity
	KeepUser bool
	Dumpable bool
	CAs      bool // load the certificate authorities before the jail closes
	Procs    int  // GOMAXPROCS
}

type socketInfo struct{ Address, Protocol string }

const (
	snapshotFD = controlFD + 1
	firstFD    = snapshotFD + 1
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

// seal writes the snapshot into a memory file.
func (s *snapshot) seal() (fd int, err error) {
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(s); err != nil {
		return -1, fmt.Errorf("snapshot: %w", err)
	}
	fd, err = unix.MemfdCreate("httpd-generation", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return -1, fmt.Errorf("snapshot: %w", err)
	}
	for text := b.Bytes(); err == nil && len(text) > 0; {
		var n int
		n, err = unix.Write(fd, text)
		text = text[max(n, 0):]
	}
	if err == nil {
		_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS,
			unix.F_SEAL_WRITE|unix.F_SEAL_GROW|unix.F_SEAL_SHRINK|unix.F_SEAL_SEAL)
	}
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("snapshot: %w", err)
	}
	return fd, nil
}

// readSnapshot reads the memory file that all children of a generation share;
// it moves no file position.
func readSnapshot(fd int) (*snapshot, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	f := os.NewFile(uintptr(fd), "snapshot")
	defer f.Close()
	b := make([]byte, st.Size)
	if _, err := f.ReadAt(b, 0); err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	s := new(snapshot)
	if err := gob.NewDecoder(bytes.NewReader(b)).Decode(s); err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	return s, nil
}

// processes is how many children serve and how many processors each may use at
// once. An event loop fills one processor; the second lets what it handed off
// run beside it.
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
	return children, max(procsPerChild, (cpus+children-1)/children)
}

const procsPerChild = 2
