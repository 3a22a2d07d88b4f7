package server

import (
	"os"
	"time"
)

// CacheProvider keeps responses for mod_cache (cache_provider).
type CacheProvider struct {
	Name string // as CacheEnable names it: "disk"
	// Find gives what is kept under a key for the request's fields; nil for nothing.
	Find func(r *Request, key string) *CacheEntry
	// Create begins a new entry; nil when the provider does not want it. size is
	// the length of the body, -1 when it is not known.
	Create func(r *Request, key string, size int64) CacheWriter
	// Refresh writes the head of an entry anew, with its Info and Out.
	Refresh func(r *Request, e *CacheEntry) error
	// Remove forgets all that is kept under a key.
	Remove func(r *Request, key string) error
}

// CacheEntry is a response that is kept.
type CacheEntry struct {
	Key  string // of the provider
	Info CacheInfo
	Out  Fields   // of the response
	In   Fields   // of the request that it answered
	File *os.File // the body, which the provider closes when the request ends; nil: Mem is it
	Mem  []byte
	Size int64
}

// CacheInfo is what is known of a kept response beside its fields.
type CacheInfo struct {
	Status       int
	Date         time.Time
	Expires      time.Time
	RequestTime  time.Time
	ResponseTime time.Time
	Control      CacheControl
}

// CacheWriter takes an entry. After a Commit or an Abort it is done.
type CacheWriter interface {
	Head(info *CacheInfo, out, in *Fields) error
	Write(p []byte) error
	Commit() error
	Abort()
}

// CacheControl is a Cache-Control field that was read. Seconds are -1 when they
// are not given.
type CacheControl struct {
	Parsed, Present, Pragma                                 bool
	NoCache, NoCacheFields, NoStore, MaxAge, MaxStale       bool
	MinFresh, NoTransform, OnlyIfCached, Public             bool
	Private, PrivateFields, MustRevalidate, ProxyRevalidate bool
	SMaxAge, Invalidated                                    bool

	MaxAgeValue, MaxStaleValue, MinFreshValue, SMaxAgeValue int64
}

// FindCacheProvider finds a provider among the active modules, or nil.
func FindCacheProvider(active []*Module, name string) *CacheProvider {
	for _, m := range active {
		if m.Cache != nil && m.Cache.Name == name {
			return m.Cache
		}
	}
	return nil
}

// DropFilters takes all output filters out that stand before the one of a name, and that one.
func (r *Request) DropFilters(name string) {
	for l := r.output; l != nil; l = l.next {
		l.gone = true
		if l.filter.Name == name {
			return
		}
	}
}

// StartResponse puts the filters together of a response that comes from a quick handler.
func (r *Request) StartResponse() {
	InsertFilter.run(r)
	r.insertProtocolFilters()
}

// StartBare is StartResponse without the filters that configuration and modules
// ask for: a quick handler of Apache's that adds none has only those of HTTP.
func (r *Request) StartBare() { r.insertProtocolFilters() }
