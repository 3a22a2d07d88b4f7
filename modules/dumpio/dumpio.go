// Package dumpio writes all that goes over connections to the error log
// (mod_dumpio), at LogLevel dumpio:trace7.
package dumpio

import (
	"slices"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is dumpio_module.
var Module = server.Module{
	Name: "dumpio_module",
	Directives: directives.Table{
		{Name: "DumpIOInput", In: directives.InServer, Usage: "Enable I/O Dump on Input Data",
			Set: host.Flag(func(c *config, on bool) { c.in = on })},
		{Name: "DumpIOOutput", In: directives.InServer, Usage: "Enable I/O Dump on Output Data",
			Set: host.Flag(func(c *config, on bool) { c.out = on })},
	},
	Connected: connected,
}

var elog = server.NewLog("dumpio")

// host is not merged; the server that the address chooses is asked, before any
// Host is known.
var host = directives.NewServerSlot(func(_, add config) config { return add })

type config struct{ in, out bool }

func connected(c *server.Conn) {
	conf := host.Of(c.Server)
	if !conf.in && !conf.out || !elog.Enabled(server.LevelTrace7, c) {
		return
	}
	c.Tap = &server.Tap{}
	if conf.in {
		c.Tap.In = dumpIn
	}
	if conf.out {
		c.Tap.Out = dumpOut
	}
}

// maxText is how much of the data a line shows: in the worst case each byte
// becomes four (MAX_STRING_LEN).
const maxText = 8192/4 - 80

func dumpIn(c *server.Conn, line bool, asked int, p []byte) {
	mode := "readbytes"
	if line {
		mode = "getline"
	}
	elog.Trace(7, c).Msgf("mod_dumpio: dumpio_in [%s-blocking] %d readbytes", mode, asked)
	if len(p) > 0 {
		elog.Trace(7, c).Msgf("mod_dumpio:  dumpio_in (data-HEAP): %d bytes", len(p))
		text(c, "dumpio_in (data-HEAP)", p)
	}
}

func dumpOut(c *server.Conn, b *server.Brigade) {
	elog.Trace(7, c).Msg("mod_dumpio: dumpio_out")
	for _, k := range b.Buckets {
		kind := k.Kind()
		elog.Trace(7, c).Msgf("mod_dumpio:  dumpio_out (data-%s): %d bytes", kind, k.Size())
		if kind == "FILE" {
			kind = "MMAP" // as Apache reads it
		}
		err := k.Pieces(func(p []byte) error {
			text(c, "dumpio_out (data-"+kind+")", p)
			return nil
		})
		if err != nil {
			elog.Trace(7, c).Err(err).Msgf("mod_dumpio:  dumpio_out (data-%s): error reading data", kind)
		}
	}
	if b.Flush {
		elog.Trace(7, c).Msg("mod_dumpio:  dumpio_out (metadata-FLUSH): 0 bytes")
	}
	if b.EOS {
		elog.Trace(7, c).Msg("mod_dumpio:  dumpio_out (metadata-EOS): 0 bytes")
	}
}

func text(c *server.Conn, what string, p []byte) {
	for part := range slices.Chunk(p, maxText) {
		elog.Trace(7, c).Msgf("mod_dumpio:  %s: %s", what, part)
	}
}
