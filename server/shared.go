package server

import (
	"crypto/rand"
	"sync"
	"sync/atomic"

	"github.com/donjon-httpd/donjon/server/scoreboard"
)

// What all children of the server share with one another.

// private stands in for the board in a process that has none.
var private struct {
	once    sync.Once
	secret  [32]byte
	mu      sync.Mutex
	regions map[string][]atomic.Uint64
}

// Secret is random, the same in all children, and outlives restarts: for what
// is given to clients and must be known again.
func (g *Generation) Secret() [32]byte {
	if g.Board != nil {
		return g.Board.Secret
	}
	private.once.Do(func() { rand.Read(private.secret[:]) })
	return private.secret
}

// Shared is memory that all children share under a name, as words; it outlives
// restarts. It is nil when there is no more of it.
func (g *Generation) Shared(name string) []atomic.Uint64 {
	if g.Board != nil {
		return g.Board.Region(name)
	}
	private.mu.Lock()
	defer private.mu.Unlock()
	if private.regions == nil {
		private.regions = map[string][]atomic.Uint64{}
	}
	if private.regions[name] == nil {
		private.regions[name] = make([]atomic.Uint64, scoreboard.RegionWords)
	}
	return private.regions[name]
}

// Kept is what the parent kept for its children under a name, see [Generation.Keep].
func (g *Generation) Kept(name string) (value string, ok bool) {
	value, ok = g.Secrets[name]
	return value, ok
}

// Keep has the parent hand something to the children of this generation, for
// what only it can find out: a key that a person's pass phrase opened. PostConfig
// is the last phase in which it may be called.
func (g *Generation) Keep(name, value string) {
	if g.Secrets == nil {
		g.Secrets = map[string]string{}
	}
	g.Secrets[name] = value
}
