// Package ratelimit sends responses slowly: as many bytes in each fifth of a
// second as the environment variable rate-limit says (mod_ratelimit).
package ratelimit

import (
	"slices"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

// Module is ratelimit_module.
var Module = server.Module{
	Name: "ratelimit_module",
	// Behind compression, ahead of the connection.
	OutputFilters: []*server.OutputFilter{{Name: "RATE_LIMIT", Level: server.ConnectionLevel - 1, Run: run}},
}

var elog = server.NewLog("ratelimit")

const interval = 200 * time.Millisecond

// limit is a response that is sent slowly.
type limit struct {
	piece int64 // bytes in an interval
	burst int64 // bytes that are sent at once, besides
	begun bool
	held  []server.Bucket // waiting for more, in memory
}

func run(l *server.Link, b *server.Brigade) error {
	s, ok := l.State.(*limit)
	if !ok {
		if s = begin(l.R); s == nil {
			l.Remove()
			return l.Pass(b)
		}
		l.State = s
	}
	left := append(s.held, b.Buckets...)
	s.held = nil
	for {
		var head []server.Bucket
		head, left = server.SplitBuckets(left, s.piece+s.burst)
		last := len(left) == 0
		if last && !b.EOS && !b.Flush {
			return s.hold(head)
		}
		if s.burst > 0 {
			n := size(head)
			elog.Debug(l.R).Msgf("AH03485: rl: burst %d; len %d", s.burst, n)
			s.burst = max(s.burst-n, 0)
		}
		if last && b.EOS {
			l.Remove()
		}
		if s.begun {
			time.Sleep(interval)
		}
		s.begun = true
		if err := l.Pass(&server.Brigade{Buckets: head, Flush: !last || b.Flush, EOS: last && b.EOS}); err != nil {
			elog.Trace(1, l.R).Err(err).Msg("AH01457: rl: brigade pass failed.")
			return err
		}
		if last {
			return nil
		}
	}
}

// begin reads the speed, in KiB a second, and how many KiB come at once; nil
// for a response without limit.
func begin(r *server.Request) *limit {
	if r.Main != nil {
		return nil
	}
	v, ok := r.Env.Lookup("rate-limit")
	if !ok {
		return nil
	}
	speed := kib(v)
	if speed <= 0 {
		elog.Info(r).Msgf("AH03488: rl: disabling: rate-limit = %s (too high?)", v)
		return nil
	}
	s := &limit{piece: int64(speed) / int64(time.Second/interval)}
	if v, ok := r.Env.Lookup("rate-initial-burst"); ok {
		if s.burst = int64(kib(v)); s.burst <= 0 {
			elog.Info(r).Msgf("AH03489: rl: disabling burst: rate-initial-burst = %s (too high?)", v)
			s.burst = 0
		}
	}
	return s
}

// kib is a number of KiB in bytes; one that is too large wraps around.
func kib(word string) int32 { return int32(server.Atoi(word)) * 1024 }

// hold keeps what does not fill a piece. Memory is valid only until the filter
// returns; a file stays open.
func (s *limit) hold(list []server.Bucket) error {
	s.held = slices.Clone(list)
	for i := range s.held {
		if s.held[i].File == nil {
			s.held[i] = server.Bucket{Mem: slices.Clone(s.held[i].Mem)}
		}
	}
	return nil
}

func size(list []server.Bucket) int64 {
	b := server.Brigade{Buckets: list}
	return b.Size()
}
