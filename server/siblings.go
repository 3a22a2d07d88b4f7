package server

import (
	"net/http"
	"path"
	"strings"
)

// Siblings makes subrequests for files of the directory that a request's file
// is in, or is (ap_sub_req_lookup_dirent). The directory walk is made once down
// to the directory; each look-up goes on from there.
type Siblings struct {
	r      *Request
	uri    string // of the directory, with the last slash
	dir    string
	walk   dirWalker
	walked bool

	sub Request // of Look
	hr  http.Request
}

// Siblings prepares look-ups in the directory of the request's file.
func (r *Request) Siblings() *Siblings {
	s := &Siblings{r: r}
	s.uri, _ = path.Split(strings.TrimSuffix(r.URI, r.PathInfo))
	s.dir, _ = path.Split(r.Filename)
	if path.Clean(s.dir)+"/" != s.dir {
		return s // the root, or no clean path: walk each time
	}
	probe := r.subRequest("GET")
	probe.URI, probe.Filename, probe.Finfo = s.uri, s.dir, Finfo{Type: Directory}
	walker, at, depth := probe.startWalk(s.dir)
	if walker.down(s.dir, at, depth) == OK && walker.entered == s.dir {
		s.walk, s.walked = walker, true
	}
	return s
}

// Look runs the phases before the handler for an entry of the directory. fi is
// what is known of it, a link's target in its place. What it gives is valid
// until the next call.
func (s *Siblings) Look(name string, fi Finfo) *Request {
	s.r.makeSub(&s.sub, &s.hr, "GET")
	s.look(&s.sub, name, fi, false)
	return &s.sub
}

// LookWithArgs is [Siblings.Look] for a file that is to take the place of the
// request's: with its PathInfo and its query, and to be kept.
func (s *Siblings) LookWithArgs(name string, fi Finfo) *Request {
	sub := s.r.subRequest("GET")
	s.look(sub, name, fi, true)
	return sub
}

func (s *Siblings) look(sub *Request, name string, fi Finfo, args bool) {
	sub.siblings = s
	sub.Filename, sub.Finfo = s.dir+name, fi
	uri := s.uri + name
	if args && s.r.PathInfo != "" {
		uri += s.r.PathInfo
		sub.PathInfo = s.r.PathInfo
	}
	if fi.Type == Directory {
		sub.Filename += "/"
		if sub.PathInfo == "" {
			uri += "/"
		}
	}
	uri = EscapePath(uri)
	if args && s.r.Args != "" {
		uri += "?" + s.r.Args
	}
	sub.SetTarget(uri)
	if s.r.recursionExceeded() {
		sub.Status = 500
		return
	}
	if st := sub.prepare(); st != OK {
		sub.Status = int(st)
	}
}
