package server

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// This file is the life of a request: ap_process_request and
// ap_process_request_internal of Apache, in Go.

// NewRequest makes the request that a wire engine has read. hr has method,
// fields, body and protocol; the engine fills TheRequest, UnparsedURI and what
// else it knows before it calls Process.
func (g *Generation) NewRequest(c *Conn, x Exchange, hr *http.Request) *Request {
	r := &Request{Request: hr, Gen: g, Conn: c, Exchange: x, Server: c.Server, Dir: c.Server.Defaults,
		Client: c.Remote.Addr(), ClientIP: c.ClientIP, Status: 200, Received: time.Now()}
	r.HeaderOnly = hr.Method == "HEAD"
	return r
}

// SetTarget takes the request's target apart into URI and Args (ap_parse_uri).
func (r *Request) SetTarget(target string) {
	r.UnparsedURI = target
	path := target
	for strings.HasPrefix(path, "//") {
		path = path[1:] // whatever MergeSlashes says (observed on 2.4.71)
	}
	if i := strings.IndexByte(path, '#'); i >= 0 {
		path = path[:i]
	}
	r.URI, r.Args, r.HasArgs = strings.Cut(path, "?")
}

// Process serves a request from its head to its log lines. The response has
// ended when it returns.
func (g *Generation) Process(r *Request) {
	if s := g.ChooseServer(r); s != OK {
		r.die(s)
		r.finish()
		return
	}
	r.Dir = r.Server.Defaults
	if s := PostReadRequest.run(r); s != OK {
		r.die(s)
		r.finish()
		return
	}
	if r.URL != nil && r.URL.Scheme != "" && !r.Forward && !equalFold(r.URL.Scheme, "http") && !equalFold(r.URL.Scheme, "https") {
		r.die(400) // only a proxy knows what to do with it
	} else {
		r.die(r.serve())
	}
	r.finish()
}

// Reject answers a request that could not be read.
func (g *Generation) Reject(r *Request, s Status) {
	if r.Hostname == "" && s != 408 { // then the fields are not known
		g.ChooseServer(r) // for the right error document and log, as far as known
	}
	r.Dir = r.Server.Defaults
	r.die(s)
	r.finish()
}

func (r *Request) finish() {
	r.End()
	r.depends.logging = true
	LogTransaction.run(r)
	for _, f := range r.ends {
		f()
	}
	r.ends = nil
}

// serve runs a request up to and with its handler.
func (r *Request) serve() Status {
	s := QuickHandler.run(r)
	if s == Declined {
		if s = r.prepare(); s == OK {
			s = r.invokeHandler()
		}
	}
	return s
}

// prepare is everything before the handler.
func (r *Request) prepare() Status {
	conf := CoreServer.Of(r.Server)
	merge := conf.MergeSlashes.Else(true)
	fileSub := r.Main != nil && r.Filename != ""
	if r.Forward {
		if path := pathOfURL(r.URI); path != "" {
			if _, ok := normalizePath(path, merge, true, false); !ok {
				corelog.Error(r).Msgf("AH10244: invalid URI path (%s)", r.UnparsedURI)
				return 400
			}
		}
	} else if r.URI != "" {
		uri, ok := normalizePath(r.URI, merge, true, fileSub)
		if r.URI = uri; !ok {
			corelog.Error(r).Msgf("AH10244: invalid URI path (%s)", r.UnparsedURI)
			return 400
		}
	}
	translated := false
	if !fileSub {
		before := r.Dir
		if s := r.locationAndIf(); s != OK {
			return s
		}
		s := PreTranslateName.run(r)
		if s.IsError() {
			return s
		}
		translated = s == Done
		r.Dir = before
	}
	if !translated {
		if s := r.unescape(merge); s != OK {
			return s
		}
	}
	if !fileSub {
		if s := r.locationAndIf(); s != OK {
			return s
		}
		if s := TranslateName.run(r); s != OK {
			return r.orDie(s, "translate")
		}
	}
	r.Dir = r.Server.Defaults
	if s := MapToStorage.run(r); s != OK && s != Declined {
		return s
	}
	if s := r.locationAndIf(); s != OK {
		return s
	}
	if r.explain != nil {
		r.explain.sections(r)
	}
	if s := PostPerdirConfig.run(r); s != OK {
		return s
	}
	if r.Main == nil {
		if s := HeaderParser.run(r); s != OK {
			return s
		}
	}
	if s := r.authorize(); s != OK {
		return s
	}
	if s := TypeChecker.run(r); s != OK && s != Declined {
		return r.orDie(s, "find types")
	}
	return Fixups.run(r)
}

// pathOfURL is the path of an absolute URL, without its query.
func pathOfURL(url string) string {
	i := strings.Index(url, "://")
	if i < 0 {
		return ""
	}
	j := strings.IndexByte(url[i+3:], '/')
	if j < 0 {
		return ""
	}
	path, _, _ := strings.Cut(url[i+3+j:], "?")
	return path
}

// unescape decodes the path as AllowEncodedSlashes says.
func (r *Request) unescape(merge bool) Status {
	d := CoreDir.Of(r.Dir)
	rule := slashForbid
	if d.AllowEncodedSlashes {
		rule = slashKeep
		if d.DecodeEncodedSlashes {
			rule = slashDecode
		}
	}
	uri, s := unescapePath(r.URI, rule)
	if s != OK {
		if s == 404 && rule == slashForbid {
			corelog.Info(r).Msgf("AH00026: found %%2f (encoded '/') in URI path (%s), returning 404", r.UnparsedURI)
		}
		r.URI = uri
		return s
	}
	r.URI = uri
	if rule == slashDecode {
		r.URI, _ = normalizePath(r.URI, merge, false, false)
	}
	return OK
}

// authorize runs the access phases, unless the request that this one came from
// passed them under the same configuration.
func (r *Request) authorize() Status {
	for _, from := range []*Request{r.Prev, r.Main} {
		if from != nil && from.Dir == r.Dir {
			r.User, r.UserSet, r.AuthType = from.User, from.UserSet, from.AuthType
			return OK
		}
		if from != nil {
			break
		}
	}
	access := AccessChecker.run(r)
	if r.Satisfies() == SatisfyAny {
		if access == OK && r.hasHooks(accessChecker) {
			return OK
		}
	} else if access != OK {
		return r.orDie(access, "check access (with Satisfy All)")
	}
	s := AccessCheckerEx.run(r)
	switch {
	case s == OK:
		return OK
	case s != Declined:
		return r.orDie(s, "check access")
	}
	if s := CheckUserID.run(r); s != OK {
		return r.orDie(s, "check user")
	}
	if r.User == "" && !r.UserSet {
		corelog.Error(r).Msgf("AH00027: No authentication done but request not allowed without authentication for %s. Authentication not configured?", r.URI)
		return 500
	}
	if s := AuthChecker.run(r); s != OK {
		return r.orDie(s, "check authorization")
	}
	return OK
}

func (r *Request) hasHooks(p phase) bool { return len(r.Gen.hooksFor(r.Dir, p)) > 0 }

// orDie turns the answer of a phase that nobody took part in into a 500.
func (r *Request) orDie(s Status, phase string) Status {
	if s == Declined {
		corelog.Error(r).Msgf("AH00025: configuration error:  couldn't %s: %s", phase, r.URI)
		return 500
	}
	return s
}

// invokeHandler makes the response (ap_invoke_handler).
func (r *Request) invokeHandler() Status {
	InsertFilter.run(r)
	for l := r.output; l != nil; l = l.next {
		if l.filter.Init != nil {
			l.filter.Init(r)
		}
	}
	r.insertProtocolFilters()
	name := r.Handler
	if name == "" {
		name = "default-handler"
		if r.ContentType != "" {
			name, _, _ = strings.Cut(r.ContentType, ";")
			name = strings.TrimRight(name, " \t")
		}
	}
	old := r.Handler
	r.Handler = name
	if r.explain != nil {
		r.explain.begin(r)
	}
	s := Handler.run(r)
	r.Handler = old
	if r.explain != nil {
		r.explain.begin(r)
	}
	if s == Declined {
		if r.Handler != "" {
			if r.Handler != "default-handler" {
				corelog.Warn(r).Msgf("AH01384: handler \"%s\" not found for: %s", r.Handler, r.Filename)
			}
		}
		return 500
	}
	return s
}

// DiscardBody reads what is left of the request's body, so that the next
// request on the connection is found (ap_discard_request_body).
func (r *Request) DiscardBody() Status {
	if r.Main != nil || r.Body == nil || r.Body == http.NoBody || r.Conn.Close && r.ContentLength == 0 || r.Conn.Stream != nil {
		return OK // no request comes behind it on a stream
	}
	buf := make([]byte, 16<<10)
	for {
		_, err := r.Body.Read(buf)
		if err == nil {
			continue
		}
		if _, ok := err.(interface{ HTTPStatus() Status }); ok {
			return r.BodyFailed(err)
		}
		return OK
	}
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// SetContentLength says how long the response's body is.
func (r *Request) SetContentLength(n int64) { r.Out.Set("Content-Length", itoa(n)) }
