package server

import (
	"os"
	"sync/atomic"
	"time"
)

// Singleton is work that one child does for all of them, as Apache's singleton
// watchdogs do. Whoever holds it goes on for as long as it renews its claim; when
// it ends or dies, another one takes it over.
type Singleton struct {
	word *atomic.Uint64
	pid  uint64
}

const (
	// singletonLease is how long a claim holds that is not renewed.
	singletonLease = 2 * time.Second
	pidBits        = 22 // of Linux's pid_max
)

// Singleton gives the children's claim on work of that name in this generation.
func (g *Generation) Singleton(name string) *Singleton {
	row := g.ProxyShare("singleton "+name, func(*ProxyShared) {})
	return &Singleton{word: &row.Extra()[0], pid: uint64(os.Getpid()) & (1<<pidBits - 1)}
}

// Hold claims the work, or renews the claim. It is false while another child
// holds it.
func (s *Singleton) Hold() bool {
	now := uint64(time.Now().UnixMilli())
	next := (now+uint64(singletonLease.Milliseconds()))<<pidBits | s.pid
	old := s.word.Load()
	if holder, until := old&(1<<pidBits-1), old>>pidBits; holder != s.pid && until > now && until < now+2*uint64(singletonLease.Milliseconds()) {
		return false
	}
	return s.word.CompareAndSwap(old, next)
}

// Release lets another child have the work at once.
func (s *Singleton) Release() {
	if old := s.word.Load(); old&(1<<pidBits-1) == s.pid {
		s.word.CompareAndSwap(old, 0)
	}
}
