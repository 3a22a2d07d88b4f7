// Package cache_disk keeps responses in files, for mod_cache (mod_cache_disk).
package cache_disk

import (
	"errors"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

const (
	inDir    = directives.InServer | directives.InDir
	passedOn = "a body is written and passed on as it comes, whatever its size: there is nothing that would be gathered first"
)

// Module is cache_disk_module.
var Module = server.Module{
	Name: "cache_disk_module",
	Directives: directives.Table{
		{Name: "CacheRoot", In: directives.InServer, Reads: directives.InJail, Usage: "The directory to store cache files",
			Set: hosts.Take1(func(c *hostConfig, cmd *directives.Cmd, path string) error {
				c.root = directives.Given(strings.TrimSuffix(cmd.InJail(path), "/"))
				return nil
			})},
		{Name: "CacheDirLevels", In: directives.InServer, Usage: "The number of levels of subdirectories in the cache",
			Set: hosts.Take1((*hostConfig).setLevels)},
		{Name: "CacheDirLength", In: directives.InServer, Usage: "The number of characters in subdirectory names",
			Set: hosts.Take1((*hostConfig).setLength)},
		{Name: "CacheMinFileSize", In: inDir, Usage: "The minimum file size to cache a document",
			Set: slot.Take1(func(c *config, _ *directives.Cmd, word string) error {
				return setSize(&c.least, word, "CacheMinFileSize argument must be a non-negative integer representing the min size of a file to cache in bytes.")
			})},
		{Name: "CacheMaxFileSize", In: inDir, Usage: "The maximum file size to cache a document",
			Set: slot.Take1(func(c *config, _ *directives.Cmd, word string) error {
				return setSize(&c.most, word, "CacheMaxFileSize argument must be a non-negative integer representing the max size of a file to cache in bytes.")
			})},
		{Name: "CacheReadSize", In: inDir, Usage: "The maximum quantity of data to attempt to read and cache in one go", NoOp: passedOn,
			Set: slot.Take1(func(_ *config, _ *directives.Cmd, word string) error {
				return setSize(new(directives.Opt[int64]), word, "CacheReadSize argument must be a non-negative integer representing the max amount of data to cache in go.")
			})},
		{Name: "CacheReadTime", In: inDir, Usage: "The maximum time taken to attempt to read and cache in go", NoOp: passedOn,
			Set: slot.Take1(func(_ *config, _ *directives.Cmd, word string) error {
				return setSize(new(directives.Opt[int64]), word, "CacheReadTime argument must be a non-negative integer representing the max amount of time taken to cache in go.")
			})},
	},
	Cache: &server.CacheProvider{Name: "disk", Find: find, Create: create, Refresh: refresh, Remove: remove},
}

var elog = server.NewLog("cache_disk")

var hosts = directives.NewServerSlot(func(base, add hostConfig) hostConfig {
	return hostConfig{root: add.root.Or(base.root), levels: add.levels.Or(base.levels), length: add.length.Or(base.length)}
})

type hostConfig struct {
	root   directives.Opt[string] // in the jail
	levels directives.Opt[int]
	length directives.Opt[int]
}

var slot = directives.NewDirSlot(func(base, add config) config {
	return config{least: add.least.Or(base.least), most: add.most.Or(base.most)}
})

// config is the sizes in bytes of bodies that are kept.
type config struct{ least, most directives.Opt[int64] }

// maxName is how many letters of a name may be directories (CACHEFILE_LEN).
const maxName = 20

func (c *hostConfig) setLevels(_ *directives.Cmd, word string) error {
	n := server.Atoi(word)
	if n < 1 {
		return errors.New("CacheDirLevels value must be an integer greater than 0")
	}
	if n*c.length.Else(2) > maxName {
		return errors.New("CacheDirLevels*CacheDirLength value must not be higher than 20")
	}
	c.levels = directives.Given(n)
	return nil
}

func (c *hostConfig) setLength(_ *directives.Cmd, word string) error {
	n := server.Atoi(word)
	if n < 1 {
		return errors.New("CacheDirLength value must be an integer greater than 0")
	}
	if n*c.levels.Else(2) > maxName {
		return errors.New("CacheDirLevels*CacheDirLength value must not be higher than 20")
	}
	c.length = directives.Given(n)
	return nil
}

func setSize(at *directives.Opt[int64], word, problem string) error {
	n, _, ok := server.Strtoff(word)
	if !ok || n < 0 {
		return errors.New(problem)
	}
	*at = directives.Given(n)
	return nil
}

// path is where the files of a key stand below root, without their ending.
func (c *hostConfig) path(key string) string {
	name := server.CacheName(key)
	levels, length := c.levels.Else(2), c.length.Else(2)
	var b strings.Builder
	for i := 0; i < levels; i++ {
		b.WriteString("/" + name[i*length:(i+1)*length])
	}
	return b.String() + "/" + name[levels*length:]
}
