// Package logio adds the bytes on the wire to LogFormat (mod_logio): %I and %O
// count heads, bodies and framing of one request and its response, %S is their
// sum, and %^FB the microseconds to the first byte of the response.
package logio

import (
	"strconv"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

var Module = server.Module{
	Name:   "logio_module",
	Static: true,
	Directives: directives.Table{
		{Name: "LogIOTrackTTFB", In: directives.All | directives.InDir | directives.InServer,
			Usage: "Set to 'ON' to enable tracking time to first byte",
			Set:   slot.Flag(func(c *config, on bool) { c.track = directives.Given(on) })},
	},
	LogItems: []server.LogItem{
		{Name: "I", Append: func(b []byte, r *server.Request, _ string) ([]byte, bool) {
			return strconv.AppendInt(b, r.Top().BytesIn, 10), true
		}},
		{Name: "O", Append: func(b []byte, r *server.Request, _ string) ([]byte, bool) {
			return strconv.AppendInt(b, r.Top().BytesOut, 10), true
		}},
		{Name: "S", Append: func(b []byte, r *server.Request, _ string) ([]byte, bool) {
			return strconv.AppendInt(b, r.Top().BytesIn+r.Top().BytesOut, 10), true
		}},
		{Name: "^FB", Append: firstByte},
	},
}

var slot = directives.NewDirSlot(func(base, add config) config { return config{track: add.track.Or(base.track)} })

type config struct {
	track directives.Opt[bool]
}

func firstByte(b []byte, r *server.Request, _ string) ([]byte, bool) {
	top := r.Top()
	if !slot.Of(r.Dir).track.Else(false) || top.FirstByte.IsZero() {
		return b, false
	}
	return strconv.AppendInt(b, top.FirstByte.Sub(top.Received).Microseconds(), 10), true
}
