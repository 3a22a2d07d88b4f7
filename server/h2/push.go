package h2

import (
	"encoding/binary"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/net/http2"

	"github.com/donjon-httpd/donjon/server"
)

// diary remembers what was pushed on the session, so that it is not pushed again.
type diary struct {
	size  int
	names []string
}

// note tells whether a resource is new.
func (d *diary) note(name string) bool {
	for i, n := range d.names {
		if n == name {
			copy(d.names[i:], d.names[i+1:])
			d.names[len(d.names)-1] = name
			return false
		}
	}
	if d.size <= 0 {
		return true
	}
	if len(d.names) >= d.size {
		d.names = append(d.names[:0], d.names[1:]...)
	}
	d.names = append(d.names, name)
	return true
}

// pushedFields are what a request that the server makes up has of the one that it
// goes with (RFC 9113 section 8.4.1 leaves it to the server; these are Apache's).
var pushedFields = []string{"User-Agent", "Accept", "Accept-Encoding", "Accept-Language", "Cache-Control"}

// push promises the responses that go with a request's and begins their streams. It
// gives the policy that Push-Policy tells, "" where nothing is to be pushed. mu is held.
func (x *exchange) push(r *server.Request) (policyUsed string) {
	s := x.s
	if s.opt.Pushes == nil || !s.opt.Push || !s.takesPush || x.st.on != 0 || r.Main != nil || r.Status >= 400 || !pushes(r) {
		return ""
	}
	method := "GET"
	paths := s.opt.Pushes(r)
	if len(paths) > 0 {
		policyUsed = "default"
	}
	if policy(r.Header) == "head" {
		method = "HEAD"
		if policyUsed != "" {
			policyUsed = "head"
		}
	}
	for _, path := range paths {
		if s.draining || s.pushes >= min(int(s.maxPushes), s.opt.MaxStreams) || s.pushed >= maxWindow-2 {
			break
		}
		authority := r.Request.Host
		if !s.diary.note(authority + path) {
			continue
		}
		h := &head{method: method, scheme: "http", authority: authority, path: path, has: hasMethod | hasScheme | hasAuthority | hasPath, fields: http.Header{}}
		if s.conn.TLS {
			h.scheme = "https"
		}
		s.encoded.Reset()
		s.encode(":scheme", h.scheme)
		s.encode(":authority", h.authority)
		s.encode(":path", h.path)
		s.encode(":method", h.method)
		for _, name := range r.FieldOrder {
			if name = http.CanonicalHeaderKey(name); !slices.Contains(pushedFields, name) || h.fields[name] != nil {
				continue
			}
			if v := r.Header[name]; len(v) > 0 {
				h.fields[name] = v
				h.order = append(h.order, name)
				s.encode(strings.ToLower(name), v[0])
			}
		}
		s.encode("host", h.authority)
		s.pushed += 2
		s.appendFields(http2.FramePushPromise, 0, x.st.id, binary.BigEndian.AppendUint32(nil, s.pushed), s.encoded.Bytes())
		st := s.newStream(s.pushed, true, -1)
		st.on = x.st.id
		st.body.window = 0
		st.start(h)
	}
	return policyUsed
}

// pushes tells whether the client of a request takes pushed responses, by its
// Accept-Push-Policy.
func pushes(r *server.Request) bool { return r.Method == "GET" && policy(r.Header) != "none" }

// policy is what Accept-Push-Policy says: "none", "head", or "" for anything else.
func policy(h http.Header) string {
	v := h["Accept-Push-Policy"]
	if len(v) == 0 {
		return ""
	}
	switch p := strings.ToLower(strings.TrimSpace(v[0])); p {
	case "none", "head":
		return p
	}
	return ""
}
