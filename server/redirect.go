package server

import (
	"strconv"
)

// Defaults of LimitInternalRecursion.
const (
	defaultRedirectLimit = 10
	defaultSubreqLimit   = 10
)

// InternalRedirect answers the request with what another URL-path gives, as if
// the client had asked for it (ap_internal_redirect).
func (r *Request) InternalRedirect(uri string) {
	n := r.redirected(uri)
	if n == nil {
		return
	}
	n.dieWith(n.serve(), n.Status)
}

// InternalRedirectHandler is [Request.InternalRedirect] for a script that
// stands in for a handler: the new request begins with the type of this one
// (ap_internal_redirect_handler).
func (r *Request) InternalRedirectHandler(uri string) {
	n := r.redirected(uri)
	if n == nil {
		return
	}
	if r.Handler != "" {
		n.ContentType = r.ContentType
	}
	s := n.prepare()
	if s == OK {
		s = n.invokeHandler()
	}
	n.dieWith(s, n.Status)
}

// redirected makes the request that an internal redirect leads to.
func (r *Request) redirected(uri string) *Request {
	if r.recursionExceeded() {
		r.dieWith(500, r.Status)
		return nil
	}
	n := &Request{Request: r.Request, Gen: r.Gen, Conn: r.Conn, Exchange: r.Exchange, Server: r.Server, Dir: r.Server.Defaults,
		Prev: r, Main: r.Main, Received: r.Received, TheRequest: r.TheRequest, Hostname: r.Hostname, Port: r.Port,
		FieldOrder: r.FieldOrder, Simple: r.Simple, Client: r.Client, ClientIP: r.ClientIP, Allowed: r.Allowed,
		Status: r.Status, HeaderOnly: r.HeaderOnly, NoCache: r.NoCache, NoLocalCopy: r.NoLocalCopy, redirects: r.redirects + 1,
		ErrOut: r.ErrOut, VlistValidator: r.VlistValidator}
	copied := *r.Request
	n.Request = &copied
	n.Body = r.rawBody()
	n.SetTarget(uri)
	if r.explain != nil {
		n.explain = r.explain
		n.explain.aside(n, "redirect", uri)
	}
	r.Next = n
	if Status(r.Status).IsRedirect() {
		if l, ok := r.Out.Lookup("Location"); ok {
			n.Out.Set("Location", l)
		}
	}
	if r.Notes.Has("redirect-keeps-vary") {
		if v, ok := r.Out.Lookup("Vary"); ok {
			n.Out.Set("Vary", v)
		}
	}
	for _, e := range r.Env.All() {
		n.Env.Set("REDIRECT_"+e.Name, e.Value)
	}
	n.Env.Set("REDIRECT_STATUS", strconv.Itoa(r.Status))
	if s := PostReadRequest.run(n); s != OK {
		n.dieWith(s, n.Status)
		return nil
	}
	return n
}

// recursionExceeded tells whether redirects or subrequests have gone on too
// long (ap_is_recursion_limit_exceeded).
func (r *Request) recursionExceeded() bool {
	c := CoreServer.Of(r.Server)
	redirects, subs := 0, 0
	rlimit, slimit := c.RedirectLimit.Else(defaultRedirectLimit), c.SubreqLimit.Else(defaultSubreqLimit)
	for top := r; top.Prev != nil || top.Main != nil; {
		if top.Prev != nil {
			if redirects++; redirects >= rlimit {
				corelog.Error(r).Msgf("AH00124: Request exceeded the limit of %d internal redirects due to probable configuration error. "+
					"Use 'LimitInternalRecursion' to increase the limit if necessary. Use 'LogLevel debug' to get a backtrace.", rlimit)
				return true
			}
			top = top.Prev
			continue
		}
		if subs++; subs >= slimit {
			corelog.Error(r).Msgf("AH00125: Request exceeded the limit of %d subrequest nesting levels due to probable configuration error. "+
				"Use 'LimitInternalRecursion' to increase the limit if necessary. Use 'LogLevel debug' to get a backtrace.", slimit)
			return true
		}
		top = top.Main
	}
	return false
}

// InternalFastRedirect takes over what a subrequest found, without asking
// again (ap_internal_fast_redirect).
func (r *Request) InternalFastRedirect(sub *Request) {
	r.NoCache = r.NoCache && sub.NoCache
	r.NoLocalCopy = r.NoLocalCopy && sub.NoLocalCopy
	r.Mtime, r.URI, r.Filename, r.PathInfo, r.Args, r.HasArgs = sub.Mtime, sub.URI, sub.Filename, sub.PathInfo, sub.Args, sub.HasArgs
	r.Finfo, r.Handler = sub.Finfo, sub.Handler
	r.ContentType, r.ContentEncoding, r.ContentLanguages = sub.ContentType, sub.ContentEncoding, sub.ContentLanguages
	r.Dir = sub.Dir
	r.Notes = Overlay(&sub.Notes, &r.Notes)
	r.Out = Overlay(&sub.Out, &r.Out)
	r.ErrOut = Overlay(&sub.ErrOut, &r.ErrOut)
	r.Env = overlayUnique(&sub.Env, &r.Env)
	r.output = sub.output
	for l := r.output; l != nil; l = l.next {
		l.R = r
	}
	for _, l := range sub.input {
		r.AddInputFilter(l.filter)
	}
}

// overlayUnique is Overlay for tables in which each name stands once.
func overlayUnique(over, base *Fields) Fields {
	t := over.Clone()
	for _, f := range base.All() {
		if !t.Has(f.Name) {
			t.Add(f.Name, f.Value)
		}
	}
	return t
}
