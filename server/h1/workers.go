package h1

import "sync"

// workers are goroutines that wait for work: one that has worked has a stack
// of the size that requests need, which a new one would have to grow to.
type workers struct {
	mu   sync.Mutex
	idle []chan func()
}

// maxIdleWorkers bounds those that wait.
const maxIdleWorkers = 64

// run has f run on a goroutine.
func (w *workers) run(f func()) {
	w.mu.Lock()
	var c chan func()
	if n := len(w.idle); n > 0 {
		c = w.idle[n-1] // the one that has waited for the shortest time
		w.idle = w.idle[:n-1]
	}
	w.mu.Unlock()
	if c == nil {
		go w.work(f)
		return
	}
	c <- f
}

func (w *workers) work(f func()) {
	c := make(chan func(), 1)
	for f != nil {
		f()
		w.mu.Lock()
		if len(w.idle) >= maxIdleWorkers {
			w.mu.Unlock()
			return
		}
		w.idle = append(w.idle, c)
		w.mu.Unlock()
		f = <-c
	}
}

// dismiss ends those that wait.
func (w *workers) dismiss() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.idle {
		close(c)
	}
	w.idle = nil
}
