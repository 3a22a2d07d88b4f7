package mpm

import (
	"encoding/binary"
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/donjon-httpd/donjon/chroot"
	"github.com/donjon-httpd/donjon/server"
)

// A broker connects a jailed child to "unix:" sockets outside of the jail
// (PHP-FPM, an application server): the child asks, the parent connects and
// passes the descriptor. What can be asked for is fixed when the configuration is
// read, the sockets that it names; a child says no path, only the number of one.
// The parent connects as the user that the child is, so that permissions hold
// and the service sees whom it would see without a jail. docs/security.md has the
// reasons.
//
// The question is a number of four bytes, the answer an errno of four bytes, with
// the descriptor when that is 0.

// namedSockets are what children may ask for: nothing where there is no jail.
func (g *generation) namedSockets() []string {
	if g.loaded.jail().Dir == "" {
		return nil
	}
	return server.NamedSockets(g.loaded.Gen.Config.Tree)
}

// newBroker makes the ends of a broker's channel.
func newBroker() (parent *net.UnixConn, child int, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, -1, err
	}
	c, err := brokerConn(fds[0])
	if err != nil {
		unix.Close(fds[1])
		return nil, -1, err
	}
	return c, fds[1], nil
}

// brokerConn takes a descriptor over.
func brokerConn(fd int) (*net.UnixConn, error) {
	f := file(fd, "broker")
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	u, ok := c.(*net.UnixConn)
	if !ok {
		c.Close()
		return nil, errors.New("the channel of a broker is no Unix socket")
	}
	return u, nil
}

// connector connects to sockets as another user.
type connector struct {
	jobs chan connectJob
	done chan struct{}
}

type connectJob struct {
	path   string
	answer chan<- connected
}

type connected struct {
	fd  int
	err syscall.Errno
}

// newConnector starts a thread that acts as id where keep is false. Only its
// effective ids are changed: no process of that user may signal or trace a thread
// whose real and saved ids are root's.
func newConnector(id chroot.Identity, keep bool) (*connector, error) {
	c := &connector{make(chan connectJob), make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with its goroutine
		if !keep {
			if err := actAs(id); err != nil {
				started <- err
				return
			}
		}
		started <- nil
		for {
			select {
			case j := <-c.jobs:
				fd, err := connectUnix(j.path)
				j.answer <- connected{fd, err}
			case <-c.done:
				return
			}
		}
	}()
	return c, <-started
}

// actAs changes the effective ids and the groups of the calling thread alone.
func actAs(id chroot.Identity) error {
	groups := make([]uint32, len(id.Groups))
	for i, g := range id.Groups {
		groups[i] = uint32(g)
	}
	if len(groups) == 0 {
		groups = []uint32{uint32(id.GID)}
	}
	if err := setThreadGroups(groups); err != nil {
		return err
	}
	const same = ^uintptr(0)
	if _, _, e := unix.RawSyscall(unix.SYS_SETRESGID, same, uintptr(uint32(id.GID)), same); e != 0 {
		return e
	}
	if _, _, e := unix.RawSyscall(unix.SYS_SETRESUID, same, uintptr(uint32(id.UID)), same); e != 0 {
		return e
	}
	return nil
}

// connectUnix does not wait: a service that is busy is EAGAIN.
func connectUnix(path string) (int, syscall.Errno) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err == nil {
		if err = unix.Connect(fd, &unix.SockaddrUnix{Name: path}); err == nil {
			return fd, 0
		}
		unix.Close(fd)
	}
	var no syscall.Errno
	if !errors.As(err, &no) {
		no = unix.EINVAL
	}
	return -1, no
}

func (c *connector) connect(path string) connected {
	answer := make(chan connected)
	select {
	case c.jobs <- connectJob{path, answer}:
		return <-answer
	case <-c.done:
		return connected{-1, unix.EACCES}
	}
}

// close ends the thread.
func (c *connector) close() {
	if c != nil {
		close(c.done)
	}
}

// broker answers a child until it is gone.
func (c *connector) broker(conn *net.UnixConn, sockets []string) {
	defer conn.Close()
	buf := make([]byte, 8)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return
		}
		r := connected{-1, unix.EACCES}
		if n == 4 {
			if i := binary.NativeEndian.Uint32(buf); int64(i) < int64(len(sockets)) {
				r = c.connect(sockets[i])
			}
		}
		var rights []byte
		if r.fd >= 0 {
			rights = unix.UnixRights(r.fd)
		}
		_, _, err = conn.WriteMsgUnix(binary.NativeEndian.AppendUint32(nil, uint32(r.err)), rights, nil)
		if r.fd >= 0 {
			unix.Close(r.fd)
		}
		if err != nil {
			return
		}
	}
}

// childBroker is a child's end.
type childBroker struct {
	mu    sync.Mutex
	conn  *net.UnixConn
	names []string // in the order of their numbers
}

var _ server.SocketBroker = (*childBroker)(nil)

// inheritBroker takes the child's end over; nil when there is nothing to ask for.
func (s *snapshot) inheritBroker() (server.SocketBroker, error) {
	if len(s.Named) == 0 {
		return nil, nil
	}
	conn, err := brokerConn(firstFD + len(s.Sockets) + len(s.Logs))
	if err != nil {
		return nil, err
	}
	return &childBroker{conn: conn, names: s.Named}, nil
}

// busyTries and busyPause are how long a service that is busy is waited for.
const (
	busyTries = 100
	busyPause = 10 * time.Millisecond
)

// Connect asks the parent.
func (b *childBroker) Connect(path string) (int, error) {
	i, ok := slices.BinarySearch(b.names, filepath.Clean(path))
	if !ok {
		return -1, unix.EACCES
	}
	for tries := 0; ; tries++ {
		fd, err := b.ask(uint32(i))
		if err != unix.EAGAIN || tries >= busyTries {
			return fd, err
		}
		time.Sleep(busyPause)
	}
}

func (b *childBroker) ask(i uint32) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, err := b.conn.Write(binary.NativeEndian.AppendUint32(nil, i)); err != nil {
		return -1, err
	}
	buf, oob := make([]byte, 8), make([]byte, unix.CmsgSpace(4))
	n, m, _, _, err := b.conn.ReadMsgUnix(buf, oob)
	if err != nil {
		return -1, err
	}
	if n != 4 {
		return -1, os.ErrInvalid
	}
	if no := syscall.Errno(binary.NativeEndian.Uint32(buf)); no != 0 {
		return -1, no
	}
	list, err := unix.ParseSocketControlMessage(oob[:m])
	if err != nil || len(list) != 1 {
		return -1, os.ErrInvalid
	}
	fds, err := unix.ParseUnixRights(&list[0])
	if err != nil || len(fds) != 1 {
		return -1, os.ErrInvalid
	}
	return fds[0], nil
}
