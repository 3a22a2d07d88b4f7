package server

import (
	"strings"
	"syscall"
)

// TranslateToFile makes the path of the request's file from its URL-path below
// the document root (ap_core_translate): core's translate_name, which a module
// may call for a URL of its own making. A path that climbs above the root is 403.
func TranslateToFile(r *Request) Status {
	if r.Method == "CONNECT" {
		r.Allow(false, "GET", "OPTIONS", "POST")
		return 405 // a proxy's method, and no proxy has taken it
	}
	if r.URI == "" || r.URI[0] != '/' && r.URI != "*" {
		corelog.Error(r).Msgf("AH10411: Invalid URI in request '%s' %s", r.Method, r.TheRequest)
		return 400
	}
	if r.URI == "*" && r.Method == "OPTIONS" {
		return OK
	}
	if r.URI == "*" {
		corelog.Error(r).Msgf("AH00127: Invalid URI in request %s", r.TheRequest)
		return 400
	}
	if strings.IndexByte(r.URI, 0) >= 0 {
		return 404
	}
	path := strings.TrimLeft(r.URI, "/")
	if needsNormalizing(path, true, false) {
		var ok bool
		if path, ok = normalizePath("/"+path, true, false, false); !ok {
			corelog.Error(r).Err(syscall.EINVAL).Msgf("AH00127: Cannot map %s to file", r.TheRequest)
			return 403
		}
		path = path[1:]
	}
	root := r.DocumentRoot()
	if path == "" {
		// The directory itself: its slash is the URL's.
		r.Filename = strings.TrimSuffix(root, "/") + "/"
		r.BecauseOf("DocumentRoot")
		return OK
	}
	r.Filename = strings.TrimSuffix(root, "/") + "/" + path
	r.BecauseOf("DocumentRoot")
	return OK
}
