package cache_socache

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

// varied is the key of one of several entries that a URL has.
func varied(r *server.Request, names []string, key string) string {
	var b strings.Builder
	for _, n := range names {
		b.WriteString(n)
		if v, ok := r.FieldIn(n); ok {
			b.WriteString(v)
		}
	}
	return b.String() + key
}

// entryKey is where the entry for a request lies; ok is false where nothing is.
func entryKey(r *server.Request, cache server.Socache, key string) (at, text string, ok bool) {
	text, ok, err := cache.Retrieve(key)
	if err == nil && ok {
		if names, several := server.DecodeCacheVary([]byte(text)); several {
			key = varied(r, names, key)
			text, ok, err = cache.Retrieve(key)
		}
	}
	if err != nil || !ok {
		elog.Debug(r).Err(err).Msgf("AH02352: Key not found in cache: %s", key)
		return key, "", false
	}
	return key, text, true
}

func find(r *server.Request, key string) *server.CacheEntry {
	cache := hosts.Of(r.Server).cache
	if cache == nil {
		return nil
	}
	at, text, ok := entryKey(r, cache, key)
	if !ok {
		return nil
	}
	if int64(len(text)) >= slot.Of(r.Dir).most.Else(defaultMost) {
		elog.Debug(r).Msgf("AH02353: Key found in cache but too big, ignoring: %s", at)
		return nil
	}
	e, headOnly, _, err := server.DecodeCacheHead([]byte(text))
	if err != nil {
		elog.Error(r).Msgf("AH02360: Cache entry for key '%s' too short, removing", at)
		cache.Remove(at)
		return nil
	}
	if e.Key != key {
		elog.Error(r).Msgf("AH02361: Cache entry for key '%s' URL mismatch, ignoring", at)
		return nil
	}
	if headOnly != 0 && !r.HeaderOnly {
		elog.Debug(r).Msgf("AH02363: HEAD request cached, non-HEAD requested, ignoring: %s", at)
		return nil
	}
	return e
}

// create begins an entry, if it may fit.
func create(r *server.Request, key string, size int64) server.CacheWriter {
	c := slot.Of(r.Dir)
	most := c.most.Else(defaultMost)
	cache := hosts.Of(r.Server).cache
	switch {
	case cache == nil:
		return nil
	case r.Status == 206:
		elog.Debug(r).Msgf("AH02342: URL %s partial content response not cached", key)
		return nil
	case size >= 0 && size > most:
		elog.Debug(r).Msgf("AH02343: URL %s body larger than limit, ignoring (%d > %d)", key, size, most)
		return nil
	}
	return &writer{r: r, cache: cache, key: key, at: key, most: most, maxTime: c.maxTime.Else(defaultMaxTime), minTime: c.minTime.Else(defaultMinTime)}
}

// writer gathers an entry.
type writer struct {
	r                *server.Request
	cache            server.Socache
	key, at          string // of the URL, and of the entry
	most             int64
	maxTime, minTime time.Duration
	expires          time.Time
	entry            []byte
	body             int // where it begins
}

// head of an entry: whether it answers a HEAD request stands where files have
// their inode.
func (w *writer) encode(info *server.CacheInfo, out, in *server.Fields) []byte {
	headOnly := uint64(0)
	if w.r.HeaderOnly && w.r.Status != 304 {
		headOnly = 1
	}
	return server.EncodeCacheHead(w.key, info, headOnly, 0, out, in)
}

// until is when the cache may forget the entry.
func (w *writer) until(info *server.CacheInfo) time.Time {
	if last := w.r.Received.Add(w.maxTime); info.Expires.After(last) {
		return last
	}
	return info.Expires.Add(w.minTime)
}

var errRoom = errors.New("larger than CacheSocacheMaxSize")

func (w *writer) Head(info *server.CacheInfo, out, in *server.Fields) error {
	w.expires = w.until(info)
	if names := varyNames(out); names != nil {
		list := server.EncodeCacheVary(info.Expires, names)
		if int64(len(list)) >= w.most {
			elog.Warn(w.r).Msgf("AH02370: buffer too small for Vary array, caching aborted: %s", w.key)
			return errRoom
		}
		if err := w.cache.Store(w.key, string(list), w.expires); err != nil {
			elog.Debug(w.r).Err(err).Msgf("AH02373: Vary not written to cache, ignoring: %s", w.key)
			return err
		}
		w.at = varied(w.r, names, w.key)
	}
	w.entry = w.encode(info, out, in)
	if w.body = len(w.entry); int64(w.body) >= w.most {
		elog.Warn(w.r).Msgf("AH02375: out-headers didn't fit in buffer: %s", w.key)
		return errRoom
	}
	return nil
}

// varyNames are the fields that the response depends on, in order.
func varyNames(out *server.Fields) []string {
	var names []string
	for _, f := range out.All() {
		if strings.EqualFold(f.Name, "Vary") {
			names = slices.AppendSeq(names, strings.FieldsFuncSeq(server.LowerASCII(f.Value), func(c rune) bool { return c == ',' || c == ' ' || c == '\t' }))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (w *writer) Write(p []byte) error {
	if body := len(w.entry) - w.body + len(p); int64(body) >= w.most-int64(w.body) {
		elog.Debug(w.r).Msgf("AH02378: URL %s failed the buffer size check (%d>=%d)", w.at, body, w.most-int64(w.body))
		return errRoom
	}
	w.entry = append(w.entry, p...)
	return nil
}

func (w *writer) Abort() { w.entry = nil }

func (w *writer) Commit() error {
	if err := w.cache.Store(w.at, string(w.entry), w.expires); err != nil {
		elog.Warn(w.r).Err(err).Msgf("AH02386: could not write to cache, ignoring: %s", w.at)
		w.cache.Remove(w.at)
		return err
	}
	elog.Debug(w.r).Msgf("AH02387: commit_entity: Headers and body for URL %s cached for maximum of %d seconds.", w.key, int(w.expires.Sub(w.r.Received)/time.Second))
	return nil
}

// refresh stores an entry again with another head.
func refresh(r *server.Request, e *server.CacheEntry) error {
	cache := hosts.Of(r.Server).cache
	if cache == nil {
		return errors.New("no cache")
	}
	c := slot.Of(r.Dir)
	w := &writer{r: r, cache: cache, key: e.Key, at: e.Key, most: c.most.Else(defaultMost), maxTime: c.maxTime.Else(defaultMaxTime), minTime: c.minTime.Else(defaultMinTime)}
	if err := w.Head(&e.Info, &e.Out, &e.In); err != nil {
		return err
	}
	if err := w.Write(e.Mem); err != nil {
		return err
	}
	return w.Commit()
}

func remove(r *server.Request, key string) error {
	if cache := hosts.Of(r.Server).cache; cache != nil {
		if at, _, ok := entryKey(r, cache, key); ok {
			cache.Remove(at)
		}
	}
	return nil
}
