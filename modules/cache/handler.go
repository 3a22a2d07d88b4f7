package cache

import (
	"fmt"

	"github.com/donjon-httpd/donjon/server"
)

// marker stands where a configuration wants responses to be kept and given:
// SetOutputFilter CACHE. Where nothing is kept it does nothing.
var marker = &server.OutputFilter{Name: "CACHE", Level: server.ContentSetLevel - 1, Plain: true}

// saver looks at responses, behind the filters that give them their form.
var (
	saver      = &server.OutputFilter{Name: "CACHE_SAVE", Level: server.ContentSetLevel + 1}
	giver      = &server.OutputFilter{Name: "CACHE_OUT", Level: server.ContentSetLevel + 1}
	staleGiver = &server.OutputFilter{Name: "CACHE_OUT", Level: server.ContentSetLevel + 1}
	remover    = &server.OutputFilter{Name: "CACHE_INVALIDATE", Level: server.ProtocolLevel}
)

// init, because the filters lead back to the handlers.
func init() {
	saver.Run, remover.Run, staleGiver.Run = save, invalidate, giveStale
	giver.Run = func(l *server.Link, b *server.Brigade) error { l.Remove(); return l.Pass(b) }
	marker.Run = func(l *server.Link, b *server.Brigade) error {
		x := exchanges.Of(l.R)
		if x != nil && !x.host.quick.Else(true) && x.saving && x.hit == nil {
			if l.State == nil {
				l.State = &saving{x: x}
			}
			return save(l, b)
		}
		l.Remove()
		return l.Pass(b)
	}
}

func quick(r *server.Request) server.Status {
	if !hosts.Of(r.Server).quick.Else(true) {
		return server.Declined
	}
	return serve(r, true)
}

func handle(r *server.Request) server.Status {
	if hosts.Of(r.Server).quick.Else(true) {
		return server.Declined
	}
	return serve(r, false)
}

// serve answers from the cache, or has the answer looked at.
func serve(r *server.Request, quickly bool) server.Status {
	if r.Main != nil || exchanges.Of(r) != nil {
		return server.Declined
	}
	list := providers(r)
	if list == nil {
		return server.Declined
	}
	r.Unrepeatable()
	x := &exchange{host: hosts.Of(r.Server), providers: list}
	cc, _ := r.FieldIn("Cache-Control")
	pragma, _ := r.FieldIn("Pragma")
	x.control = parseControl(cc, pragma, nil)
	if x.control.NoStore {
		if !x.host.ignoreControl.Else(false) {
			return server.Declined
		}
		elog.Info(r).Msgf("AH02658: Incoming request is asking for a no-store version of %s, but we have been configured to ignore it and serve cached content anyway", r.UnparsedURI)
	}
	if _, has := r.FieldIn("Authorization"); has && quickly {
		return server.Declined
	}
	adding, ignoring := "AH02463", "AH02464"
	if quickly {
		adding, ignoring = "AH02461", "AH02462"
	}
	switch r.Method {
	case "PUT", "POST", "DELETE":
		elog.Debug(r).Msgf("%s: PUT/POST/DELETE: Adding CACHE_INVALIDATE filter for %s", adding, r.URI)
		exchanges.Set(r, x)
		r.AddOutputFilter(remover, x)
		return server.Declined
	case "GET", "HEAD":
	default:
		elog.Debug(r).Msgf("%s: cache: Method '%s' not cacheable by mod_cache, ignoring: %s", ignoring, r.Method, r.URI)
		return server.Declined
	}
	exchanges.Set(r, x)
	switch s := x.find(r); s {
	case server.OK:
		return x.give(r, quickly)
	case server.Declined:
	default:
		return s
	}
	locked, addSave, addRemove := "AH00760", "AH00757", "AH00759"
	if quickly {
		locked, addSave, addRemove = "AH00752", "AH00750", "AH00751"
	}
	if err := x.tryLock(r); err != nil {
		elog.Debug(r).Err(err).Msgf("%s: Cache locked for url, not caching response: %s", locked, r.URI)
		x.restore(r)
		return server.Declined
	}
	x.saving = true
	if !quickly && r.HasOutputFilter(marker.Name) {
		elog.Debug(r).Msgf("AH00758: Replacing CACHE with CACHE_SAVE filter for %s", r.URI)
	} else {
		elog.Debug(r).Msgf("%s: Adding CACHE_SAVE filter for %s", addSave, r.URI)
		r.AddOutputFilter(saver, &saving{x: x})
	}
	elog.Debug(r).Msgf("%s: Adding CACHE_REMOVE_URL filter for %s", addRemove, r.URI)
	return server.Declined
}

// outcome is what became of a request.
type outcome string

const (
	hit         outcome = "HIT"
	refreshed   outcome = "REVALIDATE"
	miss        outcome = "MISS"
	invalidated outcome = "INVALIDATE"
)

var envOf = map[outcome]string{hit: "cache-hit", refreshed: "cache-revalidate", miss: "cache-miss", invalidated: "cache-invalidate"}

// tell tells logs and client what became of a request (cache_status).
func tell(r *server.Request, o outcome, reason string) {
	r.Env.Set(envOf[o], reason)
	r.Env.Set("cache-status", reason)
	c := slot.Of(r.Dir)
	name := server.CoreServer.Of(r.Server).ServerName
	if c.field.Else(false) {
		r.Out.Set("X-Cache", fmt.Sprintf("%s from %s", o, name))
	}
	if c.detail.Else(false) {
		r.Out.Set("X-Cache-Detail", fmt.Sprintf("\"%s\" from %s", reason, name))
	}
}

// accept makes an entry's fields those of the response (cache_accept_headers).
func accept(r *server.Request, e *server.CacheEntry, keepNewer bool) {
	if t, ok := e.Out.Lookup("Content-Type"); ok {
		r.ContentType = t
		e.Out.Unset("Content-Type")
	}
	kept := e.Out.Clone()
	if keepNewer {
		for _, f := range r.Out.All() {
			kept.Unset(f.Name)
			kept.Add(f.Name, f.Value)
		}
		r.Out = kept
		return
	}
	for _, f := range kept.All() {
		r.Out.Unset(f.Name)
	}
	for _, f := range kept.All() {
		r.Out.Add(f.Name, f.Value)
	}
}

// give answers with an entry.
func (x *exchange) give(r *server.Request, quickly bool) server.Status {
	e := x.hit
	accept(r, e, false)
	r.Status = e.Info.Status
	tell(r, hit, "cache hit")
	if s := r.MeetsConditions(); s != server.OK {
		return s
	}
	if quickly {
		r.StartResponse()
	}
	through := giver.Name
	if !quickly && r.HasOutputFilter(marker.Name) {
		elog.Debug(r).Msgf("AH00761: Replacing CACHE with CACHE_OUT filter for %s", r.URI)
		through = marker.Name
	} else {
		r.AddOutputFilter(giver, nil)
	}
	r.DropFilters(through)
	elog.Debug(r).Msg("AH00763: cache: running CACHE_OUT filter")
	elog.Debug(r).Msgf("AH00764: cache: serving %s", r.URI)
	b := body(e)
	b.EOS = true
	if e.File != nil && len(b.Buckets) > 0 {
		if err := r.EndWithFile(e.File, 0, e.Size); err != nil {
			return server.OK
		}
		return server.OK
	}
	r.WriteString(string(e.Mem))
	r.End()
	return server.OK
}

func body(e *server.CacheEntry) server.Brigade {
	switch {
	case e.Size == 0:
		return server.Brigade{}
	case e.File != nil:
		return server.Brigade{Buckets: []server.Bucket{{File: e.File, Len: e.Size}}}
	}
	return server.Brigade{Buckets: []server.Bucket{{Mem: e.Mem}}}
}

// usable tells whether a stale entry may stand for an answer that failed.
func (x *exchange) usable(r *server.Request) bool {
	return x != nil && x.stale != nil && slot.Of(r.Dir).staleOnError.Else(true) && r.Status >= 500 &&
		!x.stale.Info.Control.MustRevalidate && !x.stale.Info.Control.ProxyRevalidate
}

// keepOnError has a stale entry stand for an error page of our own; where it
// must not, the entry is gone, as by Apache's CACHE_REMOVE_URL.
func keepOnError(r *server.Request) {
	switch x := exchanges.Of(r); {
	case x.usable(r):
		x.failed = true
		r.AddOutputFilter(staleGiver, x)
	case x != nil && x.saving && x.stale != nil:
		elog.Debug(r).Msgf("AH00691: cache: Removing url %s from the cache", x.key)
		x.provider.Remove(r, x.key)
		x.stale = nil
		x.unlock()
	}
}

func giveStale(l *server.Link, b *server.Brigade) error {
	x, r := l.State.(*exchange), l.R
	l.Remove()
	x.unlock()
	status := r.Status
	r.Out = server.Fields{}
	accept(r, x.stale, false)
	r.Status, r.StatusLine = x.stale.Info.Status, ""
	warned := &r.ErrOut // ahead of the entry's fields
	if x.failed {
		warned = &r.Out
	}
	warned.Merge("Warning", "111 Revalidation failed")
	tell(r, hit, fmt.Sprintf("cache hit: %d status; stale content returned", status))
	out := body(x.stale)
	out.EOS = true
	l.State = nil
	return l.Pass(&out)
}

// invalidate marks what is kept of a URL that was changed.
func invalidate(l *server.Link, b *server.Brigade) error {
	x, r := l.State.(*exchange), l.R
	l.Remove()
	if r.Status >= 300 {
		elog.Debug(r).Msgf("AH02466: cache: response status to '%s' method is %d (>=HTTP_MULTIPLE_CHOICES), not invalidating cached entity: %s", r.Method, r.Status, r.URI)
		return l.Pass(b)
	}
	elog.Debug(r).Msgf("AH02467: cache: Invalidating all cached entities in response to '%s' request for %s", r.Method, r.URI)
	x.makeKey(r)
	for _, p := range x.providers {
		if e := p.Find(r, x.key); e != nil {
			e.Info.Control.Invalidated = true
			p.Refresh(r, e)
			elog.Debug(r).Msgf("AH02468: cache: Attempted to invalidate cached entity with key: %s", x.key)
		}
	}
	r.Env.Set(envOf[invalidated], "cache invalidated by "+r.Method) // the head is made before: no field tells it
	r.Env.Set("cache-status", "cache invalidated by "+r.Method)
	return l.Pass(b)
}
