package server

import (
	"fmt"
	"hash/maphash"
	"sync"
	"time"
)

// repeats keeps a flood of one and the same message out of an error log: of
// those with the same module, level and text, most are written in a second, and
// the others counted and told at its end. Debugging levels are never limited,
// nor are different texts, so that nothing is lost but copies.
type repeats struct {
	mu    sync.Mutex
	began time.Time
	seen  map[uint64]*repeated
}

type repeated struct {
	event *Event // the first that was left out
	text  string
	n     int // messages in this second
}

const (
	repeatsPerSecond = 100
	repeatsKinds     = 1024 // texts that are told apart in a second; others pass
)

var repeatsSeed = maphash.MakeSeed()

// pass tells whether the line is to be written.
func (rp *repeats) pass(el *ErrorLog, e *Event, text string) bool {
	if e.level >= LevelDebug {
		return true
	}
	var h maphash.Hash
	h.SetSeed(repeatsSeed)
	h.WriteByte(byte(e.level)) //nolint:errcheck // cannot fail
	h.WriteString(e.module)    //nolint:errcheck // cannot fail
	h.WriteString(text)        //nolint:errcheck // cannot fail
	key := h.Sum64()
	rp.mu.Lock()
	defer rp.mu.Unlock()
	if e.at.Sub(rp.began) >= time.Second {
		rp.tell(el)
		rp.began = e.at
	}
	x := rp.seen[key]
	if x == nil {
		if len(rp.seen) >= repeatsKinds {
			return true
		}
		if rp.seen == nil {
			rp.seen = map[uint64]*repeated{}
		}
		x = &repeated{}
		rp.seen[key] = x
	}
	x.n++
	if x.n <= repeatsPerSecond {
		return true
	}
	if x.event == nil {
		// Without its request: that is over when the count is told.
		x.event, x.text = &Event{log: e.log, conf: e.conf, level: e.level, module: e.module, s: e.s, at: e.at}, text
		time.AfterFunc(time.Second, func() {
			rp.mu.Lock()
			defer rp.mu.Unlock()
			rp.tell(el)
		})
	}
	return false
}

// tell writes how many were left out and begins anew.
func (rp *repeats) tell(el *ErrorLog) {
	for _, x := range rp.seen {
		if x.event != nil {
			x.event.at = time.Now()
			el.writeLine(x.event, fmt.Sprintf("%s (%d more of this message in the last second)", x.text, x.n-repeatsPerSecond))
		}
	}
	clear(rp.seen)
}
