// Command httpd is Donjon, a web server that reads Apache's configuration and
// locks its serving processes into a jail. Its command line is Apache's.
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/donjon-httpd/donjon/modules"
	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/mpm"
)

func main() {
	// A configuration is read once and most of it is kept: looking for garbage
	// meanwhile finds none.
	debug.SetGCPercent(readingGC)
	if isControl(os.Args[0]) {
		os.Exit(control(os.Args, os.Stdout, os.Stderr))
	}
	os.Exit(run(os.Args, os.Stdout, os.Stderr))
}

// readingGC is the growth of memory, in percent, at which garbage is looked for
// while a configuration is read.
const readingGC = 400

// run is the program; it gives the exit status.
func run(argv []string, stdout, stderr io.Writer) int {
	program := &mpm.Program{Name: server.ProgramName, Builtin: modules.Builtin, Engine: newEngine}
	server.BuiltWith = builtWith()
	role, err := mpm.Role()
	if err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", server.ProgramName, err)
		return 1
	}
	if role == mpm.RoleChild {
		return program.Child()
	}
	if state, ok := mpm.Inheritance(); ok {
		return program.Resume(state)
	}
	if len(argv) > 1 && argv[1] == "explain" {
		return explain(program, argv[2:], stdout, stderr)
	}
	a, err := parseArgs(argv[1:])
	if err != nil {
		if err.Error() != "" {
			fmt.Fprintln(stderr, err)
		}
		usage(stderr, argv[0])
		return 1
	}
	switch a.mode {
	case version:
		printVersion(stdout)
		return 0
	case settings:
		printSettings(stdout)
		return 0
	case modulesList:
		listModules(stdout, modules.Builtin)
		return 0
	}
	if err := a.apply(program, argv); err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", server.ProgramName, err)
		return 1
	}
	if a.mode == serve && role == "" && !a.foreground() && (a.signal == "" || a.signal == "start") {
		return program.Detach()
	}
	l, ok := load(program, a, stderr)
	if !ok {
		return 1
	}
	if a.mode != serve {
		show(stdout, stderr, a, program, l)
		return 0
	}
	// A daemon was started by a process that has asked already, unless there
	// was nothing to ask.
	if role == "" || a.signal == "" || a.signal == "start" {
		if status, done := program.Signal(a.signal, l, stdout, stderr); done {
			return status
		}
	}
	if role == "" && !a.foreground() {
		return program.Detach()
	}
	return program.Serve(l, func() {
		if role == mpm.RoleDaemon {
			mpm.Detached()
		}
	})
}

// apply makes the command line the program's.
func (a *arguments) apply(p *mpm.Program, argv []string) error {
	root, err := filepath.Abs(a.root)
	if err != nil {
		return err
	}
	a.root = root
	p.Root, p.Config = root, a.configFile()
	p.Defines, p.Before, p.After = a.defines, a.before, a.after
	p.NoRoots = a.noRoots
	p.PidFile, p.ErrorLog = defaults.pidFile, defaults.errorLog
	p.Line = strings.Join(withoutSignal(argv), " ")
	p.Foreground, p.Debug = a.foreground(), a.debug
	if a.level != nil {
		server.SetStartupLevel(*a.level)
	}
	if a.stderr != "" {
		return mpm.RedirectStderr(a.stderr)
	}
	return nil
}

// withoutSignal leaves -k out, as Apache does before it logs its command line.
func withoutSignal(argv []string) []string {
	var out []string
	for i := 0; i < len(argv); i++ {
		switch {
		case argv[i] == "-k":
			i++
		case i > 0 && strings.HasPrefix(argv[i], "-k"):
		default:
			out = append(out, argv[i])
		}
	}
	return out
}
