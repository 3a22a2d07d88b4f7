package h1

import (
	"time"

	"github.com/donjon-httpd/donjon/server"
)

// readTimer is how long the client still has for the part of a request that is
// being read.
type readTimer struct {
	part    string
	at      time.Time // when it must have come; zero: no bound
	most    time.Time // how far bytes can move that; zero: no bound
	perByte time.Duration
	expired func(c *server.Conn, part string)
}

// begin starts the time for a part at now.
func (t *readTimer) begin(part string, l *server.ReadLimit, now time.Time, expired func(*server.Conn, string)) {
	*t = readTimer{part: part}
	if l.First <= 0 {
		return
	}
	t.at, t.perByte, t.expired = now.Add(l.First), l.PerByte, expired
	if l.Most > 0 {
		t.most = now.Add(l.Most)
	}
}

// stop ends the bound.
func (t *readTimer) stop() { *t = readTimer{} }

// leastWait is what Apache waits at least, when any time is left.
const leastWait = time.Second

// limit is how long may be waited for the next bytes, at most otherwise; not
// above 0 when the time is over.
func (t *readTimer) limit(otherwise time.Duration) time.Duration {
	if t.at.IsZero() {
		return otherwise
	}
	left := time.Until(t.at)
	if left <= 0 {
		return 0
	}
	return min(max(left, leastWait), otherwise)
}

// got gives the client more time for n bytes.
func (t *readTimer) got(n int) {
	if t.perByte == 0 || t.at.IsZero() {
		return
	}
	t.at = t.at.Add(time.Duration(n) * t.perByte)
	if !t.most.IsZero() && t.at.After(t.most) {
		t.at = t.most
	}
}
