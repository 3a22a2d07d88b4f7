package vhost_alias

import (
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

const cgiHandler = "cgi-script"

// translate is mva_translate of mod_vhost_alias.c.
func translate(r *server.Request) server.Status {
	c := slot.Of(r.Server)
	where, uri, script := c.root, r.URI, false
	if behind, ok := strings.CutPrefix(strings.TrimLeft(r.URI, "/"), "cgi-bin/"); ok && c.scripts.path != "" {
		where, uri, script = c.scripts, "/"+behind, true
	} else if !strings.HasPrefix(r.URI, "/") {
		return server.Declined
	}
	name := ""
	switch where.mode {
	case byHost:
		name = r.ServerName()
	case byAddress:
		name = r.Conn.LocalIP
	default:
		return server.Declined
	}
	root := interpolate(where.path, name, r.ServerPort())
	r.Filename = root + uri
	r.ContextDir, r.ContextDocumentRoot = root, root
	if script {
		r.Handler = cgiHandler
		r.Notes.Set("alias-forced-type", cgiHandler)
		r.ContextPrefix = "/cgi-bin"
	}
	return server.OK
}

// maxParts is how many parts of a name are told apart; the last has the rest.
const maxParts = 19

// interpolate is vhost_alias_interpolate. The path's specifiers are valid.
func interpolate(path, name string, port int) string {
	parts := strings.SplitN(name, ".", maxParts)
	var b strings.Builder
	for path != "" {
		literal, rest, found := strings.Cut(path, "%")
		b.WriteString(literal)
		if !found {
			break
		}
		switch rest[0] {
		case '%':
			b.WriteByte('%')
			path = rest[1:]
			continue
		case 'p':
			b.WriteString(strconv.Itoa(port))
			path = rest[1:]
			continue
		}
		n, rest, _ := number(rest)
		m := part{}
		if after, ok := strings.CutPrefix(rest, "."); ok {
			m, rest, _ = number(after)
		}
		b.WriteString(server.LowerASCII(m.letters(n.of(name, parts))))
		path = rest
	}
	return strings.TrimSuffix(b.String(), "/")
}

// of picks parts of a name, "_" for one that is not there; 0 is all.
func (p part) of(name string, parts []string) string {
	switch {
	case p.n == 0:
		return name
	case p.n > len(parts):
		return "_"
	case !p.fromEnd && p.andFollowing:
		return strings.Join(parts[p.n-1:], ".")
	case !p.fromEnd:
		return parts[p.n-1]
	case p.andFollowing:
		return strings.Join(parts[:len(parts)-p.n+1], ".")
	}
	return parts[len(parts)-p.n]
}

// letters picks letters of a part in the same way.
func (p part) letters(s string) string {
	switch {
	case p.n == 0:
		return s
	case p.n > len(s):
		return "_"
	case !p.fromEnd && p.andFollowing:
		return s[p.n-1:]
	case !p.fromEnd:
		return s[p.n-1 : p.n]
	case p.andFollowing:
		return s[:len(s)-p.n+1]
	}
	return s[len(s)-p.n : len(s)-p.n+1]
}
