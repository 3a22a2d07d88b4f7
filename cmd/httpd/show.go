package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/mpm"
)

func printVersion(w io.Writer) {
	fmt.Fprintf(w, "Server version: %s\nServer built:   %s\n", server.Software, server.Built)
}

// printSettings is -V. Programs look for the lines of the MPM, of the module
// magic number and for -D KEY="value".
func printSettings(w io.Writer) {
	printVersion(w)
	fmt.Fprint(w, `Server's Module Magic Number: 20120211:142
Architecture:   64-bit
Server MPM:     event
  threaded:     yes (variable thread count)
    forked:     yes (variable process count)
Server compiled with....
`)
	for _, d := range builtWith() {
		fmt.Fprintf(w, " -D %s\n", d)
	}
}

// builtWith is what -V and mod_info show.
func builtWith() []string {
	list := []string{"APR_HAS_SENDFILE", "APR_HAS_MMAP", "APR_HAVE_IPV6 (IPv4-mapped addresses enabled)",
		"SINGLE_LISTEN_UNSERIALIZED_ACCEPT", "APR_HAS_OTHER_CHILD", "AP_HAVE_RELIABLE_PIPED_LOGS", "DYNAMIC_MODULE_LIMIT=256"}
	for _, s := range []struct{ name, value string }{
		{"HTTPD_ROOT", defaults.root},
		{"DEFAULT_PIDLOG", defaults.pidFile},
		{"DEFAULT_SCOREBOARD", "logs/apache_runtime_status"},
		{"DEFAULT_ERRORLOG", defaults.errorLog},
		{"AP_TYPES_CONFIG_FILE", defaults.types},
		{"SERVER_CONFIG_FILE", defaults.config},
	} {
		list = append(list, fmt.Sprintf("%s=%q", s.name, s.value))
	}
	return list
}

// listModules is -l: what is active without LoadModule.
func listModules(w io.Writer, builtin []*server.Module) {
	fmt.Fprintln(w, "Compiled in modules:")
	for _, m := range builtin {
		if m.Static {
			fmt.Fprintf(w, "  %s\n", m.SourceName())
		}
	}
}

// show is what -t, -S, -M and -L print of a configuration that is in order. The
// sequence is that of Apache's test_config hooks.
func show(stdout, stderr io.Writer, a *arguments, p *mpm.Program, l *mpm.Loaded) {
	if a.mode == directivesList {
		listDirectives(stdout, l.Gen.Modules)
		return
	}
	if a.defined("DUMP_INCLUDES") {
		l.Gen.Config.Tree.DumpIncludes(stdout)
	}
	if a.defined("DUMP_CONFIG") {
		l.Gen.Config.Tree.Dump(stdout)
	}
	if a.defined("DUMP_VHOSTS") {
		server.DumpVhosts(stdout, l.Gen)
	}
	if a.defined("DUMP_RUN_CFG") {
		p.DumpRunConfig(stdout, l)
	}
	if a.defined("DUMP_MODULES") {
		dumpModules(stdout, l.Gen.Modules)
	}
	if a.mode == test {
		fmt.Fprintln(stderr, "Syntax OK")
	}
}

func dumpModules(w io.Writer, active []*server.Module) {
	fmt.Fprintln(w, "Loaded Modules:")
	for _, static := range []bool{true, false} {
		word := "shared"
		if static {
			word = "static"
		}
		for _, m := range active {
			if m.Static == static {
				fmt.Fprintf(w, " %s (%s)\n", m.Name, word)
			}
		}
	}
}

func listDirectives(w io.Writer, active []*server.Module) {
	for _, m := range active {
		for _, d := range m.Directives {
			fmt.Fprintf(w, "%s (%s)\n", d.Name, m.SourceName())
			if d.Usage != "" {
				fmt.Fprintf(w, "\t%s\n", d.Usage)
			}
			fmt.Fprintf(w, "\tAllowed in *.conf %s\n", allowed(d.In))
		}
	}
}

// allowed is show_overrides of Apache's config.c.
func allowed(in directives.Context) string {
	var b strings.Builder
	switch {
	case in&(directives.Options|directives.FileInfo|directives.Indexes) != 0,
		in&directives.InServer != 0 && in&(directives.InDir|directives.AuthConfig|directives.Limit) != 0:
		b.WriteString("anywhere")
	case in&directives.InServer != 0:
		b.WriteString("only outside <Directory>, <Files>, <Location>, or <If>")
	default:
		b.WriteString("only inside <Directory>, <Files>, <Location>, or <If>")
	}
	switch {
	case in&directives.All == 0:
		return b.String()
	case in&directives.All == directives.All:
		return b.String() + " and in .htaccess\n\twhen AllowOverride isn't None"
	}
	var classes []string
	for _, c := range []struct {
		bit  directives.Context
		name string
	}{{directives.AuthConfig, "AuthConfig"}, {directives.Limit, "Limit"}, {directives.Options, "Options"},
		{directives.FileInfo, "FileInfo"}, {directives.Indexes, "Indexes"}} {
		if in&c.bit != 0 {
			classes = append(classes, c.name)
		}
	}
	return b.String() + " and in .htaccess\n\twhen AllowOverride includes " + strings.Join(classes, " or ")
}
