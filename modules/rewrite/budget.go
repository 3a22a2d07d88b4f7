package rewrite

import (
	"time"

	"github.com/donjon-httpd/donjon/server/pattern"
)

// Limits of one list of rules for one request. Apache has none: a hostile
// .htaccess file can keep a thread of it busy for hours.
const (
	backtrackLimit = time.Second     // in patterns that backtrack
	roundsLimit    = 5 * time.Second // in all, asked when [N] starts over

	// maxSubrequests bounds what look-aheads, -U and -F ask for one request of a
	// client: they can nest, and their number grows with a power of the depth.
	maxSubrequests = 1000
)

// budget is the time that a list of rules may still take.
type budget struct {
	began time.Time // when [N] first started over
	spent time.Duration
}

// match is [pattern.Regexp.Match] under the budget.
func (b *budget) match(re *pattern.Regexp, dst []string, s string) []string {
	if !re.Backtracks() {
		return re.Match(dst, s)
	}
	if b.spent > backtrackLimit {
		return nil
	}
	start := time.Now()
	groups := re.Match(dst, s)
	b.spent += time.Since(start)
	return groups
}

// exhausted tells whether the list must end.
func (b *budget) exhausted() bool { return b.spent > backtrackLimit }

// again counts a round; false is the end.
func (b *budget) again() bool {
	if b.began.IsZero() {
		b.began = time.Now()
	}
	return time.Since(b.began) < roundsLimit
}
