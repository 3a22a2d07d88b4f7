package cache

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

// saving is a response on its way into the cache.
type saving struct {
	x      *exchange
	writer server.CacheWriter // nil: it is not kept
	looked bool
	size   int64
	length string // Content-Length, "" when it was not said
	done   bool   // the answer is out; what still comes is dropped
}

func save(l *server.Link, b *server.Brigade) error {
	s := l.State.(*saving)
	switch {
	case s.done:
		return nil
	case !s.looked:
		s.looked = true
		return s.begin(l, b)
	}
	return s.pass(l, b)
}

// pass writes a brigade into the entry and sends it on.
func (s *saving) pass(l *server.Link, b *server.Brigade) error {
	r := l.R
	if s.writer != nil {
		for _, k := range b.Buckets {
			err := k.Pieces(func(p []byte) error {
				s.size += int64(len(p))
				return s.writer.Write(p)
			})
			if err != nil {
				elog.Debug(r).Err(err).Msgf("AH00765: cache: Cache provider's store_body failed for URI %s", r.URI)
				s.writer.Abort()
				s.writer = nil
				s.x.unlock()
				break
			}
		}
	}
	if b.EOS && s.writer != nil {
		w := s.writer
		s.writer = nil
		if r.Conn.Aborted || r.NoCache || s.length != "" && s.length != strconv.FormatInt(s.size, 10) {
			w.Abort()
		} else {
			w.Commit()
		}
		s.x.unlock()
	}
	return l.Pass(b)
}

func (s *saving) field(r *server.Request, name string) (string, bool) {
	if v, ok := r.ErrOut.Lookup(name); ok {
		return v, true
	}
	return r.Out.Lookup(name)
}

// begin decides whether the response is kept (cache_save_filter).
func (s *saving) begin(l *server.Link, b *server.Brigade) error {
	r, x := l.R, s.x
	if x.usable(r) {
		l.State = x
		return giveStale(l, b)
	}
	cc, pragma, from := joined(&r.ErrOut, "Cache-Control"), joined(&r.ErrOut, "Pragma"), &r.ErrOut
	if cc == "" && pragma == "" {
		cc, pragma, from = joined(&r.Out, "Cache-Control"), joined(&r.Out, "Pragma"), &r.Out
	}
	if r.Status == 304 && x.stale != nil {
		if cc == "" && pragma == "" {
			cc, pragma = joined(&x.stale.Out, "Cache-Control"), joined(&x.stale.Out, "Pragma")
		}
		r.ContentType = x.stale.Out.Get("Content-Type")
	}
	var unwanted []string
	control := parseControl(cc, pragma, func(f string) { unwanted = append(unwanted, f) })
	_ = from
	reason := s.refusal(r, &control, cc != "")
	if r.Status == 304 {
		for _, name := range entityFields {
			r.Out.Unset(name)
		}
		if reason != "" && x.stale != nil {
			return s.again(l, reason)
		}
	}
	if reason != "" {
		elog.Debug(r).Msgf("AH00768: cache: %s not cached for request %s. Reason: %s", x.key, r.UnparsedURI, reason)
		tell(r, miss, reason)
		if x.stale != nil && reason != older {
			elog.Debug(r).Msgf("AH00691: cache: Removing url %s from the cache", x.key)
			x.provider.Remove(r, x.key)
		}
		l.Remove()
		x.unlock()
		return l.Pass(b)
	}
	info := s.info(r, &control)
	elog.Debug(r).Msgf("AH00769: cache: Caching url %s for request %s", x.key, r.UnparsedURI)
	elog.Debug(r).Msg("AH00770: cache: Removing CACHE_REMOVE_URL filter.")
	if x.stale != nil && r.Status == 304 {
		return s.refresh(l, info)
	}
	s.length, _ = s.field(r, "Content-Length")
	size := int64(-1)
	if n, err := strconv.ParseInt(s.length, 10, 64); err == nil && n >= 0 {
		size = n
	} else if s.length = ""; b.EOS {
		size = b.Size()
	}
	if x.stale != nil {
		x.provider.Remove(r, x.key)
		x.stale = nil
		x.restore(r)
	}
	for _, p := range x.providers {
		if s.writer = p.Create(r, x.key, size); s.writer != nil {
			break
		}
	}
	if s.writer == nil {
		tell(r, miss, "cache miss: cache unwilling to store response")
		l.Remove()
		x.unlock()
		return l.Pass(b)
	}
	out, in := cacheable(r, x.host, unwanted), requestFields(r, x.host)
	if err := s.writer.Head(info, &out, &in); err != nil {
		elog.Debug(r).Err(err).Msg("AH00774: cache: store_headers failed")
		tell(r, miss, "cache miss: store_headers failed")
		s.writer.Abort()
		l.Remove()
		x.unlock()
		return l.Pass(b)
	}
	tell(r, miss, "cache miss: attempting entity save")
	return s.pass(l, b)
}

const older = "updated entity is older than cached entity"

var entityFields = []string{"Allow", "Content-Encoding", "Content-Language", "Content-Length", "Content-Location", "Content-MD5",
	"Content-Range", "Content-Type", "Last-Modified"}

// refusal is why the response is not kept, "" when it is.
func (s *saving) refusal(r *server.Request, c *server.CacheControl, hasControl bool) string {
	x, conf := s.x, slot.Of(r.Dir)
	expires, hasExpires := s.field(r, "Expires")
	expiry, expErr := http.ParseTime(expires)
	modified, hasModified := s.field(r, "Last-Modified")
	if _, err := http.ParseTime(modified); err != nil {
		hasModified = false
	}
	_, hasTag := s.field(r, "ETag")
	if r.Notes.Has("no-etag") {
		hasTag = false
	}
	_, authorized := r.FieldIn("Authorization")
	switch r.Status {
	case 200, 203, 206, 300, 301, 304:
	default:
		if !hasExpires && !hasControl {
			return fmt.Sprintf("Response status %d", r.Status)
		}
	}
	storeExpired := conf.storeExpired.Else(false)
	switch {
	case hasExpires && expErr != nil:
		return "Broken expires header: " + expires
	case !c.SMaxAge && !c.MaxAge && !storeExpired && hasExpires && expiry.Before(r.Received):
		return "Expires header already expired; not cacheable"
	case !storeExpired && (c.MustRevalidate || c.ProxyRevalidate) && (c.SMaxAgeValue == 0 || !c.SMaxAge && c.MaxAgeValue == 0) && !hasModified && !hasTag:
		return "s-maxage or max-age zero and no Last-Modified or Etag; not cacheable"
	case !x.host.ignoreQuery.Else(false) && r.HasArgs && !hasExpires && !c.MaxAge && !c.SMaxAge:
		return "Query string present but no explicit expiration time"
	case r.Status == 304 && x.stale == nil:
		return "HTTP Status 304 Not Modified"
	case r.Status == 200 && !hasModified && !hasTag && !hasExpires && !conf.noLastMod.Else(false) && !c.MaxAge && !c.SMaxAge:
		return "No Last-Modified; Etag; Expires; Cache-Control:max-age or Cache-Control:s-maxage headers"
	case !conf.storeNoStore.Else(false) && c.NoStore:
		return "Cache-Control: no-store present"
	case !conf.storePrivate.Else(false) && c.Private:
		return "Cache-Control: private present"
	case authorized && !(c.SMaxAge || c.MustRevalidate || c.ProxyRevalidate || c.Public):
		return "Authorization required"
	case slices.Contains(strings.FieldsFunc(joined(&r.Out, "Vary"), func(c rune) bool { return c == ',' || c == ' ' }), "*"):
		return "Vary header contains '*'"
	case r.Env.Has("no-cache"):
		return "environment variable 'no-cache' is set"
	case r.NoCache:
		return "r->no_cache present"
	}
	if x.stale == nil {
		return ""
	}
	if d, err := http.ParseTime(r.Out.Get("Date")); err == nil && d.Before(x.stale.Info.Date.Truncate(time.Second)) {
		return older
	}
	if r.Status != 304 {
		return ""
	}
	var changed []string
	for _, name := range append([]string{"ETag"}, entityFields...) {
		a, b := joined(&x.stale.Out, name), joined(&r.Out, name)
		if a != "" && b != "" && a != b {
			changed = append(changed, name)
		}
	}
	if changed != nil {
		return "contradiction: 304 Not Modified; but " + strings.Join(changed, ", ") + " modified"
	}
	return ""
}

// again asks once more, without a condition: the answer to the condition is of no use.
func (s *saving) again(l *server.Link, reason string) error {
	r, x := l.R, s.x
	elog.Info(r).Msgf("AH02473: cache: %s responded with an uncacheable 304, retrying the request %s. Reason: %s", x.key, r.UnparsedURI, reason)
	tell(r, miss, "conditional cache miss: 304 was uncacheable, entity removed: "+reason)
	x.provider.Remove(r, x.key)
	x.unlock()
	l.Remove()
	s.done = true
	for _, name := range conditions {
		r.UnsetFieldIn(name)
	}
	r.Status = 200
	r.InternalRedirect(r.UnparsedURI)
	return nil
}

// info is what is kept of a response beside its fields: above all when it expires.
func (s *saving) info(r *server.Request, c *server.CacheControl) *server.CacheInfo {
	conf := slot.Of(r.Dir)
	now := time.Now()
	i := &server.CacheInfo{Status: r.Status, Date: now, ResponseTime: now, RequestTime: r.Received, Control: *c}
	if d, ok := s.field(r, "Date"); ok {
		if t, err := http.ParseTime(d); err == nil {
			i.Date = t
		}
	}
	least, most := conf.minExpire.Else(0), conf.maxExpire.Else(24*time.Hour)
	bound := func(d time.Duration) time.Time { return i.Date.Add(min(max(d, least), most)) }
	expires, ok := s.field(r, "Expires")
	t, err := http.ParseTime(expires)
	modified, _ := s.field(r, "Last-Modified")
	last, modErr := http.ParseTime(modified)
	if modErr == nil && last.After(i.Date) {
		last = i.Date
		elog.Debug(r).Msg("AH00771: cache: Last modified is in the future, replacing with now")
	}
	switch {
	case c.SMaxAge:
		i.Expires = bound(time.Duration(c.SMaxAgeValue) * time.Second)
	case c.MaxAge:
		i.Expires = bound(time.Duration(c.MaxAgeValue) * time.Second)
	case ok && err == nil:
		i.Expires = t
	case modErr == nil && last.Before(i.Date):
		i.Expires = bound(time.Duration(float64(i.Date.Sub(last)) * conf.factor.Else(0.1)))
	default:
		i.Expires = i.Date.Add(conf.defaultExpire.Else(time.Hour))
	}
	return i
}

// refresh answers with a stale entry that turned out to hold still.
func (s *saving) refresh(l *server.Link, info *server.CacheInfo) error {
	r, x := l.R, s.x
	e := x.stale
	s.done = true
	for _, f := range r.ErrOut.All() {
		r.Out.Set(f.Name, f.Value)
	}
	r.ErrOut.Clear()
	info.Status = e.Info.Status
	accept(r, e, true)
	r.Out.Unset("Age")
	e.Info, e.Out = *info, cacheable(r, x.host, nil)
	err := x.provider.Refresh(r, e)
	r.Status, r.StatusLine = info.Status, ""
	x.restore(r)
	out := body(e)
	out.EOS = true
	r.NoLocalCopy = false
	if status := r.MeetsConditions(); status != server.OK {
		r.Status = int(status)
		out.Buckets = nil
	}
	x.unlock()
	elog.Debug(r).Msgf("AH02971: cache: serving %s (revalidated)", r.URI)
	if err != nil {
		elog.Error(r).Err(err).Msg("AH00772: cache: updating headers with store_headers failed. Removing cached url.")
		x.provider.Remove(r, x.key)
		tell(r, refreshed, "conditional cache hit: entity refresh failed")
	} else {
		tell(r, refreshed, "conditional cache hit: entity refreshed")
	}
	return l.Pass(&out)
}

var hopByHop = []string{"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "TE", "Trailer", "Trailers",
	"Transfer-Encoding", "Upgrade"}

// cacheable are the fields of a response that are kept (ap_cache_cacheable_headers_out).
func cacheable(r *server.Request, host *hostConfig, unwanted []string) server.Fields {
	t := server.Overlay(&r.ErrOut, &r.Out)
	for _, list := range [][]string{hopByHop, host.ignoreFields, unwanted, {"X-Cache", "X-Cache-Detail"}} {
		for _, name := range list {
			t.Unset(name)
		}
	}
	if r.Notes.Has("no-etag") {
		t.Unset("ETag")
	}
	if r.ContentType != "" && !t.Has("Content-Type") {
		t.Set("Content-Type", r.ContentType)
	}
	if r.ContentEncoding != "" {
		t.Set("Content-Encoding", r.ContentEncoding)
	}
	if len(r.ContentLanguages) > 0 && !t.Has("Content-Language") {
		t.Set("Content-Language", strings.Join(r.ContentLanguages, ","))
	}
	return t
}

// requestFields are the fields of the request that are kept with its answer.
func requestFields(r *server.Request, host *hostConfig) server.Fields {
	var t server.Fields
	for _, name := range r.FieldOrder {
		if v, ok := r.FieldIn(name); ok && !slices.ContainsFunc(slices.Concat(hopByHop, host.ignoreFields), func(n string) bool { return strings.EqualFold(n, name) }) {
			t.Set(name, v)
		}
	}
	return t
}
