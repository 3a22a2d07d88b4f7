package scoreboard

import "sync"

// Crew is the workers of this process: as many requests as MaxRequestWorkers
// allows it are worked on at once, the others wait for a worker.
type Crew struct {
	*Child
	permits chan struct{}
	private []Worker // of those without a row on the board

	mu   sync.Mutex
	free []*Worker // the one that was let go last is taken first, so that few rows change
}

// NewCrew makes the workers of the child in a slot.
func (b *Board) NewCrew(slot, limit int) *Crew {
	shown := min(limit, b.Workers())
	rows := make([]*Worker, shown)
	for i := range rows {
		rows[i] = b.Worker(slot, i)
	}
	return newCrew(b.Child(slot), rows, limit)
}

// NewPrivate makes a crew that no other process sees.
func NewPrivate(limit int) *Crew { return newCrew(new(Child), nil, limit) }

func newCrew(child *Child, rows []*Worker, limit int) *Crew {
	c := &Crew{Child: child, permits: make(chan struct{}, limit), private: make([]Worker, limit-len(rows))}
	for i := len(c.private) - 1; i >= 0; i-- {
		c.free = append(c.free, &c.private[i])
	}
	for i := len(rows) - 1; i >= 0; i-- {
		c.free = append(c.free, rows[i])
	}
	for _, w := range c.free {
		w.Set(Ready)
	}
	c.Limit.Store(int32(limit))
	return c
}

// Take waits for a worker; it gives nil when stop closes first.
func (c *Crew) Take(stop <-chan struct{}) *Worker {
	select {
	case c.permits <- struct{}{}:
	default:
		select {
		case c.permits <- struct{}{}:
		case <-stop:
			return nil
		}
	}
	c.Busy.Add(1)
	c.mu.Lock()
	w := c.free[len(c.free)-1]
	c.free = c.free[:len(c.free)-1]
	c.mu.Unlock()
	w.Set(Reading)
	return w
}

// Give lets a worker go.
func (c *Crew) Give(w *Worker) {
	w.Set(Ready)
	c.mu.Lock()
	c.free = append(c.free, w)
	c.mu.Unlock()
	c.Busy.Add(-1)
	<-c.permits
}

// Count adds a request that was answered.
func (c *Crew) Count(bytes, microseconds int64) {
	c.Accesses.Add(1)
	c.Bytes.Add(uint64(max(bytes, 0)))
	c.Duration.Add(uint64(max(microseconds, 0)))
}
