// Package mpm is the life of the server's processes. A file is a role:
//
//	parent.go    reads the configuration, keeps the children, follows signals
//	restart.go   brings a new generation up before the old one is told to finish
//	child.go     compiles the text it was handed, enters the jail, serves
//	tend.go      keeps a serving child in order, and lets it retire
//	upgrade.go   hands everything to a new program under the same process id
//	console.go   answers -k restart, graceful and status
//	board.go     says who has which slot of the scoreboard
//	spawn.go     starts a child with nothing but the descriptors it needs
//	detach.go    leaves the terminal, and answers there only when all is well
//	outside.go   tells children what has changed outside
//	broker.go    connects children to sockets outside of the jail that the configuration names
//	listen.go    binds the sockets
//	logs.go      opens what is logged to; pipedlog.go keeps the programs behind "|"
//	snapshot.go  the text of a generation, as a child is given it
//	control.go   the one channel between a parent and a child
//	pidfile.go, signal.go   how other programs find and steer the parent
//
// The parent never touches a byte that came from the network. A child is the
// same program executed anew: it inherits a control socket, a sealed memory file
// with the text of its generation, the listening sockets and the open logs, and
// nothing else. It therefore serves what its siblings serve, whatever was edited
// since, and it ends when its parent does, because the control socket closes.
package mpm

import (
	"io"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

var elog, corelog = server.NewLog("mpm_event"), server.NewLog("core")

// Program is what parent and children have in common before a configuration is
// read: the program itself and its command line.
type Program struct {
	Name    string // as messages call it: "httpd"
	Builtin []*server.Module
	Engine  NewEngine

	Config     string   // -f: the main file
	Root       string   // -d
	Defines    []string // -D
	Before     []string // -C
	NoRoots    bool     // -T: whether document roots exist is not looked at
	After      []string // -c
	PidFile    string   // what PidFile is when the text does not say
	ErrorLog   string   // likewise ErrorLog; relative to ServerRoot
	Line       string   // the command line, for the log
	Foreground bool     // stay in the session and on the terminal
	Debug      bool     // -X: one child
}

// Socket is a listening socket that a child inherited.
type Socket struct {
	FD       int    // non-blocking
	Address  string // "192.0.2.1:80", "[::]:80"
	Protocol string // "http", "https"
}

// Engine accepts connections and answers them until it is told to finish.
type Engine interface {
	// Serve runs until Drain or Close has ended everything. An error other
	// than nil means that the child cannot go on.
	Serve() error
	// Drain stops accepting, lets running responses end and waiting connections
	// have one more, which says Connection: close, and cuts what is left by the
	// deadline (zero: waits for ever).
	Drain(deadline time.Time)
	// Deafen stops accepting: when it returns, no connection will be taken any more.
	Deafen()
	// Stop does the same but closes connections that wait for a request at once.
	Stop(deadline time.Time)
	// Close cuts everything.
	Close()
}

// NewEngine makes the engine of a child, in its jail.
type NewEngine func(g *server.Generation, sockets []Socket) (Engine, error)

// Exit statuses.
const (
	exitOK     = 0
	exitFailed = 1
)

// say writes a line for whoever started the program.
func say(w io.Writer, line string) { io.WriteString(w, line+"\n") } //nolint:errcheck // nobody else to tell
