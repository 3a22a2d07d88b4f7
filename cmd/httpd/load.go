package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/mpm"
)

// load reads, compiles and checks the configuration and says what is wrong
// with it: the first error as Apache does, then the others.
func load(p *mpm.Program, a *arguments, stderr io.Writer) (*mpm.Loaded, bool) {
	l, diags := p.Load(0)
	if reason := mpm.Conflict(l.Loader.Active()); reason != "" {
		fmt.Fprintf(stderr, "AH00534: %s: Configuration error: %s\n", server.ProgramName, reason)
		return nil, false
	}
	if l.Gen != nil && a.mode == test {
		diags = append(diags, server.JailReport(l.Gen)...)
	}
	report(stderr, diags, a.mode == test)
	if l.Gen == nil {
		return nil, false
	}
	err := l.Gen.RunServer(server.CheckConfig)
	if err == nil {
		err = mpm.CheckErrorLogs(l.Gen, p)
	}
	if err != nil {
		fmt.Fprintln(stderr, err)
		fmt.Fprintln(stderr, "AH00014: Configuration check failed")
		return nil, false
	}
	return l, true
}

// report prints diagnostics, errors first in Apache's form; notes only when asked.
func report(w io.Writer, diags httpdconf.Diagnostics, notes bool) {
	shown := 0
	for _, d := range diags {
		if d.Severity == httpdconf.Error || d.Severity == httpdconf.Warning || notes && terminal(w) {
			if d.Module != "" {
				fmt.Fprintf(w, "[%s] [%s:%s] [pid %d:tid %d] ", time.Now().Format(server.ErrorTime), d.Module, cmp.Or(d.Level, "warn"), os.Getpid(), syscall.Gettid())
			}
			fmt.Fprintln(w, mpm.Sentence(d, server.ProgramName))
			if d.Severity == httpdconf.Error && terminal(w) {
				point(w, d)
			}
			if shown++; shown == maxShown {
				return
			}
		}
	}
}

// maxShown bounds what a file that is not a configuration at all can print.
const maxShown = 50

// point shows the line and where in it the problem is, and advice.
func point(w io.Writer, d httpdconf.Diagnostic) {
	if line, ok := sourceLine(d.Pos); ok {
		fmt.Fprintf(w, "    %s\n    %s^\n", line, indent(line, d.Pos.Column))
	}
	if d.Detail != "" {
		fmt.Fprintf(w, "    %s\n", d.Detail)
	}
	if d.Hint != "" {
		fmt.Fprintf(w, "    hint: %s\n", d.Hint)
	}
}

// terminal tells whether a person reads along.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
