package passwd

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"time"
)

const (
	remembered   = 1024        // pairs at most
	rememberedIs = time.Minute // for how long
)

// memory holds which pairs of password and stored hash agreed lately, so that
// a client that sends its password with each request costs one slow hash a
// minute. The answer for a pair never changes; another stored hash is another
// pair, so a changed password holds at once. Nothing of a password is kept but
// its HMAC under a key that never leaves the process. Pairs that disagreed are
// not kept: guessing stays as slow as the hash is.
type memory struct {
	mu    sync.Mutex
	key   [32]byte
	until map[[sha256.Size]byte]time.Time
}

var checked = newMemory()

func newMemory() *memory {
	m := &memory{until: map[[sha256.Size]byte]time.Time{}}
	rand.Read(m.key[:])
	return m
}

func (m *memory) check(password, stored string, compute func(password, stored string) bool) bool {
	mac := hmac.New(sha256.New, m.key[:])
	mac.Write([]byte(stored + "\x00" + password)) // neither has a zero byte
	var id [sha256.Size]byte
	mac.Sum(id[:0])
	now := time.Now()
	m.mu.Lock()
	known := now.Before(m.until[id])
	m.mu.Unlock()
	if known {
		return true
	}
	if !compute(password, stored) {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.until) >= remembered {
		for k, t := range m.until {
			if !now.Before(t) {
				delete(m.until, k)
			}
		}
		if len(m.until) >= remembered {
			clear(m.until)
		}
	}
	m.until[id] = now.Add(rememberedIs)
	return true
}
