package mpm

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A signal has no answer. So that -k restart, graceful and status have one, the
// parent listens on a socket in the abstract namespace that is named after its
// process id. One message asks (restart, graceful, status, fullstatus, jail), and these answer:
//
//	say TEXT        a diagnostic for the terminal
//	done TEXT       it was done; TEXT is what was asked for, if anything
//	failed TEXT     it was not, and why
//
// Both sides ask the kernel who the other is. Where there is no such socket
// (another network namespace, Apache itself), -k sends its signal.
type console struct {
	listener *net.UnixListener
	asked    chan *request
}

// request is a question of the console that waits for its answer.
type request struct {
	verb string
	conn *net.UnixConn
}

func consoleAddr(pid int) *net.UnixAddr {
	return &net.UnixAddr{Name: fmt.Sprintf("@httpd-%d", pid), Net: "unixpacket"}
}

func newConsole() (*console, error) {
	l, err := net.ListenUnix("unixpacket", consoleAddr(os.Getpid()))
	if err != nil {
		return nil, err
	}
	return consoleOn(l), nil
}

func consoleOn(l *net.UnixListener) *console {
	return &console{listener: l, asked: make(chan *request)}
}

// requests gives the questions; never one when there is no console.
func (c *console) requests() <-chan *request {
	if c == nil {
		return nil
	}
	return c.asked
}

// listen takes in questions until close.
func (c *console) listen() {
	if c == nil {
		return
	}
	for {
		conn, err := c.listener.AcceptUnix()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			time.Sleep(100 * time.Millisecond) // no descriptor left, for one
		default:
			go c.hear(conn)
		}
	}
}

// hear reads the question of somebody who may ask: root, or who runs the parent.
func (c *console) hear(conn *net.UnixConn) {
	peer, err := peerOf(conn)
	if err == nil && peer.Uid != 0 && int(peer.Uid) != os.Geteuid() {
		err = errors.New("not allowed")
	}
	buf := make([]byte, 64)
	n := 0
	if err == nil {
		conn.SetReadDeadline(time.Now().Add(5 * time.Second)) //nolint:errcheck // cannot fail on a socket
		n, err = conn.Read(buf)
	}
	if err != nil {
		conn.Close()
		return
	}
	c.asked <- &request{verb: string(buf[:n]), conn: conn}
}

func (c *console) close() {
	if c != nil {
		c.listener.Close()
	}
}

func peerOf(conn *net.UnixConn) (cred *unix.Ucred, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	if e := raw.Control(func(fd uintptr) { cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); e != nil {
		return nil, e
	}
	return cred, err
}

// tell sends one message; who asked may be gone.
func (q *request) tell(verb, text string) {
	const most = 60 << 10                                        // what a message may hold
	q.conn.SetWriteDeadline(time.Now().Add(time.Second))         //nolint:errcheck // cannot fail on a socket
	io.WriteString(q.conn, verb+" "+text[:min(len(text), most)]) //nolint:errcheck // as said
}

func (q *request) done(text string)   { q.tell("done", text); q.conn.Close() }
func (q *request) failed(text string) { q.tell("failed", text); q.conn.Close() }

// answer does what the console asks for.
func (m *parent) answer(q *request) {
	sig := map[string]syscall.Signal{"restart": syscall.SIGHUP, "graceful": syscall.SIGUSR1}[q.verb]
	switch {
	case q.verb == "status":
		q.done(m.page())
	case q.verb == "jail":
		q.done(m.jailLines())
	case q.verb == "fullstatus":
		q.done(m.page() + m.workerLines())
	case sig == 0:
		q.failed("unknown request " + q.verb)
	case m.stopping:
		q.failed("the server is shutting down")
	case m.restarting():
		m.again = sig
		m.later = append(m.later, q)
	default:
		m.waiting = append(m.waiting, q)
		m.restart(sig)
	}
}

// tellAll shows a diagnostic to everyone who waits for the restart.
func (m *parent) tellAll(text string) {
	for _, q := range m.waiting {
		q.tell("say", text)
	}
}

// reply tells everyone who waits how the restart ended: an empty problem is success.
func (m *parent) reply(problem string) {
	for _, q := range m.waiting {
		if problem == "" {
			q.done("")
		} else {
			q.failed(problem)
		}
	}
	m.waiting = nil
}

// askLimit is how long -k waits for a new generation to serve.
const askLimit = 5 * time.Minute

// ask puts a question to the parent with that process id. ok is false when it
// has no console.
func (p *Program) ask(pid int, verb string, stdout, stderr io.Writer) (status int, ok bool) {
	conn, err := net.DialUnix("unixpacket", nil, consoleAddr(pid))
	if err != nil {
		return 0, false
	}
	defer conn.Close()
	if peer, err := peerOf(conn); err != nil || int(peer.Pid) != pid {
		return 0, false
	}
	conn.SetDeadline(time.Now().Add(askLimit)) //nolint:errcheck // cannot fail on a socket
	if _, err := io.WriteString(conn, verb); err != nil {
		return 0, false
	}
	buf := make([]byte, 64<<10)
	for {
		n, err := conn.Read(buf)
		if err != nil || n == 0 {
			say(stderr, fmt.Sprintf("%s: the server (pid %d) gave no answer: see its error log", p.Name, pid))
			return exitFailed, true
		}
		verb, text, _ := strings.Cut(string(buf[:n]), " ")
		switch verb {
		case "say":
			say(stderr, text)
		case "done":
			io.WriteString(stdout, text) //nolint:errcheck // nobody else to tell
			return exitOK, true
		case "failed":
			say(stderr, p.Name+": "+text)
			return exitFailed, true
		}
	}
}
