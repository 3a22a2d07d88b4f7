// Package cgi runs CGI scripts (RFC 3875). The modules cgi and cgid are both
// this: Apache has two because its threaded children must not fork, which ours
// may. A script is started by the serving process itself, inside its jail.
package cgi

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Flavor is what differs between the two modules: names, and the numbers of
// their messages.
type Flavor struct {
	Name             string // "cgi"
	TimeoutDirective string // "CGIScriptTimeout"
	Socket           bool   // it has ScriptSock
	OnRequest        bool   // as in server.Module
	NoExecCGI        string // "AH02809"
	IncludedNPH      string
	NotFound         string
	IsDirectory      string
	NoPathInfo       string
	BodyUnreadable   string
	NotSpawned       string
	ExecFailed       string // "" says it as the script's standard error

	log  *server.Log
	slot *directives.DirSlot[dirConfig]
	logs *directives.ServerSlot[logConfig]
}

// Module makes the module.
func (f *Flavor) Module() server.Module {
	f.log = server.NewLog(f.Name)
	f.slot = directives.NewDirSlot(func(base, add dirConfig) dirConfig {
		if add.timeout == 0 {
			add.timeout = base.timeout
		}
		return add
	})
	f.logs = directives.NewServerSlot(func(base, add logConfig) logConfig {
		if add.name == "" {
			return base // with its sizes: those of add are forgotten (observed on 2.4.71)
		}
		return add
	})
	rows := directives.Table{
		{Name: "ScriptLog", In: directives.InServer, Reads: directives.InJail, Usage: "the name of a log for script debugging info",
			Details: "The file is opened by the serving process, as its user, when a script has failed; so it lies inside the jail.",
			Set: f.logs.Take1(func(c *logConfig, cmd *directives.Cmd, a string) error {
				c.name = cmd.InJail(cmd.ServerRootRelative(a))
				return nil
			})},
		{Name: "ScriptLogLength", In: directives.InServer, Usage: "the maximum length (in bytes) of the script debug log",
			Set: f.logs.Take1(func(c *logConfig, _ *directives.Cmd, a string) error {
				c.length = directives.Given(atol(a))
				return nil
			})},
		{Name: "ScriptLogBuffer", In: directives.InServer, Usage: "the maximum size (in bytes) to record of a POST request",
			Set: f.logs.Take1(func(c *logConfig, _ *directives.Cmd, a string) error {
				c.buffer = directives.Given(atol(a))
				return nil
			})},
		{Name: f.TimeoutDirective, In: directives.InServer | directives.InDir,
			Usage: "The amount of time to wait between successful reads from the CGI script, in seconds.",
			Set:   f.slot.Take1(f.setTimeout)},
	}
	if f.Socket {
		rows = append(rows, directives.Directive{Name: "ScriptSock", In: directives.InServer, Forbid: directives.GlobalOnly,
			NoOp:  "the serving processes start scripts themselves: there is no daemon to talk to",
			Usage: "the name of the socket to use for communication with the cgi daemon.",
			Set:   f.logs.Take1(func(*logConfig, *directives.Cmd, string) error { return nil })})
	}
	return server.Module{
		Name:        f.Name + "_module",
		OnRequest:   f.OnRequest,
		Directives:  rows,
		SSIElements: []server.SSIElement{{Name: "exec", Run: f.execElement}},
		Hooks: []server.Hook{
			server.Handler.Named("cgi-script", f.handle),
			server.Handler.Named("application/x-httpd-cgi", f.handle),
		},
	}
}

type dirConfig struct {
	timeout time.Duration // 0: Timeout holds
}

// logConfig is ScriptLog and its sizes in bytes.
type logConfig struct {
	name   string
	length directives.Opt[int64]
	buffer directives.Opt[int64]
}

const (
	defaultLogLength = 10385760
	defaultLogBuffer = 1024
)

func (f *Flavor) setTimeout(c *dirConfig, _ *directives.Cmd, a string) error {
	d, err := server.ParseTimeout(a, time.Second)
	if err != nil {
		return errors.New(f.TimeoutDirective + " has wrong format")
	}
	c.timeout = d
	return nil
}

// atol is the number that s begins with, as C reads it.
func atol(s string) int64 {
	s = strings.TrimLeft(s, " \t")
	end := len(s) - len(strings.TrimLeft(strings.TrimLeft(s, "+-"), "0123456789"))
	n, _ := strconv.ParseInt(s[:end], 10, 64)
	return n
}
