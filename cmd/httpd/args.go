package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// mode is what the command line asks for.
type mode int

const (
	serve mode = iota
	test       // -t
	dump       // -S, -M, -D DUMP_…
	directivesList
	modulesList
	version
	settings
	help
)

// arguments are the command line, read as Apache does: with getopt, options
// may be joined (-tS) and an option's argument may follow at once (-fFILE).
type arguments struct {
	mode    mode
	signal  string // -k
	config  string // -f
	root    string // -d
	defines []string
	before  []string // -C
	after   []string // -c
	stderr  string   // -E
	level   *server.Level
	noRoots bool // -T
	debug   bool // -X
}

// options is AP_SERVER_BASEARGS and -k; a colon follows those with an argument.
const options = "C:c:D:d:E:e:f:vVlLtTSMh?Xk:"

// errUsage asks for the page of options; its text, if any, stands above it.
type errUsage string

func (e errUsage) Error() string { return string(e) }

// parseArgs reads argv without the program's name. What prints at once in
// Apache (-v, -l, -V, -h) ends the reading there.
func parseArgs(argv []string) (*arguments, error) {
	a := &arguments{config: defaults.config, root: defaults.root}
	for i := 0; i < len(argv); i++ {
		word := argv[i]
		if word == "--" && i == len(argv)-1 {
			break
		}
		if len(word) < 2 || word[0] != '-' || word == "--" {
			return nil, errUsage("")
		}
		for j := 1; j < len(word); j++ {
			c := word[j]
			at := strings.IndexByte(options, c)
			if at < 0 || c == ':' {
				return nil, errUsage(fmt.Sprintf("%s: illegal option -- %c", server.ProgramName, c))
			}
			value := ""
			if at+1 < len(options) && options[at+1] == ':' {
				if value = word[j+1:]; value == "" {
					if i++; i >= len(argv) {
						return nil, errUsage(fmt.Sprintf("%s: option requires an argument -- %c", server.ProgramName, c))
					}
					value = argv[i]
				}
				j = len(word)
			}
			if stop, err := a.option(c, value); err != nil || stop {
				return a, err
			}
		}
	}
	return a, nil
}

// option takes in one option; stop means that nothing after it counts.
func (a *arguments) option(c byte, value string) (stop bool, err error) {
	switch c {
	case 'C':
		a.before = append(a.before, value)
	case 'c':
		a.after = append(a.after, value)
	case 'D':
		a.defines = append(a.defines, value)
		switch value {
		case "DUMP_VHOSTS", "DUMP_RUN_CFG", "DUMP_MODULES", "DUMP_INCLUDES", "DUMP_CONFIG":
			a.mode = max(a.mode, dump)
		}
	case 'd':
		a.root = value
	case 'E':
		a.stderr = value
	case 'e':
		l, ok := server.ParseLevel(value)
		if !ok {
			return false, errUsage("")
		}
		a.level = &l
	case 'f':
		a.config = value
	case 'k':
		switch value {
		case "start", "stop", "restart", "graceful", "graceful-stop", "status", "fullstatus":
			if a.signal == "" {
				a.signal = value
				return false, nil
			}
		}
		return false, errUsage(server.ProgramName + ": illegal option -- k")
	case 't':
		a.mode = max(a.mode, test)
	case 'T':
		a.noRoots = true
	case 'S':
		a.mode = max(a.mode, dump)
		a.defines = append(a.defines, "DUMP_VHOSTS", "DUMP_RUN_CFG")
	case 'M':
		a.mode = max(a.mode, dump)
		a.defines = append(a.defines, "DUMP_MODULES")
	case 'L':
		a.mode = max(a.mode, directivesList)
	case 'X':
		a.debug = true
		a.defines = append(a.defines, "DEBUG")
	case 'v', 'l', 'V':
		a.mode = map[byte]mode{'v': version, 'l': modulesList, 'V': settings}[c]
		return true, nil
	default:
		return true, errUsage("")
	}
	return false, nil
}

// foreground tells whether the server stays on the terminal: -X, or one of the
// names that Apache's MPMs look for.
func (a *arguments) foreground() bool {
	return a.debug || a.defined("FOREGROUND") || a.defined("NO_DETACH") || a.defined("ONE_PROCESS")
}

func (a *arguments) defined(name string) bool {
	for _, d := range a.defines {
		if d == name {
			return true
		}
	}
	return false
}

// configFile is -f, relative to -d as in Apache.
func (a *arguments) configFile() string {
	if filepath.IsAbs(a.config) {
		return a.config
	}
	return filepath.Join(a.root, a.config)
}

// usage is the page of options, on standard error as Apache prints it.
func usage(w io.Writer, program string) {
	pad := strings.Repeat(" ", len(program))
	fmt.Fprintf(w, "Usage: %s [-D name] [-d directory] [-f file]\n", program)
	for _, line := range []string{
		`[-C "directive"] [-c "directive"]`,
		"[-k start|restart|graceful|graceful-stop|stop|status|fullstatus]",
		"[-v] [-V] [-h] [-l] [-L] [-t] [-T] [-S] [-X]",
	} {
		fmt.Fprintf(w, "       %s %s\n", pad, line)
	}
	io.WriteString(w, optionsPage) //nolint:errcheck // nobody else to tell
}

const optionsPage = `Options:
  -D name            : define a name for use in <IfDefine name> directives
  -d directory       : specify an alternate initial ServerRoot
  -f file            : specify an alternate ServerConfigFile
  -C "directive"     : process directive before reading config files
  -c "directive"     : process directive after reading config files
  -e level           : show startup errors of level (see LogLevel)
  -E file            : log startup errors to file
  -v                 : show version number
  -V                 : show compile settings
  -h                 : list available command line options (this page)
  -l                 : list compiled in modules
  -L                 : list available configuration directives
  -t -D DUMP_VHOSTS  : show parsed vhost settings
  -t -D DUMP_RUN_CFG : show parsed run settings
  -S                 : a synonym for -t -D DUMP_VHOSTS -D DUMP_RUN_CFG
  -t -D DUMP_MODULES : show all loaded modules ` + `
  -M                 : a synonym for -t -D DUMP_MODULES
  -t -D DUMP_INCLUDES: show all included configuration files
  -t                 : run syntax check for config files
  -T                 : start without DocumentRoot(s) check
  -X                 : debug mode (only one worker, do not detach)
`
