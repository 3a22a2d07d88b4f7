package mpm

import (
	"fmt"
	"os"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// limits are Apache's compile-time defaults and bounds of one MPM
// (mpm_default.h and the constants in event.c, worker.c, prefork.c).
type limits struct {
	servers, maxServers int // ServerLimit and what bounds it
	threads, maxThreads int // ThreadLimit and what bounds it; 0 in prefork
	perChild            int
	start               int
	spare               int // MinSpareThreads or MinSpareServers
	numbers             [13]int
}

var limitsOf = [...]limits{
	Event: {servers: 16, maxServers: 20000, threads: 64, maxThreads: 100000, perChild: 25, start: 3, spare: 75,
		numbers: [...]int{497, 499, 502, 504, 507, 509, 511, 513, 515, 517, 519, 0, 0}},
	Worker: {servers: 16, maxServers: 20000, threads: 64, maxThreads: 20000, perChild: 25, start: 3, spare: 75,
		numbers: [...]int{300, 302, 305, 307, 310, 312, 314, 316, 318, 320, 322, 0, 0}},
	Prefork: {servers: 256, maxServers: 200000, start: 5, spare: 5,
		numbers: [...]int{175, 177, 0, 0, 0, 0, 0, 0, 0, 184, 186, 180, 182}},
}

// The warnings, as indexes of limits.numbers and words. At a start they go to
// standard error with "WARNING: "; on a restart to the log under the next number.
const (
	serverLimitHigh = iota
	serverLimitLow
	threadLimitHigh
	threadLimitLow
	threadsHigh
	threadsLow
	workersBelowThreads
	workersUneven
	workersHigh
	startLow
	spareLow
	preforkHigh
	preforkLow
)

var words = [...]struct{ start, restart string }{
	serverLimitHigh: {"ServerLimit of %d exceeds compile-time limit of %d servers, decreasing to %[2]d.",
		"ServerLimit of %d exceeds compile-time limit of %d, decreasing to match"},
	serverLimitLow: {"ServerLimit of %d not allowed, increasing to 1.", "ServerLimit of %d not allowed, increasing to 1"},
	threadLimitHigh: {"ThreadLimit of %d exceeds compile-time limit of %d threads, decreasing to %[2]d.",
		"ThreadLimit of %d exceeds compile-time limit of %d, decreasing to match"},
	threadLimitLow: {"ThreadLimit of %d not allowed, increasing to 1.", "ThreadLimit of %d not allowed, increasing to 1"},
	threadsHigh: {"ThreadsPerChild of %d exceeds ThreadLimit of %d threads, decreasing to %[2]d. " +
		"To increase, please see the ThreadLimit directive.",
		"ThreadsPerChild of %d exceeds ThreadLimit of %d, decreasing to match"},
	threadsLow: {"ThreadsPerChild of %d not allowed, increasing to 1.", "ThreadsPerChild of %d not allowed, increasing to 1"},
	workersBelowThreads: {"MaxRequestWorkers of %d is less than ThreadsPerChild of %d, increasing to %[2]d. " +
		"MaxRequestWorkers must be at least as large as the number of threads in a single server.",
		"MaxRequestWorkers of %d is less than ThreadsPerChild of %d, increasing to match"},
	workersUneven: {"MaxRequestWorkers of %d is not an integer multiple of ThreadsPerChild of %d, " +
		"decreasing to nearest multiple %d, for a maximum of %d servers.",
		"MaxRequestWorkers of %d is not an integer multiple of ThreadsPerChild of %d, decreasing to nearest multiple %d"},
	workersHigh: {"MaxRequestWorkers of %d would require %d servers and would exceed ServerLimit of %d, decreasing to %d. " +
		"To increase, please see the ServerLimit directive.",
		"MaxRequestWorkers of %d would require %d servers and exceed ServerLimit of %d, decreasing to %d"},
	startLow: {"StartServers of %d not allowed, increasing to 1.", "StartServers of %d not allowed, increasing to 1"},
	spareLow: {"%s of %d not allowed, increasing to 1 to avoid almost certain server failure. Please read the documentation.",
		"%s of %d not allowed, increasing to 1"},
	preforkHigh: {"MaxRequestWorkers of %d exceeds ServerLimit value of %d servers, decreasing MaxRequestWorkers to %[2]d. " +
		"To increase, please see the ServerLimit directive.",
		"MaxRequestWorkers of %d exceeds ServerLimit value of %d, decreasing to match"},
	preforkLow: {"MaxRequestWorkers of %d not allowed, increasing to 1.", "MaxRequestWorkers of %d not allowed, increasing to 1"},
}

// Check is the check_config hook of an MPM: it brings the numbers of the
// configuration into their bounds, with Apache's warnings. Apache refuses a
// second MPM before it has compiled anything; see [Conflict].
func Check(k Kind) func(*server.Generation) error {
	return func(g *server.Generation) error {
		c := server.MPM.EditServer(g.Config.Main)
		settle(k, c, func(what int, args ...any) {
			number := limitsOf[k].numbers[what]
			if g.Number > 0 {
				elog.Warn(server.ServerSubject(g, g.Config.Main)).Msg(
					fmt.Sprintf("AH%05d: ", number+1) + sprintf(words[what].restart, args))
				return
			}
			fmt.Fprintf(os.Stderr, "AH%05d: WARNING: %s\n", number, sprintf(words[what].start, args))
		})
		return nil
	}
}

// sprintf leaves out the arguments that the shorter text does not name.
func sprintf(format string, args []any) string {
	verbs := 0
	for i := 0; i+1 < len(format); i++ {
		if format[i] == '%' && format[i+1] != '[' {
			verbs++
		}
	}
	return fmt.Sprintf(format, args[:min(verbs, len(args))]...)
}

// settle makes every number a possible one and reports what it changed.
func settle(k Kind, c *config, warn func(what int, args ...any)) {
	l := &limitsOf[k]
	within := func(o *directives.Opt[int], unset, most, high, low int) int {
		n := o.Else(unset)
		switch {
		case most > 0 && n > most:
			warn(high, n, most)
			n = most
		case n < 1:
			warn(low, n)
			n = 1
		}
		*o = directives.Given(n)
		return n
	}
	start, spare := c.StartServers, c.MinSpare
	servers := within(&c.ServerLimit, l.servers, l.maxServers, serverLimitHigh, serverLimitLow)
	if k == Prefork {
		within(&c.MaxRequestWorkers, l.servers, servers, preforkHigh, preforkLow)
	} else {
		threads := within(&c.ThreadLimit, l.threads, l.maxThreads, threadLimitHigh, threadLimitLow)
		each := within(&c.ThreadsPerChild, l.perChild, threads, threadsHigh, threadsLow)
		workers := c.MaxRequestWorkers.Else(l.servers * l.perChild)
		if workers < each {
			warn(workersBelowThreads, workers, each)
			workers = each
		}
		if n := workers / each; workers%each != 0 {
			warn(workersUneven, workers, each, n*each, n)
			workers = n * each
		}
		if n := workers / each; n > servers {
			warn(workersHigh, workers, n, servers, servers*each)
			workers = servers * each
		}
		c.MaxRequestWorkers = directives.Given(workers)
	}
	if n := start.Else(l.start); n < 1 {
		warn(startLow, n)
		c.StartServers = directives.Given(1)
	}
	if n := spare.Else(l.spare); n < 1 {
		name := "MinSpareThreads"
		if k == Prefork {
			name = "MinSpareServers"
		}
		warn(spareLow, name, n)
		c.MinSpare = directives.Given(1)
	}
}

// Conflict is Apache's reason not to go on when the configuration loads more
// than one MPM, or "". None at all is no reason: the engine is built in.
func Conflict(active []*server.Module) string {
	n := 0
	for _, m := range active {
		switch m.Name {
		case "mpm_event_module", "mpm_worker_module", "mpm_prefork_module":
			n++
		}
	}
	if n > 1 {
		return "More than one MPM loaded."
	}
	return ""
}
