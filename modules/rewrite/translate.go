package rewrite

import (
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// noteRewritten keeps what a server's rules came to.
const noteRewritten = "mod_rewrite_rewritten"

// translate applies the rules of a server (hook_uri2file).
func translate(r *server.Request) server.Status {
	conf, dir := serverSlot.Of(r.Server), slot.Of(r.Dir)
	if conf.owner != r.Server {
		return server.Declined
	}
	if r.Marked(ended{}) {
		logf(r, 8, "", "Declining, no further rewriting due to END flag")
		return server.Declined
	}
	if !dir.has(allowAnyURI) && (r.UnparsedURI == "*" || !strings.HasPrefix(r.URI, "/")) {
		logf(r, 8, "", "Declining, request-URI '%s' is not a URL-path. Consult the manual entry for the RewriteOptions directive "+
			"for options and caveats about matching other strings.", r.URI)
		return server.Declined
	}
	args, hadArgs := r.Args, r.HasArgs
	setScriptURL(r)

	var o outcome
	var last *rule
	if saved, ok := r.Notes.Lookup(noteRewritten); ok {
		logf(r, 2, "", "uri already rewritten. Status %s, Uri %s, r->filename %s", saved, r.URI, r.Filename)
		o = outcome(atoi(saved))
	} else {
		if r.Filename == "" {
			r.Filename = r.URI
			logf(r, 2, "", "init rewrite engine with requested uri %s", r.Filename)
		} else {
			logf(r, 2, "", "init rewrite engine with passed filename %s. Original uri = %s", r.Filename, r.URI)
		}
		o, last = applyList(r, conf.rules, "")
		r.Notes.Set(noteRewritten, strconv.Itoa(int(o)))
	}
	if o == unchanged {
		logf(r, 1, "", "pass through %s", r.Filename)
		return server.Declined
	}
	if s, done := answer(r, o, "AH10410"); done {
		return s
	}
	switch {
	case len(r.Filename) > len(proxyPrefix) && strings.HasPrefix(r.Filename, proxyPrefix):
		return toProxy(r, o, "", "AH00669")
	case scheme(r.Filename) > 0:
		return redirectTo(r, o, "", args, hadArgs)
	case len(r.Filename) > len(passThroughPrefix) && strings.HasPrefix(r.Filename, passThroughPrefix):
		r.URI = r.Filename[len(passThroughPrefix):]
		return server.Declined
	}
	return localPath(r, conf, last)
}

// setScriptURL sets SCRIPT_URL and SCRIPT_URI.
func setScriptURL(r *server.Request) {
	url, ok := r.URI, true
	if r.Main != nil {
		url, ok = r.Main.Env.Lookup("SCRIPT_URL")
	} else if v, redirected := r.Env.Lookup("REDIRECT_SCRIPT_URL"); redirected {
		url = v
	}
	if ok {
		r.Env.Set("SCRIPT_URL", url)
	}
	r.Env.Set("SCRIPT_URI", r.ConstructURL(url))
}

// answer handles what rules of servers and directories have in common: a
// query that cannot be sent on, and a status that a rule gave.
func answer(r *server.Request, o outcome, number string) (server.Status, bool) {
	escapes := scheme(r.Filename) > 0 && o != changedRaw
	if r.HasArgs && !escapes && badQuery(r.Args) {
		elog.Error(r).Msgf("%s: Rewritten query string contains control characters or spaces", number)
		return 403, true
	}
	switch o {
	case answered:
		s := r.Status
		r.Status = 200
		return server.Status(s), true
	case answeredSet:
		return server.Status(r.Status), true
	}
	return 0, false
}

// toProxy hands the request to the proxy.
func toProxy(r *server.Request, o outcome, perdir, number string) server.Status {
	if !slices.ContainsFunc(r.Gen.Modules, func(m *server.Module) bool { return m.Name == "proxy_module" }) {
		elog.Error(r).Msgf("%s: attempt to make remote request from mod_rewrite without proxy enabled: %s", number, r.Filename)
		return 403
	}
	if o == changedRaw {
		r.Notes.Set("proxy-nocanon", "1")
	}
	if perdir == "" {
		r.Filename += r.PathInfo
	}
	if r.HasArgs && (r.Notes.Has("proxy-nocanon") || perdir == "" && r.Proxied) {
		r.Filename += "?" + r.Args
	}
	r.Proxied, r.Handler = true, "proxy-server"
	logf(r, 1, perdir, "go-ahead with proxy request %s [OK]", r.Filename)
	return server.OK
}

// redirectTo sends the client elsewhere.
func redirectTo(r *server.Request, o outcome, perdir, args string, hadArgs bool) server.Status {
	if o != changedRaw {
		logf(r, 1, perdir, "escaping %s for redirect", r.Filename)
		r.Filename = escapeAbsolute(r.Filename, scheme(r.Filename))
	}
	if r.HasArgs {
		raw := o == changedRaw || hadArgs && r.Args == args
		query, verb, shown := r.Args, "copying", ""
		if !raw {
			query = server.EscapePath(r.Args)
			verb, shown = "escaping", query
		}
		r.Filename += "?" + query
		logf(r, 1, perdir, "%s %s to query string for redirect %s", verb, r.Args, shown)
	}
	status := server.Status(302)
	if s := server.Status(r.Status); s.IsRedirect() {
		status = s
		r.Status = 200
	}
	r.Out.Set("Location", r.Filename)
	logf(r, 1, perdir, "redirect to %s [REDIRECT/%s]", r.Filename, strconv.Itoa(int(status)))
	return status
}

// localPath turns the result into a file: as it is, when its first directory
// exists and the rule meant one, else below the document root.
func localPath(r *server.Request, conf *serverConfig, last *rule) server.Status {
	r.Filename = expandTilde(r.Filename)
	logf(r, 2, "", "local path result: %s", r.Filename)
	if !strings.HasPrefix(r.Filename, "/") {
		return 400
	}
	if conf.has(unsafePrefixStat) {
		last = nil
	}
	inside := inJail(r, r.Filename)
	reduced := !conf.has(legacyPrefixDocRoot) && r.Notes.Has(noteReduced)
	if isFile := prefixExists(r, inside, last); isFile && !reduced {
		r.Filename = inside
	} else {
		uri := r.URI
		r.URI = r.Filename
		s := server.TranslateToFile(r)
		r.URI = uri
		if s != server.OK {
			logf(r, 1, "", "prefixing with document_root of %s FAILED", r.Filename)
			return s
		}
		logf(r, 2, "", "prefixed with document_root to %s", r.Filename)
	}
	logf(r, 1, "", "go-ahead with %s [OK]", r.Filename)
	return server.OK
}

// prefixExists tells whether a result is a file's path rather than a URL's
// (prefix_stat): its first directory exists, and the rule wrote it itself, or
// it leads below a document root. inside is the result as it is reached while
// serving.
func prefixExists(r *server.Request, inside string, last *rule) bool {
	first := firstDir(inside)
	if _, err := os.Stat(first); err != nil {
		return false
	}
	if last == nil {
		logf(r, 3, "", "prefix_stat no lastsub subst prefix %s", first)
		return true
	}
	stat := "0"
	if last.is(unsafeStat) {
		stat = "4194304" // the bit that Apache has for the flag
	}
	logf(r, 3, "", "prefix_stat compare statpath %s and lastsub output %s STATOK %s ", first, last.output, stat)
	if last.is(unsafeStat) {
		return true
	}
	return startsWith(r, last.output, firstDir(r.Filename)) || startsWith(r, inside, r.DocumentRoot()) ||
		r.DocumentRoot() != r.ContextRoot() && startsWith(r, inside, r.ContextRoot())
}

func startsWith(r *server.Request, s, prefix string) bool {
	ok := strings.HasPrefix(s, prefix)
	n := "0"
	if ok {
		n = "1"
	}
	logf(r, 5, "", "prefix_stat startsWith(%s, %s) %s", s, prefix, n)
	return ok
}

// firstDir is a path's first component with its slash.
func firstDir(path string) string {
	rest := strings.TrimLeft(path, "/")
	name, _, _ := strings.Cut(rest, "/")
	if name == "." || name == ".." {
		name = ""
	}
	return "/" + name
}

// expandTilde puts a user's home in the place of /~user.
func expandTilde(path string) string {
	rest, ok := strings.CutPrefix(path, "/~")
	if !ok {
		return path
	}
	name, rest, more := strings.Cut(rest, "/")
	if name == "" {
		return path
	}
	account, ok := server.LookupUser(name)
	if !ok {
		return path
	}
	if more {
		return strings.TrimSuffix(account.Home, "/") + "/" + rest
	}
	return account.Home
}
