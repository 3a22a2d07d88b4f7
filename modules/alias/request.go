package alias

import (
	"path"
	"strings"

	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/pattern"
)

var elog = server.NewLog("alias")

// translate is the hook of TranslateName: redirects come before aliases.
func translate(r *server.Request) server.Status {
	if r.URI != "" && r.URI[0] != '/' {
		return server.Declined
	}
	c, s := slot.Of(r.Dir), serverSlot.Of(r.Server)
	if status := redirect(r, c, s.redirects, "AH00673", "AH00674"); status != server.Declined {
		return status
	}
	file, ok, err := sectionFile(r, c)
	pos := c.alias.pos
	if err == nil && !ok {
		file, pos, ok, err = listFile(r, s.aliases)
	}
	switch {
	case err != nil:
		return 500
	case ok:
		r.Filename = file
		r.Because(pos)
		return server.OK
	}
	return server.Declined
}

// fixup asks the redirects of sections again: they may differ by now.
func fixup(r *server.Request) server.Status {
	c := slot.Of(r.Dir)
	return redirect(r, c, c.redirects, "AH00675", "AH00676")
}

// redirect answers with the section's own redirect, else the first of list that
// matches.
func redirect(r *server.Request, c *config, list []entry, completed, refused string) server.Status {
	target, status, ok, err := c.redirect.of(r)
	pos := c.redirect.pos
	if err == nil && !ok {
		target, status, pos, ok, err = findRedirect(r, list)
	}
	switch {
	case err != nil:
		return 500
	case !ok:
		return server.Declined
	case !server.Status(status).IsRedirect():
		return server.Status(status)
	}
	if !c.relative.Else(false) || !strings.HasPrefix(target, "/") {
		if strings.HasPrefix(target, "/") {
			orig := target
			target = r.ConstructURL(target)
			if e := elog.Debug(r); e != nil {
				e.Msgf("%s: incomplete redirection target of '%s' for URI '%s' modified to '%s'", completed, orig, r.URI, target)
			}
		}
		if !isURL(target) {
			elog.Error(r).Msgf("%s: cannot redirect '%s' to '%s'; target is not a valid absoluteURI or abs_path", refused, r.URI, target)
			return 500
		}
	}
	if r.HasArgs && !strings.Contains(target, "?") {
		target += "?" + r.Args
	}
	r.Out.Set("Location", target)
	r.Because(pos)
	return server.Status(status)
}

// of evaluates the redirect of a section.
func (s *sectionRedirect) of(r *server.Request) (target string, status int, ok bool, err error) {
	if !s.set || s.target == nil {
		return "", s.status, s.set, nil
	}
	target, err = s.target.Eval(r)
	if err != nil {
		elog.Error(r).Msgf("AH02826: Can't evaluate redirect expression: %s", err)
		return "", 0, false, err
	}
	return escapeTarget(target), s.status, true, nil
}

func findRedirect(r *server.Request, list []entry) (target string, status int, pos httpdconf.Pos, ok bool, err error) {
	for i := range list {
		e := &list[i]
		if e.regex == nil {
			n := matches(r.URI, e.fake)
			if n == 0 {
				continue
			}
			r.ContextPrefix, r.ContextDir = e.fake, e.real
			return e.real + server.EscapePath(r.URI[n:]), e.status, e.pos, true, nil
		}
		target, ok, err = e.substitute(r)
		if err != nil || !ok {
			if err != nil {
				return "", 0, pos, false, err
			}
			continue
		}
		return escapeTarget(target), e.status, e.pos, true, nil
	}
	return "", 0, pos, false, nil
}

// substitute gives what a Match form makes of the request's path.
func (e *entry) substitute(r *server.Request) (string, bool, error) {
	var buf [10]string
	captures := e.regex.Match(buf[:0], r.URI)
	if captures == nil {
		return "", false, nil
	}
	s, err := pattern.Substitute(e.real, captures)
	if err != nil {
		elog.Error(r).Msgf("AH00672: Regex substitution in '%s' failed. Replacement too long?", e.real)
		return "", false, err
	}
	return s, true, nil
}

// sectionFile is the file of an Alias in a <Location>.
func sectionFile(r *server.Request, c *config) (string, bool, error) {
	a := &c.alias
	if a.real == nil {
		return "", false, nil
	}
	file, err := a.real.Eval(r)
	if err != nil {
		elog.Error(r).Msgf("AH02825: Can't evaluate alias expression: %s", err)
		return "", false, err
	}
	file = inJail(r, file)
	if c.preservePath.Else(false) {
		if n := matches(r.URI, a.fake); n > 0 {
			r.ContextPrefix, r.ContextDir = a.fake, file
			file += r.URI[n:]
		}
	}
	force(r, a.handler)
	return clean(file), true, nil
}

// listFile is the file of the first Alias that matches.
func listFile(r *server.Request, list []entry) (string, httpdconf.Pos, bool, error) {
	for i := range list {
		e := &list[i]
		var file string
		if e.regex == nil {
			n := matches(r.URI, e.fake)
			if n == 0 {
				continue
			}
			r.ContextPrefix, r.ContextDir = e.fake, e.real
			file = e.real + r.URI[n:]
		} else {
			s, ok, err := e.substitute(r)
			if err != nil {
				return "", e.pos, false, err
			}
			if !ok {
				continue
			}
			file = inJail(r, s)
		}
		force(r, e.handler)
		return clean(file), e.pos, true, nil
	}
	return "", httpdconf.Pos{}, false, nil
}

// force sets the handler of the Script forms, and leaves a note for mod_cgi.
func force(r *server.Request, handler string) {
	if handler != "" {
		r.Handler = handler
		r.Notes.Set("alias-forced-type", handler)
	}
}

// inJail is what a path that was made for this request is called while serving.
func inJail(r *server.Request, file string) string {
	if !path.IsAbs(file) {
		file = server.CoreServer.Of(r.Gen.Config.Main).ServerRoot + "/" + file
	}
	file, _ = r.Gen.Jail.Request(file)
	return file
}

// clean resolves dots and repeated slashes and keeps a last slash
// (ap_server_root_relative of an absolute path).
func clean(file string) string {
	if !strings.Contains(file, "//") && !strings.Contains(file, "/.") {
		return file
	}
	c := path.Clean(file)
	if strings.HasSuffix(file, "/") && c != "/" {
		c += "/"
	}
	return c
}
