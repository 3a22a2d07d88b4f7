// Package http_core declares the directives of http_core.c: persistent
// connections. It also answers TRACE and OPTIONS *, which never look at a file.
package http_core

import (
	"errors"
	"strconv"
	"time"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is http_module.
var Module = server.Module{
	Name:   "http_module",
	Source: "http_core.c",
	Static: true,
	Directives: directives.Table{
		{Name: "KeepAliveTimeout", In: directives.InServer, Forbid: directives.NotInDirContext, Usage: "Keep-Alive timeout duration (sec)",
			Set: server.CoreServer.Take1(setTimeout)},
		{Name: "MaxKeepAliveRequests", In: directives.InServer, Forbid: directives.NotInDirContext,
			Usage: "Maximum number of Keep-Alive requests per connection, or 0 for infinite", Set: server.CoreServer.Take1(setMax)},
		{Name: "KeepAlive", In: directives.InServer, Forbid: directives.NotInDirContext,
			Usage: "Whether persistent connections should be On or Off",
			Set:   server.CoreServer.Flag(func(c *server.ServerConfig, on bool) { c.KeepAlive = directives.Given(on) })},
	},
	Hooks: []server.Hook{
		server.MapToStorage.Middle(noFile).Plain(),
		server.Handler.Middle(options).Plain().Harmless(),
	},
}

func setTimeout(c *server.ServerConfig, _ *directives.Cmd, a string) error {
	d, err := server.ParseTimeout(a, time.Second)
	if err != nil {
		return errors.New("KeepAliveTimeout has wrong format")
	}
	c.KeepAliveTimeout = directives.Given(max(d, 0))
	return nil
}

func setMax(c *server.ServerConfig, _ *directives.Cmd, a string) error {
	n, _ := strconv.Atoi(a)
	c.MaxKeepAliveRequests = directives.Given(n)
	return nil
}

// noFile spares TRACE and OPTIONS * the way to a file.
func noFile(r *server.Request) server.Status {
	if r.Method == "TRACE" {
		return r.SendTrace()
	}
	if r.Method == "OPTIONS" && r.UnparsedURI == "*" {
		return server.OK
	}
	return server.Declined
}

func options(r *server.Request) server.Status {
	if r.Method == "OPTIONS" && r.UnparsedURI == "*" {
		r.SetContentLength(0)
		r.End()
		return server.OK
	}
	return server.Declined
}
