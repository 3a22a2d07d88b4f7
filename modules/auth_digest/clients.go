package auth_digest

import (
	"fmt"
	"strings"
	"sync/atomic"
	"time"

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
	entrySize   = 32
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
// request only. All children share them. There is room for about as many as
// Apache has in the same AuthDigestShmemSize; the oldest gives way, and its
// client is asked again with stale=true.
type clients struct {
	words []atomic.Uint64
	room  uint64
}

const (
	nextClient  = 0 // word that counts clients
	nextNonce   = 1 // word that counts nonces for one request
	firstClient = 2
	clientWords = 3
)

// A client is three words: its number, when it was made in microseconds since
// 1970, and what it used last: the time in its nonce, as microseconds since the
// client was made, and the nonce count. These two are one word, so that two
// children never see one without the other. A client older than the time has
// room for is forgotten, which asks it anew; a count beyond its room is refused.
const (
	countBits = 23
	maxCount  = 1<<countBits - 1
	maxAge    = 1 << (64 - countBits)
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

// place is where the client of a number is, or was.
func (c clients) place(number uint32) (key, born, last *atomic.Uint64) {
	i := firstClient + int(uint64(number)%c.room)*clientWords
	return &c.words[i], &c.words[i+1], &c.words[i+2]
}

func (c clients) knows(number uint32, now time.Time) bool {
	if number == 0 || c.words == nil {
		return false
	}
	key, born, _ := c.place(number)
	return key.Load() == uint64(number) && uint64(now.UnixMicro())-born.Load() < maxAge
}

// add makes a new client and gives its number; 0 without shared memory.
func (c clients) add(r *server.Request) uint32 {
	if c.words == nil {
		elog.Error(r).Msg("AH01769: unable to allocate a client entry - failing the request, since this configuration needs one")
		return 0
	}
	number := uint32(c.words[nextClient].Add(1))
	if number == 0 {
		number = uint32(c.words[nextClient].Add(1))
	}
	key, born, last := c.place(number)
	key.Store(0)
	last.Store(0)
	born.Store(uint64(r.Received.UnixMicro()))
	key.Store(uint64(number))
	elog.Debug(server.ServerSubject(r.Gen, r.Server)).Msgf("AH01768: allocated new client %d", number)
	return number
}

// nonceState is whether a client may use a nonce.
type nonceState uint8

const (
	accepted nonceState = iota
	unknownClient
	usedNonce
	badCount
)

// use records that a client uses a nonce with a count, if it may: a nonce made
// later than the one it used last, or, unless nonces are for one request, the
// same with a higher count. tracked is the count it used last. Only requests
// that have shown the password come here: nobody else can spoil a nonce that a
// client holds.
func (c clients) use(number uint32, now time.Time, once bool, nonceTime int64, count uint64) (state nonceState, tracked uint64) {
	if !c.knows(number, now) {
		return unknownClient, 0
	}
	_, born, last := c.place(number)
	at := uint64(nonceTime)
	if !once {
		at -= born.Load()
	}
	at = (at + 1) % maxAge // a nonce may be made in the same microsecond as its client
	for {
		old := last.Load()
		used, tracked := old>>countBits, old&maxCount
		switch {
		case at > used, !once && at == used && count > tracked:
			if count > maxCount {
				return badCount, tracked
			}
			if last.CompareAndSwap(old, at<<countBits|count) {
				return accepted, tracked
			}
		case once:
			return usedNonce, tracked
		default:
			return badCount, tracked
		}
	}
}
