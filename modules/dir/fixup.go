package dir

import (
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

const (
	// directoryHandler is the handler's name for directories (DIR_MAGIC_TYPE).
	directoryHandler = "httpd/unix-directory"
	// rewriteHandler is mod_rewrite's, for redirects it made in its own fixup.
	rewriteHandler = "redirect-handler"

	defaultIndex = "index.html"
)

// indexNote names the files that were looked for, for a listing.
const indexNote = "dir-index-names"

func fixup(r *server.Request) server.Status {
	switch {
	case r.Finfo.Type == server.Directory:
		return directory(r)
	case r.Finfo.Type == server.NoFile && r.Handler == "":
		return fallback(r)
	}
	return server.Declined
}

// directory is fixup_dir of mod_dir.c.
func directory(r *server.Request) server.Status {
	if r.Handler == "" {
		r.Handler = directoryHandler
	}
	if r.PathInfo != "" {
		return server.Declined
	}
	c := slot.Of(r.Dir)
	if !strings.HasSuffix(r.URI, "/") {
		return addSlash(r, c)
	}
	if r.Handler == rewriteHandler || c.checkHandler.Else(false) && r.Handler != directoryHandler {
		if r.ContentType == directoryHandler {
			r.ContentType = ""
		}
		return server.Declined
	}
	names, ok := c.index.Get()
	if !ok {
		names = []string{defaultIndex}
	}
	failed := server.OK
	for i, name := range names {
		sub := r.SubRequestURI(withArgs(r, name))
		switch s := server.Status(sub.Status); {
		case serves(sub):
			if status := c.redirect.Else(0); status != 0 {
				r.Out.Set("Location", r.ConstructURL(sub.URI))
				return server.Status(status)
			}
			r.InternalFastRedirect(sub)
			return server.OK
		case s.IsRedirect(), i == len(names)-1 && (s == 406 || s == 401):
			adopt(r, sub)
			return s
		case s != 0 && s != 404 && s != 200:
			// A file that must not be read is no reason to list the directory.
			failed = s
		}
	}
	if failed != server.OK {
		return failed
	}
	r.Notes.Set(indexNote, strings.Join(names, ","))
	return server.Declined
}

// addSlash redirects to the directory's own URL.
func addSlash(r *server.Request, c *config) server.Status {
	if !c.slash.Else(true) {
		return server.Declined
	}
	get := r.Method == "GET" || r.Method == "HEAD"
	if !get && r.Env.Has("redirect-carefully") {
		return server.Declined
	}
	r.Out.Set("Location", r.ConstructURL(withArgs(r, server.EscapePath(r.URI)+"/")))
	return 301
}

// fallback is fixup_dflt of mod_dir.c.
func fallback(r *server.Request) server.Status {
	uri := slot.Of(r.Dir).fallback.Else("")
	if uri == "" || strings.EqualFold(uri, "disabled") {
		return server.Declined
	}
	sub := r.SubRequestURI(withArgs(r, uri))
	switch s := server.Status(sub.Status); {
	case serves(sub):
		r.InternalFastRedirect(sub)
		return server.OK
	case s.IsRedirect():
		adopt(r, sub)
		return s
	case s != 0 && s != 404 && s != 200:
		return s
	}
	return server.Declined
}

// serves tells whether a look-up found a file. The core answers 200 for a path
// that does not exist too.
func serves(sub *server.Request) bool {
	return sub.Status == 200 && (sub.Handler == "proxy-server" || sub.Finfo.Type == server.RegularFile)
}

// adopt takes over the fields of a look-up's answer.
func adopt(r, sub *server.Request) {
	r.Notes = server.Overlay(&r.Notes, &sub.Notes)
	r.Out = server.Overlay(&r.Out, &sub.Out)
	r.ErrOut = server.Overlay(&r.ErrOut, &sub.ErrOut)
}

func withArgs(r *server.Request, uri string) string {
	if !r.HasArgs {
		return uri
	}
	return uri + "?" + r.Args
}
