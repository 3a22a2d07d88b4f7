package scoreboard

import (
	"hash/fnv"
	"sync/atomic"
	"unsafe"
)

// Behind the workers stand regions that modules claim by name, for what all
// children must know together (the clients of Digest authentication). They
// outlive restarts, so that children of an old generation and of a new one
// share them; nothing is ever given back. Words are all there is: a child that
// dies leaves no lock behind, and nothing in them is trusted to be in range.
const (
	regions    = 8
	regionSize = 512 << 10
	sharedSize = regions * regionSize
)

// RegionWords is how many words a region has.
const RegionWords = regionSize / 8

// Region gives the words claimed under a name; the first to ask takes a free
// region, whose words are 0. It is nil when all are taken.
func (b *Board) Region(name string) []atomic.Uint64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	id := h.Sum64() | 1
	for i := range b.owners {
		if b.owners[i].CompareAndSwap(0, id) || b.owners[i].Load() == id {
			at := len(b.mem) - sharedSize + i*regionSize
			return unsafe.Slice((*atomic.Uint64)(unsafe.Pointer(&b.mem[at])), RegionWords)
		}
	}
	return nil
}
