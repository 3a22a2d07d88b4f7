package md

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"crypto/tls"

	"github.com/donjon-httpd/donjon/server"
)

// driver is a child's part in renewing: of all children one has the claim.
type driver struct {
	g       *server.Generation
	c       *config
	claim   *server.Singleton
	subject server.Subject
	stop    context.CancelFunc
	ended   sync.WaitGroup
}

// running is this child's; a process has one generation.
var running *driver

const claimEvery = 500 * time.Millisecond

func start(g *server.Generation) error {
	c := slot.Of(g.Config.Main)
	wanted := false
	for _, d := range c.domains {
		wanted = wanted || d.renews()
	}
	if g.Board == nil || !wanted {
		return nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	w := &driver{g: g, c: c, claim: g.Singleton("_md_renew_"), subject: server.ServerSubject(g, g.Config.Main), stop: cancel}
	running = w
	w.ended.Add(1)
	go w.run(ctx)
	return nil
}

func stop(*server.Generation) error {
	if w := running; w != nil {
		running = nil
		w.stop()
		w.ended.Wait()
	}
	return nil
}

// run works while this child has the claim, which it renews all the while.
func (w *driver) run(ctx context.Context) {
	defer w.ended.Done()
	defer w.claim.Release()
	next := time.Now().Add(w.c.initial.Else(part{}).length)
	tick := time.NewTicker(claimEvery)
	defer tick.Stop()
	var working chan time.Duration
	for {
		select {
		case <-ctx.Done():
			if working != nil {
				<-working
			}
			return
		case wait := <-working:
			working, next = nil, time.Now().Add(wait)
		case <-tick.C:
		}
		if !w.claim.Hold() || working != nil || time.Now().Before(next) {
			continue
		}
		working = make(chan time.Duration, 1)
		go func(done chan time.Duration) { done <- w.round(ctx) }(working)
	}
}

// job is how it goes with a domain; it stands in the store.
type job struct {
	Name    string    `json:"name"`
	Errors  int       `json:"errors"`
	NextRun time.Time `json:"next-run"`
	LastRun time.Time `json:"last-run"`
	Problem string    `json:"problem,omitempty"`
	Ready   time.Time `json:"valid-from"` // since when there is a new certificate; zero: there is none
	Warned  time.Time `json:"warned"`
}

func readFile(f *os.File) []byte {
	text, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<20))
	if err != nil {
		return nil
	}
	return text
}

// replace writes a file that is open anew; its readers parse it, and take it for
// nothing while it is half written.
func replace(f *os.File, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	if err := f.Truncate(0); err != nil {
		return err
	}
	if _, err := f.WriteAt(text, 0); err != nil {
		return err
	}
	return f.Sync()
}

func (d *domain) readJob() job {
	var j job
	if d.job != nil {
		_ = json.Unmarshal(readFile(d.job), &j)
	}
	j.Name = d.name
	return j
}

// isStaged tells whether a new certificate waits for the next restart.
func (d *domain) isStaged() bool {
	var b staged
	return d.bundle != nil && json.Unmarshal(readFile(d.bundle), &b) == nil && b.check(d) == nil
}

// due tells whether the domain's certificate is to be renewed.
func (d *domain) due(now time.Time) bool {
	if d.fallback {
		return true
	}
	for _, p := range d.pairs {
		pair, err := tls.X509KeyPair([]byte(p.Cert), []byte(p.Key))
		if err != nil || !coversAll(pair.Leaf, d) {
			return true
		}
		life := pair.Leaf.NotAfter.Sub(pair.Leaf.NotBefore)
		if now.After(pair.Leaf.NotAfter.Add(-d.renewWindow.Else(defaultRenew).of(life))) {
			return true
		}
	}
	return len(d.pairs) != len(d.keys)
}

// round looks at each domain once, and says how long to wait for the next.
func (w *driver) round(ctx context.Context) time.Duration {
	wait := w.c.interval.Else(defaultInterval)
	for _, d := range w.c.domains {
		if !d.renews() || ctx.Err() != nil {
			continue
		}
		now := time.Now()
		j := d.readJob()
		w.warn(d, &j, now)
		if d.isStaged() || !d.due(now) {
			continue
		}
		if j.NextRun.After(now) {
			wait = min(wait, time.Until(j.NextRun))
			continue
		}
		elog.Debug(w.subject).Msgf("AH10052: md(%s): driving", d.name)
		if err := w.renew(ctx, d, &j); err != nil {
			j.Errors++
			j.Problem = err.Error()
			delay := min(w.c.retryDelay.Else(defaultRetry)<<min(j.Errors-1, 20), longestRetry)
			j.NextRun = time.Now().Add(delay)
			wait = min(wait, delay)
			elog.Error(w.subject).Msgf("AH10056: processing %s: %s", d.name, err)
			elog.Info(w.subject).Msgf("AH10057: %s: encountered error for the %d. time, next run in %s", d.name, j.Errors, delay)
			if j.Errors == 1 {
				w.tell("errored", d)
			}
		} else {
			j = job{Name: d.name, Ready: time.Now(), Warned: j.Warned}
			elog.Notice(w.subject).Msgf("AH10059: The Managed Domain %s has been setup and changes will be activated on next (graceful) server restart.", d.name)
			w.tell("renewed", d)
			w.notify(d)
		}
		j.LastRun = now
		if err := replace(d.job, j); err != nil {
			elog.Error(w.subject).Err(err).Msgf("%s: saving job props", d.name)
		}
	}
	return wait
}

const warnEvery = 24 * time.Hour

// warn tells, once a day, of a certificate that is about to expire and that
// nothing has come of yet.
func (w *driver) warn(d *domain, j *job, now time.Time) {
	if d.fallback || d.isStaged() || now.Sub(j.Warned) < warnEvery {
		return
	}
	for _, p := range d.pairs {
		pair, err := tls.X509KeyPair([]byte(p.Cert), []byte(p.Key))
		if err != nil {
			continue
		}
		life := pair.Leaf.NotAfter.Sub(pair.Leaf.NotBefore)
		if now.Before(pair.Leaf.NotAfter.Add(-d.warnWindow.Else(defaultWarn).of(life))) {
			continue
		}
		elog.Warn(w.subject).Msgf("md(%s): the certificate expires at %s", d.name, rfc822(pair.Leaf.NotAfter))
		w.tell("expiring", d)
		j.Warned = now
		if err := replace(d.job, *j); err != nil {
			elog.Error(w.subject).Err(err).Msgf("%s: saving job props", d.name)
		}
		return
	}
}

// renew obtains a certificate for each kind of key, and stages them.
func (w *driver) renew(ctx context.Context, d *domain, j *job) error {
	// After so many errors the next authority's turn has come.
	authority := d.authorities[j.Errors/w.c.failover.Else(defaultFailover)%len(d.authorities)]
	a, err := w.account(ctx, d, authority)
	if err != nil {
		return err
	}
	b := staged{Name: d.name}
	for _, k := range d.keys {
		p, url, err := a.obtain(ctx, d, k)
		if err != nil {
			return err
		}
		b.Pairs, b.URL = append(b.Pairs, p), url
	}
	if err := b.check(d); err != nil {
		return err
	}
	return replace(d.bundle, b)
}

const commandLimit = 30 * time.Second

// command runs a program, in the jail.
func (w *driver) command(line string, args ...string) error {
	argv := append(words(line), args...)
	ctx, cancel := context.WithTimeout(context.Background(), commandLimit)
	defer cancel()
	out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w %.200s", err, out)
	}
	return nil
}

func (w *driver) tell(event string, d *domain) {
	if w.c.message == "" {
		return
	}
	if err := w.command(w.c.message, event, d.name); err != nil {
		elog.Error(w.subject).Err(err).Msgf("AH10109: MDMessageCmd %s failed", w.c.message)
	}
}

func (w *driver) notify(d *domain) {
	if w.c.notify == "" {
		return
	}
	if err := w.command(w.c.notify, d.name); err != nil {
		elog.Error(w.subject).Err(err).Msgf("AH10108: MDNotifyCmd %s failed", w.c.notify)
	}
}
