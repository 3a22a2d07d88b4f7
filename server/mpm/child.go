package mpm

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/donjon-httpd/donjon/chroot"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
)

// Child is the whole life of a serving process. It gives the exit status.
func (p *Program) Child() int {
	// Taken and left alone, not ignored: that would be passed on to programs.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGINT, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGWINCH, syscall.SIGPIPE)
	terms := make(chan os.Signal, 1)
	signal.Notify(terms, syscall.SIGTERM)
	control, err := inheritedControl()
	if err != nil {
		say(os.Stderr, p.Name+": "+err.Error())
		return exitFailed
	}
	engine, g, locks, err := p.prepareChild(control)
	if err != nil {
		text := err.Error()
		send(control, "failed", text[:min(len(text), 4000)]) //nolint:errcheck // the parent is gone then
		return exitFailed
	}
	if err := send(control, "ready", locks); err != nil {
		return exitFailed
	}
	debug.SetGCPercent(100) // less was looked for while the configuration was read
	g.Crew.Serving.Store(true)
	go obey(control, engine)
	go tend(control, g, terms)
	served := engine.Serve()
	if err := g.RunServer(server.ChildExit); err != nil {
		elog.Error(nil).Err(err).Msg("a child's last steps failed")
	}
	if err := served; err != nil {
		elog.Alert(nil).Err(err).Msg("a child cannot go on")
		return exitFailed
	}
	return exitOK
}

// prepareChild does in order what needs the outside, the step into the jail,
// and what belongs inside.
func (p *Program) prepareChild(control *os.File) (Engine, *server.Generation, string, error) {
	s := new(snapshot)
	if err := unseal(snapshotFD, s); err != nil {
		return nil, nil, "", err
	}
	unix.Close(snapshotFD)
	board, crew, err := takeSeat(control, s.Workers)
	if err != nil {
		return nil, nil, "", err
	}
	runtime.GOMAXPROCS(s.Procs)
	sockets, logs, err := s.inherit()
	if err != nil {
		return nil, nil, "", err
	}

	// Outside, still root.
	g, err := p.replay(s)
	if err != nil {
		return nil, nil, "", err
	}
	g.Logs, g.Board, g.Crew, g.Secrets = logs, board, crew, s.Secrets
	if g.Sockets, err = s.inheritBroker(); err != nil {
		return nil, nil, "", err
	}
	if err := openErrorLogs(g, p); err != nil {
		return nil, nil, "", err
	}
	if err := adoptErrorLog(g, p); err != nil {
		return nil, nil, "", err
	}
	for _, phase := range []server.ServerPhase{server.OpenLogs, server.PostConfig, server.BeforeJail} {
		if err := g.RunServer(phase); err != nil {
			return nil, nil, "", err
		}
	}
	outside, err := chroot.Preload(s.CAs)
	if err != nil {
		return nil, nil, "", err
	}
	g.Outside = outside
	server.SetResolver(outside.Resolver)
	server.SetAccounts(outside.Accounts)

	// The door closes.
	proof, err := chroot.Enter(s.plan(server.Jail.Of(g.Config.Main)))
	if err != nil {
		elog.Alert(nil).Msg(err.Error())
		return nil, nil, "", err
	}
	elog.Notice(nil).Msg(settled(g, proof))
	if s.Dumpable {
		dumpCores(server.MPM.Of(g.Config.Main).CoreDumpInJail)
	}

	// Inside.
	if err := g.RunServer(server.ChildInit); err != nil {
		return nil, nil, "", err
	}
	engine, err := p.Engine(g, sockets)
	return engine, g, strings.Join(proof.Locks(), ", "), err
}

// plan is what this process is to become.
func (s *snapshot) plan(jail *server.JailConfig) chroot.Plan {
	return chroot.Plan{Dir: s.Jail, ID: s.ID, KeepUser: s.KeepUser, Dumpable: s.Dumpable, Mounts: jail.PrivateMounts.Else(chroot.Auto),
		OuterMounts: s.Mounts, Landlock: jail.Landlock.Else(chroot.Auto), NewPrivs: jail.NewPrivs, Bounding: jail.Bounding}
}

// replay compiles the text that the parent read.
func (p *Program) replay(s *snapshot) (*server.Generation, error) {
	var text httpdconf.Replay
	if err := text.UnmarshalBinary(s.Text); err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	p.Config, p.Root, p.Defines, p.Before, p.After = s.Config, s.Root, s.Defines, s.Before, s.After
	p.ErrorLog, p.NoRoots = s.ErrorLog, s.NoRoots
	// The parent has said what there is to say about the text.
	server.SetProcessLog(server.NewErrorLog(io.Discard), nil)
	g, diags := p.loader(&text).Load(s.Config)
	if g == nil {
		return nil, fmt.Errorf("the configuration compiled in the parent and not here: %s", firstError(diags))
	}
	g.Number = s.Number
	return g, nil
}

// dumpCores makes a crash leave a core file in dir, which the kernel puts where
// the process is (core(5)), instead of ending with a trace alone.
func dumpCores(dir string) {
	if err := os.Chdir(dir); err != nil {
		elog.Error(nil).Err(err).Msgf("CoreDumpDirectory %s", dir)
		return
	}
	debug.SetTraceback("crash")
}

func firstError(diags httpdconf.Diagnostics) string {
	for _, d := range diags {
		if d.Severity == httpdconf.Error {
			return d.Summary
		}
	}
	return ""
}

// inherit gives names to the descriptors behind the snapshot's. None of them
// must reach a program that a child starts.
func (s *snapshot) inherit() ([]Socket, *childLogs, error) {
	fd := firstFD
	var sockets []Socket
	for _, info := range s.Sockets {
		unix.CloseOnExec(fd)
		sockets = append(sockets, Socket{FD: fd, Address: info.Address, Protocol: info.Protocol})
		fd++
	}
	logs := &childLogs{open: map[string]io.Writer{}}
	for _, spec := range s.Logs {
		unix.CloseOnExec(fd)
		f := os.NewFile(uintptr(fd), spec)
		logs.files, logs.open[spec] = append(logs.files, f), logWriter(spec, f)
		fd++
	}
	var err error
	logs.buffers, err = mapLineBuffers(linesFD, s.Logs)
	return sockets, logs, err
}

// settled is the sentence about what became of this child: jail, translated
// paths, user.
func settled(g *server.Generation, proof chroot.Proof) string {
	text := fmt.Sprintf("child of generation %d: %s", g.Number, proof)
	if len(g.Translated) > 0 {
		text += "; translated " + strings.Join(g.Translated, ", ")
	}
	return text
}

// obey follows the parent until it is gone, which ends the child too.
func obey(control *os.File, engine Engine) {
	for {
		verb, rest, fd, err := receiveWith(control)
		if err != nil {
			engine.Close()
			return
		}
		limit := deadline(rest)
		switch verb {
		case "outside":
			if err := takeOutside(fd); err != nil {
				elog.Error(nil).Err(err).Msg("the names of outside are as they were")
			}
			continue
		case "drain", "stop":
			engine.Deafen()
			send(control, "deaf") //nolint:errcheck // the parent is gone then, which is noticed
			if verb == "drain" {
				go engine.Drain(limit)
			} else {
				go engine.Stop(limit)
			}
		}
		if !limit.IsZero() {
			// An engine that hangs must not keep the process.
			time.AfterFunc(time.Until(limit)+time.Second, func() { os.Exit(exitFailed) })
		}
	}
}
