package server

import (
	"bytes"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Question is a request to be explained. Local is the address that it comes in
// at, Remote the client's; a zero port of Local is the URL's.
type Question struct {
	Method        string
	Target        string // a URL, or a path
	Fields        []Field
	Local, Remote netip.AddrPort
}

// Explain runs a question through the phases. Nothing is sent or logged, no
// program is run: handlers that might do more than read files are named only.
// The generation must not serve at the same time.
func (g *Generation) Explain(q Question) (*Explanation, error) {
	x := &Explanation{}
	log := NewErrorLog((*explainLog)(x))
	for _, v := range g.Servers() {
		g.SetErrorLog(v, log)
	}
	r, err := g.question(q)
	if err != nil {
		return nil, err
	}
	for _, h := range g.hooks[postConfig] {
		if err := h.server(g); err != nil {
			x.Log = append(x.Log, err.Error())
		}
	}
	r.explain = x
	r.Exchange = &explainExchange{x: x}
	x.begin(r)
	g.Process(r)
	x.look(r)
	for r.Next != nil {
		r = r.Next
	}
	x.File, x.PathInfo, x.LoggedHandler = r.Filename, r.PathInfo, r.Handler
	if r.Handler == "" {
		x.LoggedHandler = "-"
	}
	return x, nil
}

// question makes the request as a wire engine would.
func (g *Generation) question(q Question) (*Request, error) {
	target, host := q.Target, ""
	port := q.Local.Port()
	if !strings.HasPrefix(target, "/") && target != "*" {
		u, err := url.Parse(target)
		if err != nil {
			return nil, err
		}
		if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return nil, fmt.Errorf("%q is neither a path nor an http URL", q.Target)
		}
		host = u.Host
		if port == 0 {
			port = map[string]uint16{"http": 80, "https": 443}[u.Scheme]
			if p := u.Port(); p != "" {
				n, err := strconv.ParseUint(p, 10, 16)
				if err != nil {
					return nil, err
				}
				port = uint16(n)
			}
		}
		target = u.EscapedPath()
		if target == "" {
			target = "/"
		}
		if u.RawQuery != "" || u.ForceQuery {
			target += "?" + u.RawQuery
		}
	}
	if port == 0 {
		port = 80
		if l := CoreServer.Of(g.Config.Main).Listen; len(l) > 0 {
			port = uint16(l[0].Port)
		}
	}
	local := netip.AddrPortFrom(q.Local.Addr(), port)
	if !local.Addr().IsValid() {
		local = netip.AddrPortFrom(g.likelyAddress(host, int(port)), port)
	}
	remote := q.Remote
	if !remote.Addr().IsValid() {
		remote = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 50000)
	}
	conn := &Conn{Gen: g, Server: g.BaseServer(local), Local: local, Remote: remote,
		ClientIP: remote.Addr().String(), LocalIP: local.Addr().String()}
	hr := &http.Request{Method: q.Method, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, RequestURI: target,
		Body: http.NoBody, URL: &url.URL{}}
	if host == "" {
		host = CoreServer.Of(conn.Server).ServerName
		if host == "" {
			host = "localhost"
		}
	}
	fields := append([]Field{{"Host", host}}, q.Fields...)
	var order []string
	for _, f := range fields {
		key := http.CanonicalHeaderKey(f.Name)
		switch old, ok := hr.Header[key]; {
		case ok && key == "Host":
			hr.Header[key] = []string{f.Value}
		case ok:
			hr.Header[key] = []string{old[0] + ", " + f.Value}
		default:
			hr.Header[key] = []string{f.Value}
			order = append(order, f.Name)
		}
	}
	hr.Host = hr.Header.Get("Host")
	r := g.NewRequest(conn, nil, hr)
	r.TheRequest, r.FieldOrder = q.Method+" "+target+" HTTP/1.1", order
	r.SetTarget(target)
	hr.URL.Path, hr.URL.RawQuery = r.URI, r.Args
	return r, nil
}

// likelyAddress is the server's address that a request for a host would come in
// at: the host itself, the address of a virtual host that has its name, or this
// machine's own.
func (g *Generation) likelyAddress(host string, port int) netip.Addr {
	name := strings.ToLower(host)
	if h, _, ok := strings.Cut(host, ":"); ok && !strings.HasPrefix(host, "[") {
		name = strings.ToLower(h)
	}
	if a, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		return a
	}
	for _, v := range g.Config.Hosts {
		if !mainNames(v, name) {
			continue
		}
		for _, a := range CoreServer.Of(v).Addrs {
			if a.Addr.IsValid() && (a.Port == 0 || a.Port == port) {
				return a.Addr
			}
		}
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, 1})
}

// explainLog takes in the lines that would be in the error log, without time,
// process and client.
type explainLog Explanation

func (l *explainLog) Write(line []byte) (int, error) {
	text := string(bytes.TrimRight(line, "\n"))
	if _, rest, ok := strings.Cut(text, "] ["); ok && strings.HasPrefix(text, "[") {
		text = "[" + rest
	}
	for _, cut := range []string{"[pid ", "[client "} {
		if before, rest, ok := strings.Cut(text, cut); ok {
			if _, after, ok := strings.Cut(rest, "] "); ok {
				text = before + after
			}
		}
	}
	l.Log = append(l.Log, text)
	return len(line), nil
}

// explainExchange is the wire: it keeps the head and counts the body.
type explainExchange struct{ x *Explanation }

func (e *explainExchange) Interim(*Request, int) error { return nil }
func (e *explainExchange) Drop()                       {}

func (e *explainExchange) Body(r *Request, b *Brigade) error {
	if e.x.Response == nil && e.x.Unrun == "" {
		e.x.answer(r)
	}
	if a := e.x.Response; a != nil {
		a.Body += b.Size()
	}
	return nil
}

// answer is the head as it would be sent, with the origin of each field.
func (x *Explanation) answer(r *Request) {
	a := &Answer{Status: r.StatusLine}
	a.Fields = append(a.Fields, AnswerField{Field: Field{"Date", time.Now().UTC().Format(http.TimeFormat)}, By: "core_module"},
		AnswerField{Field: Field{"Server", r.Gen.Banner()}, By: "core_module", Lines: x.last(r, "ServerTokens")})
	for _, f := range r.Out.All() {
		if equalFold(f.Name, "Date") || equalFold(f.Name, "Server") {
			continue
		}
		field := AnswerField{Field: f}
		if c, ok := x.origin(f.Name, f.Value); ok {
			field.By, field.Lines = c.By, c.Lines
		}
		if field.By == "" {
			field.By = "core_module"
		}
		a.Fields = append(a.Fields, field)
	}
	x.Response = a
}

// chose tells why the request's virtual host was taken.
func (x *Explanation) chose(r *Request, c *nameChain, byName bool) {
	conf := CoreServer.Of(r.Server)
	h := &Choice{Name: conf.ServerName}
	if n := r.Server.Node; n != nil {
		p := placeOfNode(n)
		h.Place = &p
	}
	at := r.Conn.Local.String()
	switch {
	case c == nil:
		h.Reason = "no virtual host has the address " + at
	case byName && strings.EqualFold(r.Hostname, conf.ServerName):
		h.Reason = fmt.Sprintf("at %s, %s is its ServerName", at, r.Hostname)
	case byName:
		h.Reason = fmt.Sprintf("at %s, %s is its ServerAlias or address", at, r.Hostname)
	case len(c.hosts) == 1:
		h.Reason = "the only virtual host at " + at
	case r.Hostname == "":
		h.Reason = "no host was named; the first virtual host at " + at
	default:
		h.Reason = fmt.Sprintf("no virtual host at %s is called %s, so the first one there", at, r.Hostname)
	}
	x.Host = h
}
