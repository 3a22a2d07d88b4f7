// Package cache keeps responses and answers later requests with them
// (mod_cache, RFC 9111): as quick handler, before anything else looks at a
// request, or as a handler behind access control.
package cache

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

const inDir = directives.InServer | directives.InDir

// Module is cache_module.
var Module = server.Module{
	Name: "cache_module",
	Directives: directives.Table{
		{Name: "CacheEnable", In: inDir, Usage: "A cache type and partial URL prefix below which caching is enabled", Set: slot.Take12(enable)},
		{Name: "CacheDisable", In: inDir, Usage: "A partial URL prefix below which caching is disabled", Set: slot.Take1(disable)},
		{Name: "CacheMaxExpire", In: inDir, Usage: "The maximum time in seconds to cache a document",
			Set: slot.Take1(seconds(func(c *config) *directives.Opt[time.Duration] { return &c.maxExpire }))},
		{Name: "CacheMinExpire", In: inDir, Usage: "The minimum time in seconds to cache a document",
			Set: slot.Take1(seconds(func(c *config) *directives.Opt[time.Duration] { return &c.minExpire }))},
		{Name: "CacheDefaultExpire", In: inDir, Usage: "The default time in seconds to cache a document",
			Set: slot.Take1(seconds(func(c *config) *directives.Opt[time.Duration] { return &c.defaultExpire }))},
		{Name: "CacheQuickHandler", In: directives.InServer, Usage: "Run the cache in the quick handler, default on",
			Set: hosts.Flag(func(c *hostConfig, on bool) { c.quick = directives.Given(on) })},
		{Name: "CacheIgnoreNoLastMod", In: inDir, Usage: "Ignore Responses where there is no Last Modified Header",
			Set: slot.Flag(func(c *config, on bool) { c.noLastMod = directives.Given(on) })},
		{Name: "CacheIgnoreCacheControl", In: directives.InServer, Usage: "Ignore requests from the client for uncached content",
			Set: hosts.Flag(func(c *hostConfig, on bool) { c.ignoreControl = directives.Given(on) })},
		{Name: "CacheStoreExpired", In: inDir,
			Usage: "Ignore expiration dates when populating cache, resulting in an If-Modified-Since request to the backend on retrieval",
			Set:   slot.Flag(func(c *config, on bool) { c.storeExpired = directives.Given(on) })},
		{Name: "CacheStorePrivate", In: inDir, Usage: "Ignore 'Cache-Control: private' and store private content",
			Set: slot.Flag(func(c *config, on bool) { c.storePrivate = directives.Given(on) })},
		{Name: "CacheStoreNoStore", In: inDir, Usage: "Ignore 'Cache-Control: no-store' and store sensitive content",
			Set: slot.Flag(func(c *config, on bool) { c.storeNoStore = directives.Given(on) })},
		{Name: "CacheIgnoreHeaders", In: directives.InServer, Usage: "A space separated list of headers that should not be stored by the cache",
			Set: hosts.Iterate(func(c *hostConfig, _ *directives.Cmd, name string) error {
				addOrNone(&c.ignoreFields, name)
				return nil
			})},
		{Name: "CacheIgnoreQueryString", In: directives.InServer, Usage: "Ignore query-string when caching",
			Set: hosts.Flag(func(c *hostConfig, on bool) { c.ignoreQuery = directives.Given(on) })},
		{Name: "CacheIgnoreURLSessionIdentifiers", In: directives.InServer,
			Usage: "A space separated list of session identifiers that should be ignored for creating the key of the cached entity.",
			Set: hosts.Iterate(func(c *hostConfig, _ *directives.Cmd, name string) error {
				addOrNone(&c.ignoreSessions, name)
				return nil
			})},
		{Name: "CacheLastModifiedFactor", In: inDir, Usage: "The factor used to estimate Expires date from LastModified date",
			Set: slot.Take1((*config).setFactor)},
		{Name: "CacheLock", In: directives.InServer, Usage: "Enable or disable the thundering herd lock.",
			Set: hosts.Flag(func(c *hostConfig, on bool) { c.lock = directives.Given(on) })},
		{Name: "CacheLockPath", In: directives.InServer, Reads: directives.InJail,
			Usage: "The thundering herd lock path. Defaults to the '/mod_cache-lock' directory in the system temp directory.",
			Set: hosts.Take1(func(c *hostConfig, cmd *directives.Cmd, path string) error {
				c.lockPath = directives.Given(cmd.InJail(cmd.ServerRootRelative(path)))
				return nil
			})},
		{Name: "CacheLockMaxAge", In: directives.InServer, Usage: "Maximum age of any thundering herd lock.", Set: hosts.Take1((*hostConfig).setLockAge)},
		{Name: "CacheHeader", In: inDir, Usage: "Add a X-Cache header to responses. Default is off.",
			Set: slot.Flag(func(c *config, on bool) { c.field = directives.Given(on) })},
		{Name: "CacheDetailHeader", In: inDir, Usage: "Add a X-Cache-Detail header to responses. Default is off.",
			Set: slot.Flag(func(c *config, on bool) { c.detail = directives.Given(on) })},
		{Name: "CacheKeyBaseURL", In: directives.InServer, Usage: "Override the base URL of reverse proxied cache keys.", Set: hosts.Take1((*hostConfig).setBase)},
		{Name: "CacheStaleOnError", In: inDir, Usage: "Serve stale content on 5xx errors if present. Defaults to on.",
			Set: slot.Flag(func(c *config, on bool) { c.staleOnError = directives.Given(on) })},
	},
	Hooks: []server.Hook{
		server.QuickHandler.First(quick).Plain().When(slot.If((*config).keeps)),
		server.Handler.First(handle).Plain().When(slot.If((*config).keeps)),
		server.InsertErrorFilter.Middle(keepOnError).Plain(),
	},
	OutputFilters: []*server.OutputFilter{marker},
}

var elog = server.NewLog("cache")

var slot = directives.NewDirSlot(func(base, add config) config {
	return config{
		enabled: directives.Append(add.enabled, base.enabled), disabled: directives.Append(add.disabled, base.disabled), off: add.off || base.off,
		maxExpire: add.maxExpire.Or(base.maxExpire), minExpire: add.minExpire.Or(base.minExpire), defaultExpire: add.defaultExpire.Or(base.defaultExpire),
		factor: add.factor.Or(base.factor), noLastMod: add.noLastMod.Or(base.noLastMod), storeExpired: add.storeExpired.Or(base.storeExpired),
		storePrivate: add.storePrivate.Or(base.storePrivate), storeNoStore: add.storeNoStore.Or(base.storeNoStore),
		field: add.field.Or(base.field), detail: add.detail.Or(base.detail), staleOnError: add.staleOnError.Or(base.staleOnError),
	}
})

// config is what holds in a directory or location, or for a host.
type config struct {
	enabled       []area
	disabled      []area
	off           bool // CacheDisable on
	maxExpire     directives.Opt[time.Duration]
	minExpire     directives.Opt[time.Duration]
	defaultExpire directives.Opt[time.Duration]
	factor        directives.Opt[float64]
	noLastMod     directives.Opt[bool] // responses without a date are kept
	storeExpired  directives.Opt[bool]
	storePrivate  directives.Opt[bool]
	storeNoStore  directives.Opt[bool]
	field, detail directives.Opt[bool] // X-Cache, X-Cache-Detail
	staleOnError  directives.Opt[bool]
}

var hosts = directives.NewServerSlot(func(base, add hostConfig) hostConfig {
	m := hostConfig{quick: add.quick.Or(base.quick), ignoreControl: add.ignoreControl.Or(base.ignoreControl), ignoreQuery: add.ignoreQuery.Or(base.ignoreQuery),
		lock: add.lock.Or(base.lock), lockPath: add.lockPath.Or(base.lockPath), lockAge: add.lockAge.Or(base.lockAge),
		ignoreFields: base.ignoreFields, ignoreSessions: base.ignoreSessions, base: base.base}
	if add.ignoreFields != nil {
		m.ignoreFields = add.ignoreFields
	}
	if add.ignoreSessions != nil {
		m.ignoreSessions = add.ignoreSessions
	}
	if add.base != nil {
		m.base = add.base
	}
	return m
})

type hostConfig struct {
	quick          directives.Opt[bool]
	ignoreControl  directives.Opt[bool]
	ignoreQuery    directives.Opt[bool]
	ignoreFields   []string
	ignoreSessions []string
	lock           directives.Opt[bool]
	lockPath       directives.Opt[string] // in the jail
	lockAge        directives.Opt[time.Duration]
	base           *url.URL
}

// addOrNone adds to a list that None empties.
func addOrNone(list *[]string, name string) {
	if strings.EqualFold(name, "none") {
		*list = []string{}
		return
	}
	*list = append(*list, name)
}

func seconds(field func(*config) *directives.Opt[time.Duration]) func(*config, *directives.Cmd, string) error {
	return func(c *config, _ *directives.Cmd, word string) error {
		*field(c) = directives.Given(time.Duration(server.Atoi(word)) * time.Second)
		return nil
	}
}

func (c *config) setFactor(_ *directives.Cmd, word string) error {
	f, err := strconv.ParseFloat(word, 64)
	if err != nil {
		return errors.New("CacheLastModifiedFactor value must be a float")
	}
	c.factor = directives.Given(f)
	return nil
}

func (c *hostConfig) setLockAge(_ *directives.Cmd, word string) error {
	n, err := strconv.ParseInt(word, 10, 64)
	if err != nil || n <= 0 {
		return errors.New("CacheLockMaxAge value must be a non-zero positive integer")
	}
	c.lockAge = directives.Given(time.Duration(n) * time.Second)
	return nil
}

func (c *hostConfig) setBase(_ *directives.Cmd, text string) error {
	u, err := url.Parse(text)
	if err != nil {
		return errors.New("Could not parse '" + text + "' as an URL.")
	}
	if u.Scheme == "" && u.Host == "" {
		return errors.New("URL '" + text + "' must contain at least one of a scheme, a hostname or a port.")
	}
	c.base = u
	return nil
}
