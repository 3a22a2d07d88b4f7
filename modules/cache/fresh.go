package cache

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

// exchange is what the cache knows of one request.
type exchange struct {
	host      *hostConfig
	providers []*server.CacheProvider
	provider  *server.CacheProvider // that has the entry
	key       string
	control   server.CacheControl // of the request
	hit       *server.CacheEntry
	stale     *server.CacheEntry
	fieldsIn  map[string][]string // of the request, before it was made conditional
	orderIn   []string
	lock      string // a file to remove; "" for none
	saving    bool   // the answer is looked at
	failed    bool   // an error page of our own is to be replaced
}

var exchanges server.RequestSlot[exchange]

// makeKey is the URL in the form that all who ask for it share (cache_generate_key_default).
func (x *exchange) makeKey(r *server.Request) {
	host, scheme, port := r.ServerName(), r.Scheme(), ":"+strconv.Itoa(r.ServerPort())
	if b := x.host.base; b != nil {
		if b.Hostname() != "" {
			host, port = b.Hostname(), ""
		}
		if b.Scheme != "" {
			scheme = b.Scheme
		}
		if b.Port() != "" {
			port = ":" + b.Port()
		}
	}
	path, query := r.URI, r.Args
	for _, id := range x.host.ignoreSessions {
		if i := strings.LastIndexByte(path, ';'); i >= 0 && strings.HasPrefix(path[i+1:], id+"=") && !strings.Contains(path[i+len(id)+2:], "/") {
			path = path[:i]
			continue
		}
		at := -1
		if strings.HasPrefix(query, id+"=") {
			at = 0
		} else if i := strings.Index(query, "&"+id+"="); i >= 0 {
			at = i + 1
		}
		if at < 0 {
			continue
		}
		before, after := query[:at], ""
		if i := strings.IndexByte(query[at:], '&'); i >= 0 {
			after = query[at+i+1:]
		}
		query = before + after
		if after == "" {
			query = strings.TrimSuffix(before, "&")
		}
	}
	if x.host.ignoreQuery.Else(false) {
		query = ""
	}
	x.key = scheme + "://" + strings.ToLower(host) + port + path + "?" + query
	shown := r.Args
	if !r.HasArgs {
		shown = "(null)"
	}
	elog.Debug(r).Msgf("AH00698: cache: Key for entity %s?%s is %s", r.URI, shown, x.key)
}

// find looks for an entry that answers the request. A status other than
// Declined ends it; a stale entry makes the request a conditional one (cache_select).
func (x *exchange) find(r *server.Request) server.Status {
	x.makeKey(r)
	if x.control.NoCache {
		if !x.host.ignoreControl.Else(false) {
			return server.Declined
		}
		elog.Info(r).Msgf("AH02657: Incoming request is asking for an uncached version of %s, but we have been configured to ignore it and serve cached content anyway", r.UnparsedURI)
	}
	for _, p := range x.providers {
		e := p.Find(r, x.key)
		if e == nil {
			continue
		}
		if !varies(r, e) {
			elog.Debug(r).Msg("AH00694: cache_select(): Vary header mismatch.")
			continue
		}
		x.provider = p
		if x.isFresh(r, e) {
			if passesCondition(r, e) {
				return server.Declined
			}
			x.hit = e
			return server.OK
		}
		if x.control.OnlyIfCached {
			continue
		}
		x.revalidate(r, e)
		return server.Declined
	}
	if x.control.OnlyIfCached {
		elog.Debug(r).Msgf("AH00696: cache: 'only-if-cached' requested and no cached entity, returning 504 Gateway Timeout for: %s", r.URI)
		return 504
	}
	return server.Declined
}

// passesCondition tells whether the client asked with a condition under which it
// gets the whole response: then the origin is asked, which may have a newer one
// (observed on 2.4.71).
func passesCondition(r *server.Request, e *server.CacheEntry) bool {
	asked := false
	for _, name := range conditions {
		_, has := r.FieldIn(name)
		asked = asked || has && name != "If-Range"
	}
	if !asked {
		return false
	}
	out, status := r.Out, r.Status
	defer func() { r.Out, r.Status = out, status }()
	r.Out, r.Status = e.Out.Clone(), e.Info.Status
	return r.MeetsConditions() == server.OK
}

// varies tells whether the entry's request had the same fields as far as Vary counts them.
func varies(r *server.Request, e *server.CacheEntry) bool {
	for name := range strings.FieldsFuncSeq(joined(&e.Out, "Vary"), func(c rune) bool { return c == ',' || c == ' ' || c == '\t' }) {
		if name == "*" {
			return false
		}
		now, has := r.FieldIn(name)
		then, had := e.In.Lookup(name)
		if has != had || now != then {
			return false
		}
	}
	return true
}

// revalidate makes the request ask whether a stale entry still holds.
func (x *exchange) revalidate(r *server.Request, e *server.CacheEntry) {
	x.stale = e
	x.fieldsIn, x.orderIn = r.Header.Clone(), r.FieldOrder
	elog.Debug(r).Msgf("AH00695: Cached response for %s isn't fresh. Adding conditional request headers.", r.URI)
	for _, name := range conditions {
		r.UnsetFieldIn(name)
	}
	tag, hasTag := e.Out.Lookup("ETag")
	modified, hasDate := e.Out.Lookup("Last-Modified")
	if e.Info.Control.Invalidated { // Apache's file has no fields any more then
		hasTag, hasDate = false, false
	}
	if hasTag {
		r.SetFieldIn("If-None-Match", tag)
	}
	if hasDate {
		r.SetFieldIn("If-Modified-Since", modified)
	}
	if hasTag || hasDate {
		r.UnsetFieldIn("Range")
	}
}

var conditions = []string{"If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since"}

// restore gives the request its own fields back.
func (x *exchange) restore(r *server.Request) {
	if x.fieldsIn != nil {
		r.Header, r.FieldOrder = x.fieldsIn, x.orderIn
	}
}

// isFresh tells whether an entry may be used without asking, and sets Age and
// Warning (cache_check_freshness).
func (x *exchange) isFresh(r *server.Request, e *server.CacheEntry) bool {
	if x.control.NoCache && !x.host.ignoreControl.Else(false) || e.Info.Control.NoCache || e.Info.Control.Invalidated {
		return false
	}
	age := currentAge(&e.Info, e.Out.Get("Age"), r.Received)
	c := &e.Info.Control
	maxReq := int64(-1)
	if !x.host.ignoreControl.Else(false) {
		maxReq = x.control.MaxAgeValue
	}
	maxResp := c.MaxAgeValue
	if c.SMaxAgeValue != -1 {
		maxResp = c.SMaxAgeValue
	}
	maxAge := maxResp
	if maxReq != -1 && (maxResp == -1 || maxReq < maxResp) {
		maxAge = maxReq
	}
	var maxStale, minFresh int64
	if x.control.MaxStale {
		if maxStale = x.control.MaxStaleValue; maxStale == -1 {
			maxStale = 86400 * 365
		}
	}
	if x.control.MinFresh && !x.host.ignoreControl.Else(false) {
		minFresh = x.control.MinFreshValue
	}
	if c.MustRevalidate || c.ProxyRevalidate || c.SMaxAgeValue != -1 {
		maxStale = 0
	}
	life := int64(e.Info.Expires.Sub(e.Info.Date) / time.Second)
	if maxAge != -1 && age < maxAge+maxStale-minFresh || c.SMaxAgeValue == -1 && maxAge == -1 && age < life+maxStale-minFresh {
		warned := e.Out.Get("Warning")
		e.Out.Set("Age", strconv.FormatInt(age, 10))
		if !(maxAge != -1 && age < maxAge || life > age) && !strings.Contains(warned, "110") {
			e.Out.Merge("Warning", "110 Response is stale")
		}
		if maxResp == -1 && c.SMaxAgeValue == -1 && !e.Out.Has("Expires") && age > 86400 && !strings.Contains(warned, "113") {
			e.Out.Merge("Warning", "113 Heuristic expiration")
		}
		return true
	}
	switch err := x.tryLock(r); {
	case err == nil:
		elog.Debug(r).Msgf("AH00782: Cache lock obtained for stale cached URL, revalidating entry: %s", r.UnparsedURI)
	case errors.Is(err, fs.ErrExist):
		elog.Debug(r).Err(syscall.EEXIST).Msgf("AH00783: Cache already locked for stale cached URL, pretend it is fresh: %s", r.UnparsedURI)
		if !strings.Contains(e.Out.Get("Warning"), "110") {
			e.Out.Merge("Warning", "110 Response is stale")
		}
		return true
	default:
		elog.Debug(r).Err(errors.Unwrap(err)).Msgf("AH00784: Attempt to obtain a cache lock for stale cached URL failed, revalidating entry anyway: %s", r.UnparsedURI)
	}
	return false
}

// currentAge is the age of an entry in seconds (RFC 9111 4.2.3).
func currentAge(i *server.CacheInfo, ageField string, now time.Time) int64 {
	said, _ := strconv.ParseInt(ageField, 10, 64)
	sec := func(d time.Duration) int64 { return int64(d / time.Second) }
	apparent := max(0, sec(i.ResponseTime.Sub(i.Date)))
	corrected := max(apparent, said)
	initial := corrected + sec(i.ResponseTime.Sub(i.RequestTime))
	return max(0, initial+int64(now.Sub(i.ResponseTime)/time.Second))
}

// tryLock makes this request the one that asks for an entry. With CacheLock off
// each is.
func (x *exchange) tryLock(r *server.Request) error {
	if !x.host.lock.Else(false) || x.lock != "" {
		return nil
	}
	name := server.CacheName(x.key)
	dir := filepath.Join(x.host.lockPath.Else("/tmp/mod_cache-lock"), name[:1], name[1:2])
	if err := os.MkdirAll(dir, 0o700); err != nil {
		elog.Error(r).Err(errors.Unwrap(err)).Msgf("AH00778: Could not create a cache lock directory: %s", dir)
		return err
	}
	file := filepath.Join(dir, name)
	if st, err := os.Stat(file); err == nil {
		if age := time.Since(st.ModTime()); age > x.host.lockAge.Else(5*time.Second) || age < 0 {
			elog.Info(r).Msgf("AH00780: Cache lock file for '%s' too old, removing: %s", r.UnparsedURI, file)
			os.Remove(file)
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		elog.Error(r).Err(errors.Unwrap(err)).Msgf("AH00779: Could not stat a cache lock file: %s", file)
		return err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	f.Close()
	x.lock = file
	r.AtEnd(x.unlock)
	return nil
}

func (x *exchange) unlock() {
	if x.lock != "" {
		os.Remove(x.lock)
		x.lock = ""
	}
}
