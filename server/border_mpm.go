package server

import (
	"fmt"
	"io"
)

// DumpVhosts prints -D DUMP_VHOSTS.
func DumpVhosts(w io.Writer, g *Generation) { fmt.Fprintln(w, "VirtualHost configuration:") }
