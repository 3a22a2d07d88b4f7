package main

import (
	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/h1"
	"github.com/donjon-httpd/donjon/server/mpm"
)

// newEngine makes the wire engine of a child.
func newEngine(g *server.Generation, sockets []mpm.Socket) (mpm.Engine, error) {
	fds := make([]int, len(sockets))
	for i, s := range sockets {
		fds[i] = s.FD
	}
	return h1.New(g, fds)
}
