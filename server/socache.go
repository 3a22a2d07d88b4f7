package server

import (
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/directives"
)

// SocacheProvider makes caches of small objects for other modules (ap_socache_provider_t).
type SocacheProvider struct {
	Name string // what stands in front of the colon: "shmcb"
	// Open makes a cache; args is what stands behind the colon. Errors are Apache's.
	Open func(cmd *directives.Cmd, args string) (Socache, error)
	// Check judges args without making a cache; nil takes all.
	Check func(args string) error
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

// CheckSocache judges the name and the arguments of a cache that will not be
// made. known is not nil when no active module has that kind: those there are.
func CheckSocache(cmd *directives.Cmd, name, args string) (known []string, err error) {
	if strings.EqualFold(name, "default") {
		name = DefaultSocache
	}
	p := FindSocache(ActiveModules(cmd), strings.ToLower(name))
	if p == nil {
		known = []string{}
		for _, m := range ActiveModules(cmd) {
			if m.Socache != nil {
				if known = append(known, m.Socache.Name); m.Socache.Name == DefaultSocache {
					known = append(known, "default")
				}
			}
		}
		return known, nil
	}
	if p.Check != nil {
		err = p.Check(args)
	}
	return nil, err
}
