package pattern

import "sync"

// compiledPatterns are the patterns that were compiled last: thousands of
// virtual hosts have the same ones, and a .htaccess file that changes keeps most
// of its own. A Regexp does not change, so it can be shared.
type compiledPatterns struct {
	mu sync.RWMutex
	m  map[compiledKey]*Regexp
}

type compiledKey struct {
	text  string
	flags Flags
}

// maxCompiled bounds the table; when it is full it starts over.
const maxCompiled = 4096

var compiled compiledPatterns

func (c *compiledPatterns) get(k compiledKey) *Regexp {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.m[k]
}

func (c *compiledPatterns) put(k compiledKey, re *Regexp) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.m == nil || len(c.m) >= maxCompiled {
		c.m = map[compiledKey]*Regexp{}
	}
	c.m[k] = re
}
