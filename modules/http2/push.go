package http2

import (
	"net/url"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// announce names what will be pushed, and the hints of the configuration, in a
// response 103 before the request is answered (check_push).
func announce(r *server.Request) server.Status {
	c := dir.Of(r.Dir)
	if r.Conn.Stream == nil || r.Main != nil || r.Prev != nil || r.Expecting {
		return server.Declined
	}
	final := r.Out.Clone()
	for _, p := range c.pushes {
		link := "<" + p.path + ">; rel=preload"
		if p.critical {
			link += "; critical"
		}
		r.Out.Merge("Link", link)
	}
	status, line := r.Status, r.StatusLine
	for _, h := range c.hints {
		r.Out.Add(h.Name, h.Value)
	}
	r.Status, r.StatusLine = 103, "103 Early Hints"
	r.Exchange.Interim(r, 103) //nolint:errcheck // the response itself will tell
	r.Status, r.StatusLine, r.Out = status, line, final
	return server.Declined
}

// pushes are the targets that a response's Link fields ask to push
// (h2_push_collect): those of its own host with rel=preload and without nopush.
func pushes(r *server.Request) (paths []string) {
	if !dir.Of(r.Dir).push.Else(true) {
		return nil
	}
	for _, f := range r.Out.All() {
		if strings.EqualFold(f.Name, "Link") {
			paths = append(paths, linked(r, f.Value)...)
		}
	}
	return paths
}

// linked reads one Link field (RFC 8288 section 3).
func linked(r *server.Request, s string) (paths []string) {
	for s != "" {
		open := strings.IndexByte(s, '<')
		if open < 0 {
			break
		}
		end := strings.IndexByte(s[open:], '>')
		if end < 0 {
			break
		}
		target := s[open+1 : open+end]
		var rel string
		var nopush bool
		rel, nopush, s = parameters(s[open+end+1:])
		if nopush || !hasWord(rel, "preload") {
			continue
		}
		if path := ownPath(r, target); path != "" {
			paths = append(paths, path)
		}
	}
	return paths
}

// parameters reads what stands behind the target of a link, up to the next link.
func parameters(s string) (rel string, nopush bool, rest string) {
	for {
		s = strings.TrimLeft(s, " \t")
		if s == "" || s[0] == ',' {
			return rel, nopush, strings.TrimPrefix(s, ",")
		}
		if s[0] != ';' {
			return "", true, "" // malformed: nothing of it is used
		}
		s = strings.TrimLeft(s[1:], " \t")
		end := strings.IndexAny(s, "=;, \t")
		if end < 0 {
			end = len(s)
		}
		name := s[:end]
		s = strings.TrimLeft(s[end:], " \t")
		value := ""
		if strings.HasPrefix(s, "=") {
			value, s = parameterValue(strings.TrimLeft(s[1:], " \t"))
		}
		switch {
		case strings.EqualFold(name, "rel"):
			rel = value
		case strings.EqualFold(name, "nopush"):
			nopush = true
		}
	}
}

func parameterValue(s string) (value, rest string) {
	if strings.HasPrefix(s, `"`) {
		end := strings.IndexByte(s[1:], '"')
		if end < 0 {
			return s[1:], ""
		}
		return s[1 : 1+end], s[end+2:]
	}
	end := strings.IndexAny(s, ";, \t")
	if end < 0 {
		return s, ""
	}
	return s[:end], s[end:]
}

func hasWord(list, word string) bool {
	for w := range strings.FieldsSeq(list) {
		if strings.EqualFold(w, word) {
			return true
		}
	}
	return false
}

// ownPath is the path and query of a target on the request's own host, "" for others.
func ownPath(r *server.Request, target string) string {
	base := &url.URL{Scheme: r.Scheme(), Host: r.Request.Host, Path: r.URI}
	u, err := base.Parse(target)
	if err != nil || !strings.EqualFold(u.Host, base.Host) || u.Scheme != base.Scheme || u.Opaque != "" {
		return ""
	}
	u.Fragment = ""
	path := u.RequestURI()
	if !strings.HasPrefix(path, "/") {
		return ""
	}
	return path
}
