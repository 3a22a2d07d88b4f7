// Package socache_shmcb is a cache of small objects in memory (mod_socache_shmcb).
// Each child has its own: what one of them learned the others learn anew.
package socache_shmcb

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is socache_shmcb_module.
var Module = server.Module{
	Name: "socache_shmcb_module",
	Socache: &server.SocacheProvider{Name: "shmcb", Open: open,
		Check: func(args string) error { _, err := parse(args); return err }},
}

const (
	defaultSize = 512 << 10
	leastSize   = 8192
	// overhead is what an object costs besides its key and value, in bytes.
	overhead = 64
)

// open reads "path(size)": the path would name the memory, of which a child needs no name.
func open(_ *directives.Cmd, args string) (server.Socache, error) {
	size, err := parse(args)
	if err != nil {
		return nil, err
	}
	return &cache{room: size, objects: map[string]object{}}, nil
}

func parse(args string) (size int64, err error) {
	i := strings.LastIndexByte(args, '(')
	switch closed := strings.HasSuffix(args, ")"); {
	case i < 0 && closed:
		return 0, errors.New("Invalid argument: no opening parenthesis")
	case i < 0:
		return defaultSize, nil
	case !closed:
		return 0, errors.New("Invalid argument: no closing parenthesis or cache size missing after pathname with parenthesis")
	}
	size, err = strconv.ParseInt(strings.TrimLeft(args[i+1:len(args)-1], " \t\n\v\f\r"), 10, 64)
	switch {
	case errors.Is(err, strconv.ErrSyntax) && args[i+1:len(args)-1] != "":
		return 0, errors.New("Invalid argument: cache size not numerical")
	case size < leastSize:
		return 0, errors.New("Invalid argument: size has to be >= 8192 bytes")
	case size >= math.MaxUint32:
		return 0, fmt.Errorf("Invalid argument: size has to be < %d bytes on this platform", uint32(math.MaxUint32))
	}
	return size, nil
}

type object struct {
	value   string
	expires time.Time
}

// cache forgets what is over first, then anything, when its room is used up.
type cache struct {
	mu         sync.Mutex
	room, used int64
	objects    map[string]object
}

var errTooLarge = errors.New("larger than the cache")

func cost(key, value string) int64 { return int64(len(key) + len(value) + overhead) }

func (c *cache) Store(key, value string, expires time.Time) error {
	need := cost(key, value)
	if need > c.room {
		return errTooLarge
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(key)
	if c.used+need > c.room {
		now := time.Now()
		for k, o := range c.objects {
			if !now.Before(o.expires) {
				c.remove(k)
			}
		}
	}
	for k := range c.objects {
		if c.used+need <= c.room {
			break
		}
		c.remove(k)
	}
	c.objects[key] = object{value, expires}
	c.used += need
	return nil
}

func (c *cache) Retrieve(key string) (string, bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o, ok := c.objects[key]
	if ok && !time.Now().Before(o.expires) {
		c.remove(key)
		return "", false, nil
	}
	return o.value, ok, nil
}

func (c *cache) Remove(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(key)
}

func (c *cache) remove(key string) {
	if o, ok := c.objects[key]; ok {
		delete(c.objects, key)
		c.used -= cost(key, o.value)
	}
}
