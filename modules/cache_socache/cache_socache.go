// Package cache_socache keeps responses, head and body in one piece, in a cache
// of small objects, for mod_cache (mod_cache_socache).
package cache_socache

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

const (
	inDir    = directives.InServer | directives.InDir
	passedOn = "a body is kept and passed on as it comes, whatever its size: there is nothing that would be gathered first"
)

// Module is cache_socache_module.
var Module = server.Module{
	Name:    "cache_socache_module",
	Mutexes: []string{"cache-socache"},
	Directives: directives.Table{
		{Name: "CacheSocache", In: directives.InServer, Usage: "The shared object cache to store cache files",
			Set: hosts.Take1((*hostConfig).setProvider)},
		{Name: "CacheSocacheMaxTime", In: inDir, Usage: "The maximum cache expiry age to cache a document in seconds",
			Set: slot.Take1(func(c *config, _ *directives.Cmd, word string) error {
				return setSeconds(&c.maxTime, word, "CacheSocacheMaxTime argument must be the maximum amount of time in seconds to cache an entry.")
			})},
		{Name: "CacheSocacheMinTime", In: inDir, Usage: "The minimum cache expiry age to cache a document in seconds",
			Set: slot.Take1(func(c *config, _ *directives.Cmd, word string) error {
				return setSeconds(&c.minTime, word, "CacheSocacheMinTime argument must be the minimum amount of time in seconds to cache an entry.")
			})},
		{Name: "CacheSocacheMaxSize", In: inDir, Usage: "The maximum cache entry size (headers and body) to cache a document",
			Set: slot.Take1((*config).setMost)},
		{Name: "CacheSocacheReadSize", In: inDir, Usage: "The maximum quantity of data to attempt to read and cache in one go", NoOp: passedOn,
			Set: slot.Take1(func(_ *config, _ *directives.Cmd, word string) error {
				return notNegative(word, "CacheSocacheReadSize argument must be a non-negative integer representing the max amount of data to cache in go.")
			})},
		{Name: "CacheSocacheReadTime", In: inDir, Usage: "The maximum time taken to attempt to read and cache in go", NoOp: passedOn,
			Set: slot.Take1(func(_ *config, _ *directives.Cmd, word string) error {
				return notNegative(word, "CacheSocacheReadTime argument must be a non-negative integer representing the max amount of time taken to cache in go.")
			})},
	},
	Hooks: []server.Hook{server.PostConfig.Middle(open)},
	Cache: &server.CacheProvider{Name: "socache", Find: find, Create: create, Refresh: refresh, Remove: remove},
}

var (
	elog  = server.NewLog("cache_socache")
	hosts = directives.NewServerSlot(func(_, add hostConfig) hostConfig { return add }) // a host inherits none, as in Apache
	slot  = directives.NewDirSlot(func(base, add config) config {
		return config{most: add.most.Or(base.most), maxTime: add.maxTime.Or(base.maxTime), minTime: add.minTime.Or(base.minTime)}
	})
)

// hostConfig is a host's cache.
type hostConfig struct {
	open  func() (server.Socache, error) // nil: none was named
	cache server.Socache
}

// setProvider reads "name" or "name:arguments". What the arguments are worth is
// found out when the cache is opened.
func (c *hostConfig) setProvider(cmd *directives.Cmd, arg string) error {
	name, args, _ := strings.Cut(arg, ":")
	p := server.FindSocache(server.ActiveModules(cmd), name)
	if p == nil {
		return fmt.Errorf("Unknown socache provider '%s'. Maybe you need to load the appropriate socache module (mod_socache_%s?)", name, name)
	}
	at := *cmd
	c.open = func() (server.Socache, error) { return p.Open(&at, args) }
	return nil
}

// open makes the caches that were named.
func open(g *server.Generation) error {
	for _, v := range g.Servers() {
		c := hosts.EditServer(v)
		if c.open == nil {
			continue
		}
		var err error
		if c.cache, err = c.open(); err != nil {
			return fmt.Errorf("AH02391: CacheSocache: %w", err)
		}
	}
	return nil
}

// config is what a section says of entries.
type config struct {
	most             directives.Opt[int64] // bytes of head and body
	maxTime, minTime directives.Opt[time.Duration]
}

const (
	defaultMost    = 100 << 10
	defaultMaxTime = 86400 * time.Second
	defaultMinTime = 600 * time.Second
)

func (c *config) setMost(_ *directives.Cmd, word string) error {
	n, _, ok := server.Strtoff(word)
	if !ok || n < 1024 || n > math.MaxUint32 {
		return errors.New("CacheSocacheMaxSize argument must be a integer representing the max size of a cached entry (headers and body), at least 1024 and at most (4294967295U)")
	}
	c.most = directives.Given(n)
	return nil
}

func setSeconds(at *directives.Opt[time.Duration], word, problem string) error {
	n, _, ok := server.Strtoff(word)
	if !ok || n < 0 {
		return errors.New(problem)
	}
	*at = directives.Given(time.Duration(min(n, math.MaxInt32)) * time.Second)
	return nil
}

func notNegative(word, problem string) error {
	if n, _, ok := server.Strtoff(word); !ok || n < 0 {
		return errors.New(problem)
	}
	return nil
}
