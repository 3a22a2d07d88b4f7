// Package core declares the directives of Apache's core.c and its part in the
// phases: the document root, the walks over directories and files, ForceType
// and SetHandler, and the default handler. What the directives fill is in
// package server, because every phase needs it.
package core

import (
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/pattern"
	"github.com/donjon-httpd/donjon/server/program"
)

// Module is core_module.
var Module = server.Module{
	Name:       "core_module",
	Source:     "core.c",
	Static:     true,
	Directives: rows(),
	Defaults:   func(*directives.Server) { pattern.SetDefaultFlags(pattern.Default) },
	Hooks: []server.Hook{
		server.TranslateName.ReallyLast(server.TranslateToFile).Plain(),
		server.MapToStorage.ReallyLast(server.MapToFile).Plain(),
		server.TypeChecker.ReallyLast(func(*server.Request) server.Status { return server.OK }).Plain(),
		server.Fixups.ReallyFirst(overrideType).Plain(),
		server.Fixups.ReallyLast(func(*server.Request) server.Status { return server.OK }).Plain(),
		server.CheckUserID.ReallyLast(func(*server.Request) server.Status { return server.Declined }).Plain(),
		server.InsertFilter.Middle(insertFilters).Plain().When(server.CoreDir.If(func(c *server.DirConfig) bool {
			return len(c.OutputFilters.Else(nil))+len(c.InputFilters.Else(nil)) > 0
		})),
		server.ChildExit.Last(func(*server.Generation) error {
			program.EndAll()
			return nil
		}),
		server.Handler.ReallyFirst(server.UpgradeProtocol).Plain().HarmlessUnless(server.AsksForUpgrade).When(server.CoreDir.If(func(c *server.DirConfig) bool {
			return c.Protocols
		})),
		server.Handler.ReallyLast(server.DefaultHandler).Plain().Harmless(),
	},
}

// overrideType is ForceType and SetHandler, which come after all modules that
// guess (core_override_type); AcceptPathInfo too.
func overrideType(r *server.Request) server.Status {
	d := server.CoreDir.Of(r.Dir)
	if t, ok := d.ForceType.Get(); ok && t != "none" {
		r.ContentType = t
		r.BecauseOf("ForceType")
	}
	if h, ok := d.SetHandler.Get(); ok && !strings.EqualFold(h, "none") {
		r.Handler = h
	} else if d.SetHandlerExpr != nil {
		h, err := d.SetHandlerExpr.Eval(r)
		if err != nil {
			elog.Error(r).Msgf("AH03154: Can't evaluate handler expression: %s", err)
			return 500
		}
		if h != "" && !strings.EqualFold(h, "none") {
			r.Handler = h
		}
	}
	r.BecauseOf("SetHandler")
	if a, ok := d.AcceptPathInfo.Get(); ok && a != server.PathInfoDefault {
		r.UsedPathInfo = a
	}
	return server.OK
}

// insertFilters adds what SetOutputFilter and SetInputFilter name.
func insertFilters(r *server.Request) {
	d := server.CoreDir.Of(r.Dir)
	for _, n := range d.OutputFilters.Else(nil) {
		r.AddOutputFilterNamed(n)
	}
	for _, n := range d.InputFilters.Else(nil) {
		r.AddInputFilterNamed(n)
	}
}

var elog = server.NewLog("core")
