package mpm

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/donjon-httpd/donjon/server/scoreboard"
)

// board is the scoreboard in the parent, which says who has which slot. What
// it was told is kept here and never read back from the shared memory.
type board struct {
	*scoreboard.Board
	fd    int
	slots []*child
}

// How large a board is made. Children of old generations keep their slots while
// they finish; memory is used only for what is written.
const (
	boardChildren = 64
	boardWorkers  = 1024 // rows of a child at most
)

func newBoard(workers int) (*board, error) {
	b, fd, err := scoreboard.New(boardChildren, min(workers, boardWorkers))
	if err != nil {
		return nil, err
	}
	return &board{Board: b, fd: fd, slots: make([]*child, boardChildren)}, nil
}

// seat gives a child the first free slot.
func (b *board) seat(c *child) {
	c.slot = -1
	for i, taken := range b.slots {
		if taken == nil {
			b.slots[i], c.slot = c, i
			b.Begin(i, c.pid, c.gen.number(), c.gen.workers)
			return
		}
	}
}

// leave frees the slot of a child that has ended.
func (b *board) leave(c *child, usage *unix.Rusage) {
	if c.slot >= 0 {
		b.slots[c.slot] = nil
		b.End(c.slot, duration(usage.Utime), duration(usage.Stime))
	}
}

// quiesce shows that a child was told to finish.
func (b *board) quiesce(c *child) {
	if c.slot >= 0 {
		b.Child(c.slot).Quiescing.Store(true)
	}
}

func duration(t unix.Timeval) time.Duration { return time.Duration(t.Nano()) }
