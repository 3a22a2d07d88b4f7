package mpm

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// parentLogs opens files and starts programs for one generation.
type parentLogs struct {
	specs  []string // in the order of opening, which a child's descriptors follow
	open   map[string]*os.File
	pipes  []*pipedLog
	talks  []*talker
	relays []*relay
}

var _ server.LogOpener = (*parentLogs)(nil)

// OpenLog opens a file to append to, or starts a program.
func (p *parentLogs) OpenLog(spec string) (io.Writer, error) {
	if p.open[spec] != nil {
		return p.writer(spec), nil
	}
	var f *os.File
	if isSyslog(spec) {
		relay, write, err := startRelay(spec)
		if err != nil {
			return nil, err
		}
		p.relays = append(p.relays, relay)
		f = write
	} else if strings.HasPrefix(spec, "|") {
		pl, err := startPipedLog(spec)
		if err != nil {
			return nil, err
		}
		p.pipes = append(p.pipes, pl)
		f = pl.write
	} else {
		var err error
		if f, err = os.OpenFile(spec, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o666); err != nil {
			return nil, err
		}
	}
	if p.open == nil {
		p.open = map[string]*os.File{}
	}
	p.open[spec] = f
	p.specs = append(p.specs, spec)
	return p.writer(spec), nil
}

// LogBuffer is memory of the parent's own, which writes no lines of requests.
func (p *parentLogs) LogBuffer(string) *server.LogBuffer { return server.NewLogBuffer(nil) }

// writer gives a log that is open.
func (p *parentLogs) writer(spec string) io.Writer {
	return logWriter(spec, p.open[spec])
}

// fds are the descriptors to hand to a child, in the order of specs.
func (p *parentLogs) fds() []uintptr {
	fds := make([]uintptr, len(p.specs))
	for i, s := range p.specs {
		fds[i] = uintptr(rawFD(p.open[s])) // a pipe stays non-blocking
	}
	return fds
}

// close lets go of everything; programs see the end of their input once the
// children have let go too.
func (p *parentLogs) close() {
	for _, pl := range p.pipes {
		pl.close()
	}
	for _, t := range p.talks {
		t.close()
	}
	for _, r := range p.relays {
		r.close()
	}
	for spec, f := range p.open {
		if !strings.HasPrefix(spec, "|") {
			f.Close()
		}
	}
}

// bequeath describes what is open to the program that takes over, and gives
// the descriptors. The programs' keepers are held: nothing starts any more.
func (p *parentLogs) bequeath() (logs []legacyLog, fds []int) {
	for _, spec := range p.specs {
		l := legacyLog{Spec: spec, FD: rawFD(p.open[spec]), Read: -1}
		for _, pl := range p.pipes {
			if pl.spec == spec {
				pl.mu.Lock()
				l.Read = rawFD(pl.read)
				fds = append(fds, l.Read)
				if pl.process != nil {
					l.PID = pl.process.Pid
				}
			}
		}
		for _, r := range p.relays {
			if r.spec == spec {
				l.Read = rawFD(r.read)
				fds = append(fds, l.Read)
			}
		}
		logs, fds = append(logs, l), append(fds, l.FD)
	}
	return logs, fds
}

// release lets the keepers go on after an upgrade that came to nothing.
func (p *parentLogs) release() {
	for _, pl := range p.pipes {
		pl.mu.Unlock()
	}
}

// inheritLogs is what bequeath described.
func inheritLogs(logs []legacyLog) *parentLogs {
	p := &parentLogs{open: map[string]*os.File{}}
	for _, l := range logs {
		f := file(l.FD, l.Spec)
		p.specs = append(p.specs, l.Spec)
		p.open[l.Spec] = f
		if isSyslog(l.Spec) {
			p.relays = append(p.relays, newRelay(l.Spec, file(l.Read, l.Spec)))
		} else if l.Read >= 0 {
			pl := &pipedLog{spec: l.Spec, read: file(l.Read, l.Spec), write: f, ended: make(chan struct{})}
			if l.PID > 0 {
				pl.process, _ = os.FindProcess(l.PID)
			}
			p.pipes = append(p.pipes, pl)
			go pl.keep()
		}
	}
	return p
}

// childLogs finds what the parent opened.
type childLogs struct {
	files   []*os.File // what keeps the descriptors open
	open    map[string]io.Writer
	buffers map[string]*server.LogBuffer
}

var _ server.LogOpener = (*childLogs)(nil)

func (c *childLogs) OpenLog(spec string) (io.Writer, error) {
	if w := c.open[spec]; w != nil {
		return w, nil
	}
	return nil, fmt.Errorf("the parent has not opened %s", spec)
}

func (c *childLogs) LogBuffer(spec string) *server.LogBuffer {
	if b := c.buffers[spec]; b != nil {
		return b
	}
	return server.NewLogBuffer(nil)
}

// openErrorLogs opens the error logs of the main server and of the hosts that
// name one of their own.
func openErrorLogs(g *server.Generation, p *Program) error {
	for _, v := range append([]*directives.Server{g.Config.Main}, g.Config.Hosts...) {
		spec := errorLogSpec(v, p)
		w, err := g.Logs.OpenLog(spec)
		if err != nil {
			if program, piped := strings.CutPrefix(spec, "|"); piped {
				return &startup{err, fmt.Sprintf("AH00089: Couldn't start ErrorLog process '%s'.", program)}
			}
			return &startup{err, fmt.Sprintf("AH00091: %s: could not open error log file %s.", p.Name, spec)}
		}
		g.SetErrorLog(v, server.NewErrorLog(w))
	}
	return nil
}

// adoptErrorLog sends the process's own messages to the main server's error
// log, and standard error with them, so that what a crashing process prints is
// found there.
func adoptErrorLog(g *server.Generation, p *Program) error {
	main := g.Config.Main
	w, err := g.Logs.OpenLog(errorLogSpec(main, p))
	if err != nil {
		return err
	}
	if err := replaceStderr(w); err != nil {
		return &startup{err, "AH00092: unable to replace stderr with error_log"}
	}
	server.SetProcessLog(g.ErrorLogOf(main), main)
	return nil
}

// replaceStderr makes the log the process's standard error; a log that is no
// descriptor leaves it to /dev/null.
func replaceStderr(w io.Writer) error {
	switch w := w.(type) {
	case *os.File:
		return unix.Dup3(rawFD(w), 2, 0)
	case pipeWriter:
		return unix.Dup3(int(w), 2, 0)
	}
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return nil // in a jail: it has been replaced already
	}
	defer null.Close()
	return unix.Dup3(rawFD(null), 2, 0)
}

// errorLogSpec is where a server's errors go: a host's own, else the main
// server's, else the program's default.
func errorLogSpec(v *directives.Server, p *Program) string {
	core := server.CoreServer.Of(v)
	if spec, ok := core.ErrorLog.Get(); ok {
		return spec
	}
	if v.Main != nil {
		return errorLogSpec(v.Main, p)
	}
	return rootRelative(core.ServerRoot, p.ErrorLog)
}
