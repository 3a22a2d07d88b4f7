package server

import (
	"time"

	"github.com/donjon-httpd/donjon/directives"
)

// SocacheProvider makes caches of small objects for other modules (ap_socache_provider_t).
type SocacheProvider struct {
	Name string // what stands in front of the colon: "shmcb"
	// Open makes a cache; args is what stands behind the colon. Errors are Apache's.
	Open func(cmd *directives.Cmd, args string) (Socache, error)
}

// DefaultSocache is the name of the provider that is taken where none is named.
const DefaultSocache = "shmcb"

// Socache is a cache of small objects, for use by several requests at a time.
// It may forget any of them at any time.
type Socache interface {
	// Store keeps a value until expires.
	Store(key, value string, expires time.Time) error
	// Retrieve gives a value, and whether it is there.
	Retrieve(key string) (value string, ok bool, err error)
	// Remove forgets a value.
	Remove(key string)
}

// FindSocache finds a provider among the modules that are active, or nil.
func FindSocache(active []*Module, name string) *SocacheProvider {
	for _, m := range active {
		if m.Socache != nil && m.Socache.Name == name {
			return m.Socache
		}
	}
	return nil
}
