// Package log_forensic writes a line before a request is worked on and another
// behind it, so that requests which ended a process can be found
// (mod_log_forensic).
package log_forensic

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is log_forensic_module.
var Module = server.Module{
	Name: "log_forensic_module",
	Directives: directives.Table{
		{Name: "ForensicLog", In: directives.InServer, Reads: directives.BeforeJail, Usage: "the filename of the forensic log",
			Set: host.Take1(func(c *config, cmd *directives.Cmd, name string) error {
				c.spec = cmd.ServerRootRelative(name)
				if program, ok := strings.CutPrefix(name, "|"); ok {
					c.spec = "|" + cmd.ServerRootRelative(program)
				}
				return nil
			})},
	},
	Hooks: []server.Hook{
		server.OpenLogs.Middle(open),
		server.PostReadRequest.ReallyFirst(before).After("unique_id_module").Plain(),
		server.LogTransaction.ReallyLast(after).Plain(),
	},
}

var host = directives.NewServerSlot(func(base, add config) config {
	if add.spec == "" {
		add.spec = base.spec
	}
	return add
})

type config struct {
	spec string
	w    io.Writer // set when the logs are opened
}

func open(g *server.Generation) error {
	for _, v := range g.Servers() {
		c := host.Of(v)
		if c.spec == "" {
			continue
		}
		w, err := g.Logs.OpenLog(c.spec)
		if err != nil {
			return fmt.Errorf("AH00651: could not open forensic log file %s.: %w", c.spec, err)
		}
		host.EditServer(v).w = w
	}
	return nil
}

// ids is what tells the requests of one second and process apart.
var ids atomic.Uint32

// requestID is what a request is called in the log.
var requestID server.RequestSlot[string]

func before(r *server.Request) server.Status {
	c := host.Of(r.Server)
	if c.w == nil || r.Prev != nil {
		return server.Declined
	}
	r.Unrepeatable() // each request has its lines
	id := r.Env.Get("UNIQUE_ID")
	if id == "" {
		id = fmt.Sprintf("%d:%x:%x", os.Getpid(), time.Now().Unix(), ids.Add(1)-1)
	}
	requestID.Set(r, &id)
	line := append([]byte("+"), id...)
	line = appendEscaped(append(line, '|'), r.TheRequest)
	for _, name := range r.FieldOrder {
		value, _ := r.FieldIn(name)
		line = appendEscaped(append(line, '|'), name)
		line = appendEscaped(append(line, ':'), value)
	}
	c.w.Write(append(line, '\n'))
	r.Notes.Set("forensic-id", id)
	return server.OK
}

func after(r *server.Request) server.Status {
	c := host.Of(r.Server)
	if id := requestID.Of(r); id != nil && c.w != nil {
		c.w.Write([]byte("-" + *id + "\n"))
	}
	return server.OK
}

// appendEscaped writes what separates fields, and what is not printable, as %xx.
func appendEscaped(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ' || c >= 0x7f || c == ':' || c == '|' || c == '%':
			b = append(b, '%', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return b
}
