package server

import "sync/atomic"

var workload atomic.Pointer[func() (busy, idle int)]

// SetWorkload says how to ask how many workers of this process are busy and how
// many wait; an engine calls it before it serves.
func SetWorkload(f func() (busy, idle int)) { workload.Store(&f) }

// Workload is the percentage of workers that are busy and idle (ap_get_sload);
// both are -1 when no engine has said.
func Workload() (busy, idle int) {
	f := workload.Load()
	if f == nil {
		return -1, -1
	}
	busy, idle = (*f)()
	if total := busy + idle; total > 0 {
		return busy * 100 / total, idle * 100 / total
	}
	return -1, -1
}
