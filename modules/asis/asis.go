// Package asis sends files that bring their own header fields (mod_asis).
package asis

import (
	"bufio"
	"os"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// Module is asis_module.
var Module = server.Module{
	Name: "asis_module",
	Hooks: []server.Hook{
		server.Handler.Named("send-as-is", handle).Harmless(),
		server.Handler.Named("httpd/send-as-is", handle).Harmless(),
	},
}

var elog = server.NewLog("asis")

// handle is asis_handler of mod_asis.c. It looks at no condition and at no
// fault of the fields: what could not be read of them is not there.
func handle(r *server.Request) server.Status {
	if r.Method != "GET" && r.Method != "HEAD" {
		return server.Declined
	}
	if r.Finfo.Type == server.NoFile {
		elog.Info(r).Msgf("AH01233: File does not exist: %s", r.Filename)
		return 404
	}
	f, err := os.Open(r.Filename)
	if err != nil {
		elog.Error(r).Err(err).Msgf("AH01234: file permissions deny server access: %s", r.Filename)
		return 403
	}
	defer f.Close()
	_, head := r.ScanScriptHeader(elog, bufio.NewReader(f), true)
	if l := r.Out.Get("Location"); strings.HasPrefix(l, "/") && (r.Status == 200 || server.Status(r.Status).IsRedirect()) {
		r.Status = 200
		r.Method = "GET"
		r.InternalRedirectHandler(l)
		return server.OK
	}
	if r.HeaderOnly {
		return server.OK
	}
	if size := r.Finfo.Size - head; size > 0 {
		if err := r.EndWithFile(f, head, size); err != nil && !r.Conn.Aborted {
			elog.Debug(r).Err(err).Msgf("AH01236: mod_asis: ap_pass_brigade failed for file %s", r.Filename)
		}
	}
	return server.OK
}
