package ldap

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"time"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

const (
	defaultEntries = 1024
	defaultTTL     = 10 * time.Minute
)

// cache remembers a bounded number of values. When it is full, what was put in
// before it was three quarters full is forgotten.
type cache[K comparable, V any] struct {
	mu      sync.Mutex
	most    int // 0: nothing is remembered
	entries map[K]entry[V]
	marked  time.Time // when it was three quarters full

	fetches, hits, inserts, removes, purges int
	purgeTime                               time.Duration
	lastPurge                               time.Time
}

type entry[V any] struct {
	value V
	since time.Time
}

// get gives a value that is not older than ttl; 0 is any age.
func (c *cache[K, V]) get(key K, ttl time.Duration) (v V, ok bool) {
	if c.most == 0 {
		return v, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fetches++
	e, ok := c.entries[key]
	if ok && ttl != 0 && time.Since(e.since) > ttl {
		delete(c.entries, key)
		c.removes++
		return v, false
	}
	if ok {
		c.hits++
	}
	return e.value, ok
}

func (c *cache[K, V]) put(key K, v V) {
	if c.most == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fetches++ // Apache looks whether another one was faster
	now := time.Now()
	if _, old := c.entries[key]; !old && len(c.entries) >= c.most {
		c.purge(now)
	}
	if c.entries == nil {
		c.entries = map[K]entry[V]{}
	}
	c.entries[key] = entry[V]{v, now}
	c.inserts++
	if len(c.entries) == c.full() {
		c.marked = now
	}
}

func (c *cache[K, V]) full() int { return c.most / 4 * 3 }

func (c *cache[K, V]) purge(now time.Time) {
	c.purges++
	c.lastPurge = now
	for k, e := range c.entries {
		if e.since.Before(c.marked) || c.marked.IsZero() {
			delete(c.entries, k)
			c.removes++
		}
	}
	if len(c.entries) >= c.most {
		c.removes += len(c.entries)
		clear(c.entries)
	}
	c.purgeTime += time.Since(now)
}

// search is what was found of a user. The password is not kept, but a sum by
// which it is known again.
type search struct {
	dn       string
	values   []server.LDAPValue
	password []byte // nil: nobody has asked for it
}

// sumKey never leaves the process.
var sumKey = func() []byte {
	k := make([]byte, 32)
	_, _ = rand.Read(k) // it never fails
	return k
}()

func sum(password string) []byte {
	m := hmac.New(sha256.New, sumKey)
	m.Write([]byte(password))
	return m.Sum(nil)
}

func (s *search) holds(password string) bool {
	return s.password != nil && hmac.Equal(s.password, sum(password))
}

type compareKey struct{ dn, attribute, value string }

// comparison is the result of one, and, where it asked whether an entry is a
// group, the groups in it.
type comparison struct {
	compared bool
	result   server.LDAPResult
	looked   bool
	groups   []string
}

// caches are what is remembered for a URL.
type caches struct {
	url                   string
	searches              cache[string, search]
	compares              cache[compareKey, comparison]
	names                 cache[string, string] // DNs, by what was compared with them
	searchTTL, compareTTL time.Duration
}

type byURL struct {
	mu            sync.Mutex
	list          []*caches
	fetches, hits int
}

var remembered sync.Map // *directives.Server, of main servers, to *byURL

func listOf(main *directives.Server) *byURL {
	if l, ok := remembered.Load(main); ok {
		return l.(*byURL)
	}
	l, _ := remembered.LoadOrStore(main, &byURL{})
	return l.(*byURL)
}

// cachesOf are a URL's, made at the first question.
func cachesOf(main *directives.Server, url string) *caches {
	l := listOf(main)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fetches++
	for _, u := range l.list {
		if u.url == url {
			l.hits++
			return u
		}
	}
	c := settings.Of(main)
	// No age is younger than the least that is more than none: LDAPCacheTTL 0 has
	// entries grow old at once, as in Apache, whatever its manual says.
	u := &caches{url: url, searchTTL: max(c.searchTTL.Else(defaultTTL), 1), compareTTL: max(c.compareTTL.Else(defaultTTL), 1)}
	u.searches.most = c.searches.Else(defaultEntries)
	u.compares.most = c.compares.Else(defaultEntries)
	u.names.most = u.compares.most
	l.list = append(l.list, u)
	return u
}
