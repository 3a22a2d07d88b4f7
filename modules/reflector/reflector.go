// Package reflector answers with the request's own body, through the output
// filters (mod_reflector).
package reflector

import (
	"io"
	"strconv"
	"time"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is reflector_module.
var Module = server.Module{
	Name: "reflector_module",
	Directives: directives.Table{
		{Name: "ReflectorHeader", In: directives.Options, Usage: "Header to reflect back in the response, with an optional new name.",
			Set: slot.Take12((*config).addHeader)},
	},
	Hooks: []server.Hook{server.Handler.Named("reflector", reflect)},
}

var elog = server.NewLog("reflector")

var slot = directives.NewDirSlot(func(base, add config) config {
	return config{headers: directives.Append(add.headers, base.headers)}
})

type config struct {
	headers []header // those of inner sections first
}

// header is a field of the request and its name in the response.
type header struct{ in, out string }

func (c *config) addHeader(_ *directives.Cmd, in, out string) error {
	if out == "" {
		out = in
	}
	c.headers = append(c.headers, header{in, out})
	return nil
}

func reflect(r *server.Request) server.Status {
	r.Allow(true, "POST", "OPTIONS")
	switch r.Method {
	case "OPTIONS":
		return r.SendOptions()
	case "POST":
	default:
		return 405
	}
	if r.Main != nil || r.Conn.Close {
		return server.OK
	}
	for _, h := range slot.Of(r.Dir).headers {
		if v, ok := r.FieldIn(h.in); ok {
			r.Out.Set(h.out, v)
		}
	}
	if !r.Out.Has("Last-Modified") {
		r.Mtime = time.Now()
		r.SetLastModified()
	}
	r.SetAcceptRanges()
	if v, ok := r.FieldIn("Content-Length"); ok {
		n, err := strconv.ParseUint(v, 10, 63)
		if err != nil {
			elog.Error(r).Msgf("AH10243: reflector_handler: invalid content-length '%s'", v)
			return 400
		}
		r.SetContentLength(int64(n))
	}
	if t, ok := r.FieldIn("Content-Type"); ok {
		r.ContentType = t
	}
	return copyBody(r)
}

func copyBody(r *server.Request) server.Status {
	buf := make([]byte, 8192)
	for {
		n, err := r.Body.Read(buf)
		if n > 0 {
			if err := r.WriteThrough(buf[:n]); err != nil {
				elog.Debug(r).Err(err).Msg("AH01410: reflector_handler: ap_pass_brigade returned 20014")
				return server.FilterError
			}
		}
		switch {
		case err == io.EOF:
			return server.OK
		case err != nil:
			return r.BodyFailed(err)
		}
	}
}
