// Package authn_socache remembers what other providers know of users
// (mod_authn_socache), and is a provider itself, to be named before them.
package authn_socache

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/passwd"
)

// Module is authn_socache_module.
var Module = server.Module{
	Name:    "authn_socache_module",
	Mutexes: []string{"authn-socache"},
	Directives: directives.Table{
		{Name: "AuthnCacheSOCache", In: directives.InServer, Forbid: directives.GlobalOnly, Usage: "socache provider for authn cache",
			Set: caches.Take1((*serverConfig).setCache)},
		{Name: "AuthnCacheEnable", In: directives.InServer, Forbid: directives.GlobalOnly,
			Usage: "enable socache configuration in htaccess even if not enabled anywhere else",
			// Arguments are allowed and mean nothing, as in 2.4.71.
			Set: caches.Raw(func(c *serverConfig, _ *directives.Cmd, _ string) error { c.enabled = true; return nil })},
		{Name: "AuthnCacheProvideFor", In: directives.AuthConfig, Usage: "Determine what authn providers to cache for",
			Set: slot.Iterate((*config).addProvider)},
		{Name: "AuthnCacheTimeout", In: directives.AuthConfig, Usage: "Timeout (secs) for cached credentials",
			Set: slot.Take1((*config).setTimeout)},
		{Name: "AuthnCacheContext", In: directives.InDir, Usage: "Context for authn cache",
			Set: slot.Take1(func(c *config, _ *directives.Cmd, name string) error { c.context = name; return nil })},
	},
	Hooks:      []server.Hook{server.PostConfig.Middle(prepare)},
	Authn:      []server.AuthnProvider{{Name: "socache", CheckPassword: checkPassword, RealmHash: realmHash}},
	CacheAuthn: store,
}

var (
	caches = directives.NewServerSlot(func(base, _ serverConfig) serverConfig { return base })
	slot   = directives.NewDirSlot(merge)
	elog   = server.NewLog("authn_socache")
)

// serverConfig is of the main server.
type serverConfig struct {
	cache   server.Socache
	enabled bool // somewhere users are to be remembered
}

func (c *serverConfig) setCache(cmd *directives.Cmd, arg string) error {
	name, args, _ := strings.Cut(arg, ":")
	if name == "default" {
		name = server.DefaultSocache
	}
	p := server.FindSocache(server.ActiveModules(cmd), name)
	if p == nil {
		return fmt.Errorf("AuthnCacheSOCache: Unknown socache provider '%s'. Maybe you need to load the appropriate socache module (mod_socache_%s?)", arg, arg)
	}
	cache, err := p.Open(cmd, args)
	if err != nil {
		return fmt.Errorf("AuthnCacheSOCache: %w", err)
	}
	c.cache = cache
	return nil
}

// prepare makes the default cache if users are to be remembered and none was named.
func prepare(g *server.Generation) error {
	c := caches.EditServer(g.Config.Main)
	if !c.enabled || c.cache != nil {
		return nil
	}
	p := server.FindSocache(g.Modules, server.DefaultSocache)
	if p == nil {
		return errors.New("AH01674: Please select a socache provider with AuthnCacheSOCache (no default found on this platform). " +
			"Maybe you need to load mod_socache_shmcb or another socache module first")
	}
	var err error
	c.cache, err = p.Open(nil, "")
	return err
}

// config is what a section says. The defaults mean the same as nothing: a
// section cannot go back to them, as in Apache.
type config struct {
	providers []string
	timeout   time.Duration // 0: not given
	context   string
}

const (
	defaultTimeout = 300 * time.Second
	directory      = "directory" // the default context
)

func (c *config) addProvider(cmd *directives.Cmd, name string) error {
	c.providers = append(c.providers, name)
	if !cmd.Htaccess {
		main := cmd.Server
		if main.Main != nil {
			main = main.Main
		}
		caches.EditServer(main).enabled = true
	}
	return nil
}

func (c *config) setTimeout(_ *directives.Cmd, text string) error {
	c.timeout = time.Duration(atoi(text)) * time.Second
	if c.timeout == 0 {
		c.timeout = -1 // what is stored is old already
	}
	return nil
}

// atoi is C's: the number at the start, 0 without one.
func atoi(s string) (n int32) {
	s = strings.TrimLeft(s, " \t\n\v\f\r")
	negative := strings.HasPrefix(s, "-")
	if negative || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	for ; s != "" && '0' <= s[0] && s[0] <= '9'; s = s[1:] {
		n = n*10 + int32(s[0]-'0')
	}
	if negative {
		n = -n
	}
	return n
}

func merge(base, add config) config {
	if add.providers == nil {
		add.providers = base.providers
	}
	if add.timeout == 0 || add.timeout == defaultTimeout {
		add.timeout = base.timeout
	}
	if add.context == "" || add.context == directory {
		add.context = base.context
	}
	return add
}

func (c *config) contextName() string {
	if c.context == "" {
		return directory
	}
	return c.context
}

// key is under which a user is remembered.
func (c *config) key(r *server.Request, user string, realm *string) string {
	context, host := c.contextName(), server.CoreServer.Of(r.Server).ServerName
	if i := strings.LastIndexByte(r.URI, '/'); context == directory && i >= 0 {
		context = host + r.URI[:i]
	} else if context == "server" {
		context = host
	}
	if realm == nil {
		return context + ":" + user
	}
	return context + ":" + user + ":" + *realm
}

// cacheFor is the cache that c uses for r; nil for none.
func (c *config) cacheFor(r *server.Request) server.Socache {
	if c.providers == nil {
		return nil
	}
	return caches.Of(r.Gen.Config.Main).cache
}

func store(r *server.Request, provider, user string, realm *string, hash string) {
	c := slot.Of(r.Dir)
	cache := c.cacheFor(r)
	if cache == nil || !slices.Contains(c.providers, provider) {
		return
	}
	timeout := c.timeout
	if timeout == 0 {
		timeout = defaultTimeout
	}
	if err := cache.Store(c.key(r, user, realm), hash, time.Now().Add(timeout)); err != nil {
		elog.Error(r).Err(err).Msgf("AH01682: Failed to cache authn credentials for %s in %s", provider, c.contextName())
		return
	}
	elog.Debug(r).Msgf("AH01681: Cached authn credentials for %s in %s", user, c.contextName())
}

// maxHash is the longest hash that Apache has room for, in bytes.
const maxHash = 255

// numbers are those of a look-up's lines.
type numbers struct{ absent, found, failed string }

func find(r *server.Request, user string, realm *string, n numbers) (string, bool) {
	c := slot.Of(r.Dir)
	cache := c.cacheFor(r)
	if cache == nil {
		return "", false
	}
	hash, ok, err := cache.Retrieve(c.key(r, user, realm))
	if ok && len(hash) > maxHash {
		err = syscall.ENOSPC
	}
	switch {
	case err != nil:
		elog.Error(r).Err(err).Msgf("%s: Error accessing authentication cache", n.failed)
		return "", false
	case !ok:
		elog.Debug(r).Msgf("%s: Authn cache: no credentials found for %s", n.absent, user)
		return "", false
	}
	elog.Debug(r).Msgf("%s: Authn cache: found credentials for %s", n.found, user)
	return hash, true
}

func checkPassword(r *server.Request, user, password string) server.AuthnResult {
	hash, ok := find(r, user, nil, numbers{"AH01684", "AH01685", "AH01686"})
	switch {
	case !ok:
		return server.AuthnUserNotFound
	case !passwd.Check(password, hash):
		return server.AuthnDenied
	}
	return server.AuthnGranted
}

func realmHash(r *server.Request, user, realm string) (string, server.AuthnResult) {
	hash, ok := find(r, user, &realm, numbers{"AH01687", "AH01688", "AH01689"})
	if !ok {
		return "", server.AuthnUserNotFound
	}
	return hash, server.AuthnUserFound
}
