package filter

import (
	"maps"
	"slices"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

var elog = server.NewLog("filter")

// savedRange is the Range field that was hidden while it was not known whether
// a filter would change the length.
var savedRange server.RequestSlot[string]

// insert adds the chain's smart filters to the request.
func insert(r *server.Request) {
	c := slot.Of(r.Dir)
	hide := true
	for _, name := range c.chain[lastReset(c.chain)+1:] {
		s := c.smart[name]
		if s == nil {
			elog.Warn(r).Msgf("AH01380: Unknown filter %s not added", name)
			continue
		}
		r.AddOutputFilter(s.filter, nil)
		if hide && s.protocol&(noByteRange|changesLength) != 0 {
			hide = false
			if v, ok := r.FieldIn("Range"); ok {
				savedRange.Set(r, &v)
				r.Header = maps.Clone(r.Header) // a subrequest shares it
				r.UnsetFieldIn("Range")
			}
		}
	}
}

// chosen is the provider that filters a response, and its own state.
type chosen struct {
	filter *server.OutputFilter
	state  any
}

func (s *smart) run(l *server.Link, b *server.Brigade) error {
	r := l.R
	if r.Status != 200 && !r.Env.Has("filter-errordocs") {
		l.Remove()
		return l.Pass(b)
	}
	if s.trace {
		s.writeTrace(r, b)
	}
	c, ok := l.State.(*chosen)
	if !ok {
		if f := s.choose(r); f != nil {
			c = &chosen{filter: f}
			if !f.Plain {
				r.Unrepeatable()
			}
		} else {
			l.Remove()
			return l.Pass(b)
		}
	}
	l.State = c.state
	err := c.filter.Run(l, b)
	c.state = l.State
	l.State = c
	return err
}

// writeTrace is FilterTrace 1: a line for each bucket that comes.
func (s *smart) writeTrace(r *server.Request, b *server.Brigade) {
	if !elog.Enabled(server.LevelDebug, r.Conn) {
		return
	}
	r.Unrepeatable() // lines for each request, though they are about the connection
	elog.Debug(r.Conn).Msgf("AH01375: %s", s.filter.Name)
	line := func(kind string, n int64) {
		elog.Debug(r.Conn).Msgf("AH01376: %s: type: %s, length: %d", s.filter.Name, kind, n)
	}
	for _, k := range b.Buckets {
		line(k.Kind(), k.Size())
	}
	if b.Flush {
		line("FLUSH", 0)
	}
	if b.EOS {
		line("EOS", 0)
	}
}

// choose gives the first provider whose condition the response satisfies, and
// does to the head what its protocol flags say; nil for none.
func (s *smart) choose(r *server.Request) *server.OutputFilter {
	flags := host.Of(r.Gen.Config.Main).flags
	if r.Proxied && (s.protocol&noProxy != 0 || s.protocol&transforms != 0 && mayNotTransform(r)) {
		return nil
	}
	for i := range s.providers {
		p := &s.providers[i]
		if !p.matches(r) {
			continue
		}
		protocol := flags[p.filter] | p.protocol
		if r.Proxied {
			if protocol&noProxy != 0 || protocol&transforms != 0 && mayNotTransform(r) {
				continue
			}
			if protocol&transforms != 0 {
				r.Out.Add("Warning", "214 "+r.Hostname+" Transformation applied")
			}
		}
		protocol.apply(r)
		return p.filter
	}
	return nil
}

func mayNotTransform(r *server.Request) bool {
	return strings.Contains(strings.ToLower(r.Out.Get("Cache-Control")), "no-transform")
}

func (p protocol) apply(r *server.Request) {
	if p&changes != 0 {
		r.Out.Unset("Content-MD5")
		r.Out.Unset("ETag")
		if p&changesLength != 0 {
			r.Out.Unset("Content-Length")
		}
	}
	if p&noCache != 0 {
		r.Out.Unset("Last-Modified")
		r.Out.Add("Cache-Control", "no-cache")
	}
	if p&noByteRange != 0 {
		r.Out.Set("Accept-Ranges", "none")
	} else if v := savedRange.Of(r); v != nil && *v != "" {
		r.SetFieldIn("Range", *v)
		*v = ""
	}
}

// matches tells whether the provider's condition holds. Names of filters are
// printed in lower case, as Apache registers them.
func (p *provider) matches(r *server.Request) bool {
	name := strings.ToLower(p.filter.Name)
	words := map[bool]string{true: "matched", false: "did not match"}
	if p.cond != nil {
		ok, err := p.cond.Bool(r)
		if err != nil {
			elog.Error(r).Msgf("AH01379: Error evaluating filter dispatch condition: %s", err)
			ok = false
		}
		if ev := elog.Trace(2, r); ev != nil {
			ev.Msgf("Expression condition for '%s' %s", name, words[ok])
		}
		return ok
	}
	if r.ContentType == "" {
		elog.Trace(2, r).Msgf("Content-Type condition for '%s' did not match: no Content-Type", name)
		return false
	}
	elog.Trace(4, r).Msgf("Content-Type '%s' ...", r.ContentType)
	mime := r.ContentType
	if i := strings.IndexAny(mime, "; \t"); i >= 0 {
		mime = mime[:i]
	}
	ok := slices.ContainsFunc(p.types, func(t string) bool {
		elog.Trace(4, r).Msgf("... %s '%s'", words[t == mime], t)
		return t == mime
	})
	elog.Trace(2, r).Msgf("Content-Type condition for '%s' %s", name, words[ok])
	return ok
}
