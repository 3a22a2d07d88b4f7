package main

import (
	"errors"

	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/mpm"
)

func newEngine(*server.Generation, []mpm.Socket) (mpm.Engine, error) {
	return nil, errors.New("no wire engine")
}
