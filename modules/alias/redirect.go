package alias

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

func setRedirect2(status int) func(*config, *directives.Cmd, string, string) error {
	set := setRedirect(status, false)
	return func(c *config, cmd *directives.Cmd, a, b string) error { return set(c, cmd, a, b, "") }
}

// first tells what the first argument of Redirect is.
type first uint8

const (
	notStatus      first = iota
	redirectStatus       // a URL follows
	finalStatus          // 410, 404 …: no URL
)

func parseStatus(arg string, def int) (status int, kind first) {
	switch strings.ToLower(arg) {
	case "permanent":
		return 301, redirectStatus
	case "temp":
		return 302, redirectStatus
	case "seeother":
		return 303, redirectStatus
	case "gone":
		return 410, finalStatus
	}
	digits := len(arg) - len(strings.TrimLeft(arg, "0123456789"))
	if digits == 0 {
		return def, notStatus
	}
	status, _ = strconv.Atoi(arg[:digits]) // as atoi: what follows the digits is not looked at
	if server.Status(status).IsRedirect() {
		return status, redirectStatus
	}
	return status, finalStatus
}

// setRedirect is add_redirect_internal of mod_alias.c: the first of the
// arguments may be a status, and in a section the path may be left out.
func setRedirect(def int, regex bool) func(*config, *directives.Cmd, string, string, string) error {
	return func(c *config, cmd *directives.Cmd, a1, a2, a3 string) error {
		status, kind := parseStatus(a1, def)
		if a3 != "" && kind == notStatus {
			return errors.New("Redirect: invalid first argument (of three)")
		}
		if cmd.InSection() {
			switch {
			case kind == redirectStatus && a2 != "" && a3 == "":
				return c.redirectSection(cmd, status, a2)
			case kind == notStatus && a2 == "":
				return c.redirectSection(cmd, status, a1)
			case kind == finalStatus && a2 == "":
				c.redirect.set, c.redirect.status, c.redirect.pos = true, status, cmd.Node.Pos
				return nil
			}
		}
		e := entry{fake: a2, real: a3, status: status, pos: cmd.Node.Pos}
		if a3 == "" && kind == notStatus {
			e.fake, e.real = a1, a2
		}
		if regex {
			var err error
			if e.regex, err = compile(e.fake); err != nil {
				return err
			}
		}
		if server.Status(status).IsRedirect() {
			if e.real == "" {
				return errors.New("URL to redirect to is missing")
			}
			if !regex && !isURL(e.real) && e.real[0] != '/' {
				return errors.New("Redirect to non-URL")
			}
		} else if e.real != "" {
			return errors.New("Redirect URL not valid for this status")
		}
		if cmd.InSection() {
			c.redirects = append(c.redirects, e)
		} else {
			s := serverSlot.Edit(cmd)
			s.redirects = append(s.redirects, e)
		}
		return nil
	}
}

func (c *config) redirectSection(cmd *directives.Cmd, status int, url string) error {
	e, err := server.CompileExprFor(cmd, url, server.ExprString)
	if err != nil {
		return fmt.Errorf("Cannot parse redirect expression '%s': %w", url, err)
	}
	c.redirect = sectionRedirect{set: true, target: e, status: status, pos: cmd.Node.Pos}
	return nil
}

// isURL tells whether s starts with a scheme (ap_is_url).
func isURL(s string) bool {
	i := strings.IndexByte(s, ':')
	if i <= 0 {
		return false
	}
	for _, c := range []byte(s[:i]) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '+', c == '-', c == '.':
		default:
			return false
		}
	}
	return true
}

// escapeTarget escapes a URL that was made from a request, but neither query
// nor fragment. As apr_uri_unparse does it also drops a scheme's usual port and
// hides a password.
func escapeTarget(url string) string {
	rest := ""
	if i := strings.IndexAny(url, "?#"); i >= 0 {
		url, rest = url[:i], url[i:]
	}
	if scheme, after, ok := strings.Cut(url, "://"); ok && isURL(scheme+":") {
		host, path := after, ""
		if i := strings.IndexByte(after, '/'); i >= 0 {
			host, path = after[:i], after[i:]
		}
		if at := strings.LastIndexByte(host, '@'); at >= 0 {
			if user, _, secret := strings.Cut(host[:at], ":"); secret {
				host = user + ":XXXXXXXX" + host[at:]
			}
		}
		if port := usualPorts[strings.ToLower(scheme)]; port != "" {
			host = strings.TrimSuffix(host, port)
		}
		url = scheme + "://" + host + path
	}
	return server.EscapePath(url) + rest
}

var usualPorts = map[string]string{"http": ":80", "https": ":443", "ftp": ":21"}
