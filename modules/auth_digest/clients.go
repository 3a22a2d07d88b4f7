package auth_digest

import (
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// sizes is AuthDigestShmemSize, of the whole server: the last one counts.
var sizes = directives.NewServerSlot(func(base, add int64) int64 {
	if add != 0 {
		return add
	}
	return base
})

// Apache's memory on 64 bit, from which the number of clients follows.
const (
	defaultSize = 1000
	listSize    = 48
	bucketSize  = 8
	entrySize   = 80
	bucketDepth = 5
)

func setSize(size *int64, cmd *directives.Cmd, text string) error {
	n, rest := strtol(text, 10)
	rest = strings.TrimLeft(rest, " \t\n\v\f\r")
	switch {
	case rest == "" || rest[0] == 'b' || rest[0] == 'B':
	case rest[0] == 'k' || rest[0] == 'K':
		n *= 1 << 10
	case rest[0] == 'm' || rest[0] == 'M':
		n *= 1 << 20
	default:
		return fmt.Errorf("Invalid size in AuthDigestShmemSize: %s", text)
	}
	if least := int64(listSize + bucketSize + entrySize); n < least {
		return fmt.Errorf("size in AuthDigestShmemSize too small: %d < %d", n, least)
	}
	main := cmd.Server
	if main.Main != nil {
		main = main.Main
	}
	*size, *sizes.EditServer(main) = n, n
	return nil
}

func sizeOf(g *server.Generation) int64 {
	if n := *sizes.Of(g.Config.Main); n != 0 {
		return n
	}
	return defaultSize
}

func buckets(size int64) int64 { return max(1, (size-listSize)/(bucketSize+bucketDepth*entrySize)) }

func logSize(g *server.Generation) error {
	if n := *sizes.Of(g.Config.Main); n != 0 {
		elog.Debug(server.ServerSubject(g, g.Config.Main)).Msgf("AH01763: Set shmem-size: %d, num-buckets: %d", n, buckets(n))
	}
	return nil
}

// clients are those that were given a number, the "opaque" of their challenge,
// because their nonce counts are checked or their nonces are good for one
// request only. All children share them. There is room for as many as Apache
// has in the same AuthDigestShmemSize; the oldest gives way, and its client is
// asked again with stale=true.
type clients struct {
	words []atomic.Uint64
	room  uint64
}

const (
	nextClient  = 0 // word that counts clients
	nextNonce   = 1 // word that counts nonces for one request
	firstClient = 2
	clientWords = 3 // key, count, last
)

func clientsOf(g *server.Generation) clients {
	words := g.Shared("auth_digest")
	if words == nil {
		return clients{}
	}
	room := min(buckets(sizeOf(g))*bucketDepth, int64(len(words)-firstClient)/clientWords)
	return clients{words, uint64(room)}
}

func checkMemory(g *server.Generation) error {
	if clientsOf(g).words == nil {
		elog.Error(server.ServerSubject(g, g.Config.Main)).Msg(
			"AH01760: failed to allocate shared memory - all nonce-count checking and one-time nonces disabled")
	}
	return nil
}

// client is a place among the clients. Another may take it at any time; then
// what is written here counts for the other, who is asked once more.
type client struct {
	number uint64
	count  *atomic.Uint64 // requests since its nonce was made
	last   *atomic.Uint64 // 1 more than the time in its nonce for one request; 0: none
}

func (c clients) place(number uint64) (key *atomic.Uint64, at *client) {
	i := firstClient + int(number%c.room)*clientWords
	return &c.words[i], &client{number, &c.words[i+1], &c.words[i+2]}
}

// find gives the client of a number, or nil.
func (c clients) find(r *server.Request, number uint64) *client {
	if number == 0 || c.words == nil {
		return nil
	}
	key, at := c.place(number)
	if key.Load() != number {
		elog.Debug(r).Msgf("AH01765: get_client(): client %d not found", number)
		return nil
	}
	elog.Debug(r).Msgf("AH01764: get_client(): client %d found", number)
	return at
}

// add makes a new client; nil without shared memory.
func (c clients) add(r *server.Request) *client {
	if c.words == nil {
		return nil
	}
	number := c.words[nextClient].Add(1)
	key, at := c.place(number)
	key.Store(0)
	at.count.Store(0)
	at.last.Store(0)
	key.Store(number)
	elog.Debug(server.ServerSubject(r.Gen, r.Server)).Msgf("AH01768: allocated new client %d", number)
	return at
}

// opaque is the client's number as clients are told it; "" without one.
func (c *client) opaque() string {
	if c == nil {
		return ""
	}
	return strconv.FormatUint(c.number, 16)
}
