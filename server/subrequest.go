package server

import (
	"net/http"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
)

// A subrequest asks what a request for another URL or file would find, and may
// put its response into the one being made (ap_sub_req_*).

func (r *Request) subRequest(method string) *Request {
	sub := new(Request)
	r.makeSub(sub, new(http.Request), method)
	return sub
}

// makeSub fills a subrequest and its http.Request, which may have been used before.
func (r *Request) makeSub(sub *Request, hr *http.Request, method string) {
	*hr = *r.Request
	hr.Method = method
	hr.Body = nil
	hr.ContentLength = 0
	*sub = Request{Request: hr, Gen: r.Gen, Conn: r.Conn, Exchange: subExchange{r}, Server: r.Server, Dir: r.Server.Defaults,
		Main: r, Received: r.Received, TheRequest: r.TheRequest, Hostname: r.Hostname, Port: r.Port, FieldOrder: r.FieldOrder,
		Client: r.Client, ClientIP: r.ClientIP, Status: 200, Env: r.Env.Clone(), User: r.User, UserSet: r.UserSet, AuthType: r.AuthType,
		HeaderOnly: r.HeaderOnly, NoLocalCopy: true, KeptBody: r.KeptBody, redirects: r.redirects}
}

// SubRequestURI runs all phases before the handler for a URL-path, which may be
// relative to the request's own (ap_sub_req_lookup_uri).
func (r *Request) SubRequestURI(uri string) *Request { return r.SubRequestMethodURI("GET", uri) }

// SubRequestMethodURI is SubRequestURI with another method.
func (r *Request) SubRequestMethodURI(method, uri string) *Request {
	sub := r.subRequest(method)
	if r.explain != nil {
		sub.explain = r.explain
		s := sub.explain.aside(sub, "subrequest", uri)
		defer func() { s.Answer = strconv.Itoa(sub.Status); sub.explain.pop(sub, s, true) }()
	}
	if !strings.HasPrefix(uri, "/") {
		dir, _ := path.Split(r.URI)
		if uri == "" {
			uri = dir
		} else {
			uri = dir + uri
		}
	}
	sub.SetTarget(uri)
	if r.recursionExceeded() {
		sub.Status = 500
		return sub
	}
	if s := QuickHandler.run(sub); s != Declined && s != OK {
		sub.Status = int(s)
		return sub
	}
	if s := sub.prepare(); s != OK {
		sub.Status = int(s)
	}
	return sub
}

// SubRequestFile runs the phases for a file, which may be relative to the
// directory of the request's file (ap_sub_req_lookup_file).
func (r *Request) SubRequestFile(file string) *Request {
	sub := r.subRequest("GET")
	if r.explain != nil {
		sub.explain = r.explain
		s := sub.explain.aside(sub, "subrequest", file)
		defer func() { s.Answer = strconv.Itoa(sub.Status); sub.explain.pop(sub, s, true) }()
	}
	fileDir, _ := path.Split(r.Filename)
	if !path.IsAbs(file) {
		file = path.Join(fileDir, file)
	}
	if sub.Filename = path.Clean(file); strings.HasSuffix(file, "/") && sub.Filename != "/" {
		sub.Filename += "/"
	}
	if name, ok := strings.CutPrefix(sub.Filename, fileDir); ok && name != "" && !strings.Contains(name, "/") {
		dir, _ := path.Split(r.URI) // a neighbour: its URL is known
		sub.SetTarget(EscapePath(dir + name))
		sub.URI = dir + name
	}
	if r.recursionExceeded() {
		sub.Status = 500
		return sub
	}
	sub.Finfo = statFile(sub.Filename, true)
	if s := sub.prepare(); s != OK {
		sub.Status = int(s)
	}
	return sub
}

// RunSub runs a subrequest's handler; what it writes goes into the main
// response (ap_run_sub_req).
func (r *Request) RunSub() Status {
	s := QuickHandler.run(r)
	if s == Declined {
		s = r.invokeHandler()
	}
	r.End()
	return s
}

// subExchange puts the body of a subrequest into the main request's chain,
// behind what the main request wrote.
type subExchange struct{ main *Request }

func (x subExchange) Body(_ *Request, b *Brigade) error {
	inner := *b
	inner.EOS = false
	if m := x.main; len(m.pending) > 0 {
		inner.Buckets = append([]Bucket{{Mem: slices.Clone(m.pending)}}, b.Buckets...)
		m.pending = m.pending[:0]
	}
	if len(inner.Buckets) == 0 && !inner.Flush {
		return nil // nothing but an end, which is not the main request's
	}
	return x.main.PassBrigade(&inner)
}
func (x subExchange) Interim(*Request, int) error { return nil }
func (x subExchange) Drop()                       { x.main.Exchange.Drop() }

// Take has what sub, a subrequest of the filter's request, writes go to the
// filters behind this one, instead of into the whole chain.
func (l *Link) Take(sub *Request) { sub.Exchange = linkExchange{subExchange{l.R}, l} }

type linkExchange struct {
	subExchange
	link *Link
}

func (x linkExchange) Body(_ *Request, b *Brigade) error {
	inner := *b
	inner.EOS = false
	return x.link.Pass(&inner)
}

// statFile looks at a file; follow tells whether at what a link leads to.
func statFile(name string, follow bool) Finfo {
	var st os.FileInfo
	var err error
	if follow {
		st, err = os.Stat(name)
	} else {
		st, err = os.Lstat(name)
	}
	if err != nil {
		return Finfo{}
	}
	return FinfoOf(st)
}
