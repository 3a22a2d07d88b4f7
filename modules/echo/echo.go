// Package echo sends back what clients send, line by line, on connections that are
// for a server with ProtocolEcho (mod_echo).
package echo

import (
	"bufio"
	"errors"
	"io"
	"net"
	"time"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is echo_module.
var Module = server.Module{
	Name: "echo_module",
	Directives: directives.Table{
		{Name: "ProtocolEcho", In: directives.InServer, Usage: "Run an echo server on this host",
			Set: slot.Flag(func(c *config, on bool) { c.on = directives.Given(on) })},
	},
	Speaker: speaker,
}

var (
	slot = directives.NewServerSlot(func(base, add config) config { return config{add.on.Or(base.on)} })
	elog = server.NewLog("echo")
)

type config struct{ on directives.Opt[bool] }

func speaker(c *server.Conn) server.Speaker {
	if !slot.Of(c.Server).on.Else(false) {
		return nil
	}
	return func(client server.ClientStream) { serve(c, client) }
}

// lineSize is how much of a line is sent back at one time (HUGE_STRING_LEN).
const lineSize = 8192

// serve sends lines back until the client ends, or nothing comes in time: Timeout
// for the first line, KeepAliveTimeout for others (process_echo_connection).
func serve(c *server.Conn, client server.ClientStream) {
	conf := server.CoreServer.Of(c.Server)
	wait := conf.Timeout.Else(server.DefaultTimeout)
	in := bufio.NewReaderSize(client, lineSize)
	for {
		client.SetDeadline(time.Now().Add(wait)) //nolint:errcheck // the read tells
		line, err := in.ReadSlice('\n')
		var late net.Error
		if errors.As(err, &late) && late.Timeout() {
			return // a line that has not ended is not sent back
		}
		if len(line) > 0 {
			if _, err := client.Write(line); err != nil {
				elog.Info(scope(c)).Err(server.ErrnoOf(err)).Msgf("AH01613: ProtocolEcho: Failure writing to %s", c.ClientIP)
				return
			}
		}
		switch {
		case err == nil || err == bufio.ErrBufferFull:
		case err == io.EOF && len(line) > 0:
			return
		case err == io.EOF: // as Apache words it
			elog.Info(scope(c)).Msgf("AH01612: ProtocolEcho: Error - read empty brigade from %s!", c.ClientIP)
			return
		default:
			elog.Info(scope(c)).Err(server.ErrnoOf(err)).Msgf("AH01611: ProtocolEcho: Failure reading from %s", c.ClientIP)
			return
		}
		wait = conf.KeepAliveTimeout.Else(server.DefaultKeepAliveTimeout)
	}
}

func scope(c *server.Conn) server.Subject { return server.ServerSubject(c.Gen, c.Server) }
