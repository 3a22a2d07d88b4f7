// Package scoreboard is the memory that the parent and all children share: who
// serves, how much was served, and what each worker does now. mod_status, the
// terminal's status page and the service manager read it.
//
// It is a memory file laid out as one Global, then the slots of the children,
// then the workers of each slot, then regions for modules. Every counter has one writer (a child its own
// slot, the parent Global) and many readers. A child is not trusted by the
// parent: the parent never uses a value from a child's slot as an index, a size
// or a process id, it only adds up counters.
package scoreboard

import (
	"crypto/rand"
	"fmt"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Status is what a worker does, as Apache's scoreboard names it.
type Status uint32

const (
	Dead      Status = iota // no child has the slot
	Starting                // the child has not served yet
	Ready                   // waits for a connection
	Reading                 // reads a request
	Writing                 // works on a request or sends the reply
	KeepAlive               // waits for the next request of a connection
	Logging                 // writes the access log
	DNS                     // looks a name up
	Closing                 // closes a connection
	Graceful                // finishes while its child is to end
	IdleKill                // idle cleanup
)

// Letter is Apache's letter for the status.
func (s Status) Letter() byte {
	const letters = ".S_RWKLDCGI"
	if int(s) >= len(letters) {
		return '?'
	}
	return letters[s]
}

// Global is what the parent says of the whole server. Times are microseconds
// since 1970.
type Global struct {
	children, workers uint32 // geometry; fixed when the board is made

	Restarted  atomic.Int64 // the start, or the last restart that was not graceful
	Generation atomic.Int32 // the one that serves
	Configs    atomic.Int32 // configurations read so far
	Base       atomic.Int32 // the generation of Restarted: older children do not count

	// Of children that have ended.
	Accesses, Bytes, Duration atomic.Uint64 // requests, bytes of bodies, microseconds
	User, System              atomic.Uint64 // CPU time in microseconds

	// Secret is random and the same for all processes as long as the server
	// lives; fixed when the board is made. Children sign what they give to clients with it.
	Secret [32]byte

	owners [regions]atomic.Uint64 // hashes of the names under which regions were claimed; 0: free
}

// Child is the slot of a serving process. All counters but the first group,
// which is the parent's, are the child's.
type Child struct {
	PID        atomic.Int32 // 0: the slot is free
	Generation atomic.Int32
	Started    atomic.Int64 // microseconds since 1970
	Quiescing  atomic.Bool  // told to finish

	Serving   atomic.Bool  // has entered its jail and accepts
	Limit     atomic.Int32 // workers it may have
	Busy      atomic.Int32 // workers that work on a request
	Open      atomic.Int32 // connections
	WaitIO    atomic.Int32 // of these: a request is not read in full yet
	Sending   atomic.Int32 // of these: the client does not take the response as fast as it comes
	KeepAlive atomic.Int32 // of these: idle between two requests
	Closing   atomic.Int32 // of these: being closed

	Accepted                  atomic.Uint64 // connections
	Accesses, Bytes, Duration atomic.Uint64
	User, System              atomic.Uint64
}

const (
	childSize  = 256
	workerSize = 320
	globalSize = 4096
)

// The layout is the same for every process that maps it.
var (
	_ [globalSize - unsafe.Sizeof(Global{})]byte
	_ [childSize - unsafe.Sizeof(Child{})]byte
	_ [workerSize - unsafe.Sizeof(Worker{})]byte
)

// Board is a mapped scoreboard. It stays mapped as long as the process lives.
type Board struct {
	*Global
	mem []byte
}

// New makes a board of so many slots of children, each with rows for so many
// workers, and gives the descriptor under which another process can Open it.
func New(children, workers int) (*Board, int, error) {
	fd, err := unix.MemfdCreate("httpd-scoreboard", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, -1, fmt.Errorf("scoreboard: %w", err)
	}
	size := boardSize(children, workers)
	if err = unix.Ftruncate(fd, int64(size)); err == nil {
		_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_GROW|unix.F_SEAL_SHRINK|unix.F_SEAL_SEAL)
	}
	var b *Board
	if err == nil {
		b, err = mapped(fd, size)
	}
	if err != nil {
		unix.Close(fd)
		return nil, -1, fmt.Errorf("scoreboard: %w", err)
	}
	b.children, b.workers = uint32(children), uint32(workers)
	rand.Read(b.Secret[:])
	return b, fd, nil
}

func boardSize(children, workers int) int {
	return globalSize + children*(childSize+workers*workerSize) + sharedSize
}

// Open maps the board behind a descriptor, which may be closed afterwards.
func Open(fd int) (*Board, error) {
	var st unix.Stat_t
	err := unix.Fstat(fd, &st)
	if err == nil && st.Size < globalSize {
		err = fmt.Errorf("%d bytes are no scoreboard", st.Size)
	}
	var b *Board
	if err == nil {
		b, err = mapped(fd, int(st.Size))
	}
	if err == nil && int64(boardSize(int(b.children), int(b.workers))) != st.Size {
		err = fmt.Errorf("its size does not fit %d children with %d workers", b.children, b.workers)
	}
	if err != nil {
		return nil, fmt.Errorf("scoreboard: %w", err)
	}
	return b, nil
}

func mapped(fd, size int) (*Board, error) {
	mem, err := unix.Mmap(fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_NORESERVE)
	if err != nil {
		return nil, err
	}
	return &Board{Global: (*Global)(unsafe.Pointer(&mem[0])), mem: mem}, nil
}

// Children is how many slots there are.
func (b *Board) Children() int { return int(b.children) }

// Workers is how many rows for workers a slot has. A child may have more
// workers, of which nothing but their number is shown.
func (b *Board) Workers() int { return int(b.workers) }

// Child is the slot of that index.
func (b *Board) Child(slot int) *Child {
	return (*Child)(unsafe.Pointer(&b.mem[globalSize+slot*childSize : globalSize+(slot+1)*childSize][0]))
}

// Worker is a row of a slot.
func (b *Board) Worker(slot, i int) *Worker {
	at := globalSize + int(b.children)*childSize + (slot*int(b.workers)+i)*workerSize
	return (*Worker)(unsafe.Pointer(&b.mem[at : at+workerSize][0]))
}

// Begin gives a slot to a child that was just started.
func (b *Board) Begin(slot, pid, generation, limit int) {
	c := b.Child(slot)
	*c = Child{}
	for i := range b.Workers() {
		b.Worker(slot, i).reset()
	}
	c.Generation.Store(int32(generation))
	c.Limit.Store(int32(limit))
	c.Started.Store(time.Now().UnixMicro())
	c.PID.Store(int32(pid))
}

// End frees the slot of a child that has ended, and keeps what it served. user
// and system are its CPU time.
func (b *Board) End(slot int, user, system time.Duration) {
	c := b.Child(slot)
	if c.Generation.Load() >= b.Base.Load() {
		b.Accesses.Add(c.Accesses.Load())
		b.Bytes.Add(c.Bytes.Load())
		b.Duration.Add(c.Duration.Load())
	}
	b.User.Add(uint64(user.Microseconds()))
	b.System.Add(uint64(system.Microseconds()))
	c.PID.Store(0)
	for i := range b.Workers() {
		b.Worker(slot, i).status.Store(uint32(Dead))
	}
}

// Restart begins to count anew: generation replaces all before it at once.
func (b *Board) Restart(generation int) {
	b.Base.Store(int32(generation))
	b.Restarted.Store(time.Now().UnixMicro())
	b.Accesses.Store(0)
	b.Bytes.Store(0)
	b.Duration.Store(0)
	b.User.Store(0)
	b.System.Store(0)
}

// Totals is what was served since the start or the last restart that was not
// graceful.
type Totals struct {
	Accesses, Bytes uint64
	Duration        time.Duration // all requests together
	User, System    time.Duration // CPU of the children that serve
	// CPU of children that have ended.
	ChildrenUser, ChildrenSystem time.Duration
	Connections                  int // open
	WaitIO, Sending              int
	KeepAlive, Closing           int
	Processes, Stopping          int
	Busy, Graceful, Idle         int // workers
}

// Totals adds everything up.
func (b *Board) Totals() Totals {
	us := func(n uint64) time.Duration { return time.Duration(n) * time.Microsecond }
	t := Totals{Accesses: b.Accesses.Load(), Bytes: b.Bytes.Load(), Duration: us(b.Duration.Load()),
		ChildrenUser: us(b.User.Load()), ChildrenSystem: us(b.System.Load())}
	for i := range b.Children() {
		c := b.Child(i)
		if c.PID.Load() == 0 {
			continue
		}
		t.Processes++
		t.Connections += int(c.Open.Load())
		t.WaitIO += int(c.WaitIO.Load())
		t.Sending += int(c.Sending.Load())
		t.KeepAlive += int(c.KeepAlive.Load())
		t.Closing += int(c.Closing.Load())
		t.User += us(c.User.Load())
		t.System += us(c.System.Load())
		if c.Generation.Load() >= b.Base.Load() {
			t.Accesses += c.Accesses.Load()
			t.Bytes += c.Bytes.Load()
			t.Duration += us(c.Duration.Load())
		}
		busy := int(c.Busy.Load())
		switch {
		case c.Quiescing.Load():
			t.Stopping++
			t.Graceful += busy
		default:
			t.Busy += busy
			if c.Serving.Load() {
				t.Idle += max(int(c.Limit.Load())-busy, 0)
			}
		}
	}
	return t
}
