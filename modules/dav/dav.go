// Package dav lets clients change files and ask for their properties (mod_dav,
// WebDAV: RFC 4918). Locks and properties of the client's own are not kept:
// LOCK, UNLOCK and PROPPATCH are not offered.
package dav

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is dav_module.
var Module = server.Module{
	Name: "dav_module",
	Directives: directives.Table{
		{Name: "DAV", In: directives.InDir, Usage: "specify the DAV provider for a directory or location",
			Set: slot.Take1((*config).setProvider)},
		{Name: "DAVBasePath", In: directives.InDir, Usage: "specify the DAV repository base URL",
			NoOp: "it is for repositories that are not files",
			Set:  slot.Take1(func(*config, *directives.Cmd, string) error { return nil })},
		{Name: "DAVMinTimeout", In: directives.InServer | directives.InDir, Usage: "specify minimum allowed timeout",
			NoOp: "locks are not kept", Set: slot.Take1(minTimeout)},
		{Name: "DAVDepthInfinity", In: directives.InServer | directives.InDir,
			Usage: "allow Depth infinity PROPFIND requests",
			Set:   slot.Flag(func(c *config, on bool) { c.infinity = directives.Given(on) })},
		{Name: "DAVLockDiscovery", In: directives.InServer | directives.InDir,
			Usage: "allow lock discovery by PROPFIND requests", NoOp: "locks are not kept",
			Set: slot.Flag(func(*config, bool) {})},
	},
	Hooks: []server.Hook{
		server.Fixups.Middle(fixup).When(slot.If((*config).enabled)).Plain(),
		server.Handler.Named(handlerName, handle),
	},
}

const handlerName = "dav-handler"

var (
	elog = server.NewLog("dav")
	slot = directives.NewDirSlot(merge)
)

type config struct {
	provider string // "off" hides an outer one; "" says nothing
	infinity directives.Opt[bool]
}

func merge(base, add config) config {
	if add.provider == "" {
		add.provider = base.provider
	}
	add.infinity = add.infinity.Or(base.infinity)
	return add
}

func (c *config) enabled() bool { return c.provider != "" && c.provider != "off" }

func (c *config) setProvider(cmd *directives.Cmd, name string) error {
	switch {
	case strings.EqualFold(name, "on"):
		name = "filesystem"
	case strings.EqualFold(name, "off"):
		c.provider = "off"
		return nil
	}
	for _, m := range server.ActiveModules(cmd) {
		if m.DavProvider == name {
			c.provider = name
			return nil
		}
	}
	return fmt.Errorf("Unknown DAV provider: %s", name)
}

func minTimeout(_ *config, _ *directives.Cmd, seconds string) error {
	if n, err := strconv.Atoi(seconds); err == nil && n < 0 {
		return errors.New("DAVMinTimeout requires a non-negative integer.")
	}
	return nil
}

// fixup leaves GET and POST to who has them else: the repository is files.
func fixup(r *server.Request) server.Status {
	switch r.Method {
	case "GET", "HEAD", "POST":
		return server.Declined
	}
	if r.Simple && r.Main == nil {
		return server.Declined
	}
	r.Handler = handlerName
	return server.OK
}

func handle(r *server.Request) server.Status {
	switch r.Method {
	case "OPTIONS":
		return options(r)
	case "PUT":
		return put(r)
	case "DELETE":
		return remove(r)
	case "MKCOL":
		return mkcol(r)
	case "COPY", "MOVE":
		return copyMove(r)
	case "PROPFIND":
		return propfind(r)
	}
	return server.Declined
}

// options says what the resource can do, as far as it is done here.
func options(r *server.Request) server.Status {
	f, s := lookup(r)
	if s != server.OK {
		return s
	}
	if s := r.DiscardBody(); s != server.OK {
		return s
	}
	r.Out.Add("DAV", "1")
	r.Out.Add("DAV", "<http://apache.org/dav/propset/fs/1>")
	r.Out.Set("MS-Author-Via", "DAV")
	allow := "OPTIONS,MKCOL,PUT"
	switch f.info.Type {
	case server.NoFile:
	case server.Directory:
		allow = "OPTIONS,GET,HEAD,POST,DELETE,TRACE,PROPFIND,COPY,MOVE"
	default:
		allow = "OPTIONS,GET,HEAD,POST,DELETE,TRACE,PROPFIND,COPY,MOVE,PUT"
	}
	r.Out.Set("Allow", allow)
	r.SetContentLength(0)
	return server.OK
}

// answer is a page with Apache's frame for WebDAV.
func answer(r *server.Request, status int, text string) server.Status {
	r.Unrepeatable()
	r.Status, r.StatusLine = status, ""
	r.ContentType = "text/html; charset=ISO-8859-1"
	line := server.StatusText(status)
	r.WriteString("<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01//EN\" \"http://www.w3.org/TR/html4/strict.dtd\">\n<html>\n<head>\n<title>" + line +
		"</title>\n</head><body>\n<h1>" + line[4:] + "</h1>\n<p>" + text + "</p>\n" + r.Signature("<hr />\n") + "</body></html>\n")
	return server.OK
}

// created is 201 with the place of what is new, or 204 when it replaced something.
func created(r *server.Request, uri, what string, replaced bool) server.Status {
	if replaced {
		return empty(r)
	}
	r.Out.Set("Location", r.ConstructURL(uri))
	return answer(r, 201, what+" "+server.EscapeHTML(uri)+" has been created.")
}

func empty(r *server.Request) server.Status {
	r.Unrepeatable()
	r.Status, r.StatusLine = 204, ""
	return server.OK
}

// fail logs why a method fails, behind it the cause.
func fail(r *server.Request, status server.Status, text string, cause error) server.Status {
	r.Notes.Set("verbose-error-to", "*")
	e := elog.Error(r)
	if cause != nil {
		e = e.Err(cause)
	}
	e.Msgf("%s  [%d, #0]", text, status)
	return status
}
