package server

import (
	"sync"

	"github.com/donjon-httpd/donjon/directives"
)

// mergeCache remembers merges of per-directory configurations, so that each
// distinct combination of sections is merged once and has one address: the
// access phases are skipped for equal addresses. It holds a bounded number of
// merges; when it is full it starts over.
type mergeCache struct {
	mu sync.RWMutex
	m  map[mergeKey]*directives.Conf
}

type mergeKey struct{ base, add *directives.Conf }

const maxMerges = 20000

// merge is add laid over base; either may be nil.
func (c *mergeCache) merge(base, add *directives.Conf) *directives.Conf {
	if base == nil {
		return add
	}
	if add == nil {
		return base
	}
	key := mergeKey{base, add}
	c.mu.RLock()
	got := c.m[key]
	c.mu.RUnlock()
	if got != nil {
		return got
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if got := c.m[key]; got != nil {
		return got
	}
	if c.m == nil || len(c.m) >= maxMerges {
		c.m = map[mergeKey]*directives.Conf{}
	}
	got = directives.Merge(base, add)
	c.m[key] = got
	return got
}

// LayOver lays a section's configuration over what holds for the request: for a
// module that has sections of its own.
func (r *Request) LayOver(c *directives.Conf) { r.Dir = r.Gen.merges.merge(r.Dir, c) }
