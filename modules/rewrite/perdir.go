package rewrite

import (
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// fixup applies the rules of a directory (hook_fixup). What they change is
// asked for anew, by an internal redirect that [redirect] starts.
func fixup(r *server.Request) server.Status {
	conf := slot.Of(r.Dir)
	isProxy := r.Proxied && strings.HasPrefix(r.Filename, proxyPrefix)
	if !isProxy && !conf.has(allowNoSlash) && len(r.Filename) == len(conf.dir)-1 && strings.HasPrefix(conf.dir, r.Filename) {
		return server.Declined // the directory without its slash: mod_dir sends the client to the right URL
	}
	if r.Marked(ended{}) {
		logf(r, 8, conf.dir, "Declining, no further rewriting due to END flag")
		return server.Declined
	}
	if r.Options()&(server.OptSymLinks|server.OptSymOwner) == 0 {
		elog.Error(r).Msgf("AH00670: Options FollowSymLinks and SymLinksIfOwnerMatch are both off, so the RewriteRule directive is also forbidden "+
			"due to its similar ability to circumvent directory restrictions : %s", r.Filename)
		return 403
	}
	file, args, hadArgs := r.Filename, r.Args, r.HasArgs
	if r.Filename == "" {
		r.Filename = r.URI
		logf(r, 2, conf.dir, "init rewrite engine with requested uri %s", r.Filename)
	}
	o, _ := applyList(r, conf.rules, conf.dir)
	if o == unchanged {
		logf(r, 1, conf.dir, "pass through %s", r.Filename)
		r.Filename = file
		return server.Declined
	}
	if s, done := answer(r, o, "AH10411"); done {
		return s
	}
	switch n := scheme(r.Filename); {
	case len(r.Filename) > len(proxyPrefix) && strings.HasPrefix(r.Filename, proxyPrefix):
		return toProxy(r, o, conf.dir, "AH10160")
	case n > 0:
		conf.rebase(r, n)
		return redirectTo(r, o, conf.dir, args, hadArgs)
	}
	if len(r.Filename) > len(passThroughPrefix) {
		r.Filename = strings.TrimPrefix(r.Filename, passThroughPrefix)
	}
	if !strings.HasPrefix(r.Filename, "/") {
		return 400
	}
	if file != "" && r.Filename == file {
		logf(r, 1, conf.dir, "initial URL equal rewritten URL: %s [IGNORING REWRITE]", r.Filename)
		return server.OK
	}
	conf.toURL(r)
	r.Notes.Set("redirect-keeps-vary", "")
	logf(r, 1, conf.dir, "internal redirect with %s [INTERNAL REDIRECT]", r.Filename)
	r.Filename = redirectPrefix + r.Filename
	r.Handler = redirectHandler
	return server.OK
}

// rebase puts RewriteBase in the place of the directory in a URL whose scheme
// is n long.
func (c *config) rebase(r *server.Request, n int) {
	base, ok := c.base.Get()
	if !ok {
		return
	}
	slash := strings.IndexByte(r.Filename[n:], '/')
	if slash < 0 || n+slash+1 == len(r.Filename) {
		return
	}
	logf(r, 2, c.dir, "trying to replace prefix %s with %s", c.dir, base)
	head, path := r.Filename[:n+slash+1], r.Filename[n+slash+1:]
	path, _ = replacePrefix(r, path, strings.TrimPrefix(c.dir, "/"), base[1:])
	r.Filename = head + path
}

// toURL turns the path of a result back into a URL: by RewriteBase or the
// document root, else by the alias that led here.
func (c *config) toURL(r *server.Request) {
	file := r.Filename
	var replaced bool
	if base, ok := c.base.Get(); ok {
		logf(r, 2, c.dir, "trying to replace prefix %s with %s", c.dir, base)
		r.Filename, replaced = replacePrefix(r, file, c.dir, base)
	} else if rest, ok := strings.CutPrefix(file, strings.TrimSuffix(r.DocumentRoot(), "/")); ok && strings.HasPrefix(rest, "/") {
		logf(r, 2, c.dir, "strip document_root prefix: %s -> %s", file, rest)
		r.Filename, replaced = rest, true
	}
	if replaced || c.has(ignoreContextInfo) {
		return
	}
	logf(r, 2, c.dir, "trying to replace context docroot %s with context prefix %s", r.ContextRoot(), r.ContextPrefix)
	r.Filename, _ = replacePrefix(r, file, r.ContextRoot(), r.ContextPrefix)
}

// redirect is the handler of what rules of a directory changed.
func redirect(r *server.Request) server.Status {
	uri, ok := strings.CutPrefix(r.Filename, redirectPrefix)
	if !ok {
		return server.Declined
	}
	if r.HasArgs {
		uri += "?" + r.Args
	}
	r.InternalRedirect(uri)
	return server.OK
}

// forceType gives the request what [T] and [H] said (hook_mimetype).
func forceType(r *server.Request) server.Status {
	if t := r.Notes.Get(noteMIMEType); t != "" {
		logf(r, 1, "", "force filename %s to have MIME-type '%s'", r.Filename, t)
		r.ContentType = t
	}
	if h := r.Notes.Get(noteHandler); h != "" {
		logf(r, 1, "", "force filename %s to have the Content-handler '%s'", r.Filename, h)
		r.Handler = h
	}
	return server.OK
}
