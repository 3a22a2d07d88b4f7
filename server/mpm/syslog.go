package mpm

import (
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/donjon-httpd/donjon/server"
)

// ErrorLog syslog[:facility[:tag]] goes through the parent: a jail has no
// /dev/log, and a syslog daemon that is started anew has another one. Children
// write each line as a datagram into a socket pair; the parent adds facility,
// time, tag and the child's process id, which the kernel tells, and reconnects
// when the daemon is gone. systemd's journal listens at the same place.
type relay struct {
	spec     string
	facility int
	tag      string
	read     *os.File
	once     sync.Once
	out      net.Conn
	lost     int
}

// syslogSocket is where the syslog daemon listens.
var syslogSocket = "/dev/log"

// facilities are those of syslog(3), in the order that a prefix is looked for.
var facilities = []struct {
	name string
	code int
}{{"auth", 4}, {"authpriv", 10}, {"cron", 9}, {"daemon", 3}, {"ftp", 11}, {"kern", 0}, {"lpr", 6}, {"mail", 2}, {"news", 7},
	{"syslog", 5}, {"user", 1}, {"uucp", 8}, {"local0", 16}, {"local1", 17}, {"local2", 18}, {"local3", 19}, {"local4", 20},
	{"local5", 21}, {"local6", 22}, {"local7", 23}}

const defaultFacility = 23 // LOG_LOCAL7

func isSyslog(spec string) bool { return spec == "syslog" || strings.HasPrefix(spec, "syslog:") }

// parseSyslog takes facility and tag out of "syslog:facility:tag". As in
// Apache, the beginning of a facility's name will do.
func parseSyslog(spec string) (facility int, tag string, err error) {
	_, rest, _ := strings.Cut(spec, ":")
	name, tag, _ := strings.Cut(rest, ":")
	if tag == "" {
		tag = server.ProgramName
	}
	if name == "" {
		return defaultFacility, tag, nil
	}
	for _, f := range facilities {
		if len(name) <= len(f.name) && strings.EqualFold(f.name[:len(name)], name) {
			return f.code, tag, nil
		}
	}
	return 0, "", &startup{unix.EBADF, fmt.Sprintf("AH10036: %s: could not open syslog error log %s.", server.ProgramName, rest)}
}

// startRelay begins to pass lines on, and gives the end that they are written to.
func startRelay(spec string) (*relay, *os.File, error) {
	if _, _, err := parseSyslog(spec); err != nil {
		return nil, nil, err
	}
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err == nil {
		err = unix.SetsockoptInt(fds[0], unix.SOL_SOCKET, unix.SO_PASSCRED, 1)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", spec, err)
	}
	return newRelay(spec, os.NewFile(uintptr(fds[0]), spec)), os.NewFile(uintptr(fds[1]), spec), nil
}

func newRelay(spec string, read *os.File) *relay {
	r := &relay{spec: spec, read: read}
	r.facility, r.tag, _ = parseSyslog(spec)
	go r.run()
	return r
}

// close lets what has been written out and ends.
func (r *relay) close() {
	r.once.Do(func() {
		r.read.SetReadDeadline(time.Now().Add(100 * time.Millisecond)) //nolint:errcheck // then it ends at once
	})
}

func (r *relay) run() {
	defer r.read.Close()
	raw, err := r.read.SyscallConn()
	if err != nil {
		return
	}
	line, control := make([]byte, 16<<10), make([]byte, 64)
	for {
		var n, cn int
		var failed error
		err := raw.Read(func(fd uintptr) bool {
			n, cn, _, _, failed = unix.Recvmsg(int(fd), line, control, unix.MSG_CMSG_CLOEXEC)
			return failed != unix.EAGAIN
		})
		if err != nil || failed != nil && failed != unix.EINTR {
			break
		}
		if n > 0 {
			r.pass(line[0], string(line[1:n]), sender(control[:cn]))
		}
	}
	if r.out != nil {
		r.out.Close()
	}
}

// sender is the process that wrote a datagram, as the kernel says.
func sender(control []byte) int {
	msgs, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return 0
	}
	for i := range msgs {
		if cred, err := unix.ParseUnixCredentials(&msgs[i]); err == nil {
			return int(cred.Pid)
		}
	}
	return 0
}

// pass sends one line in the form of RFC 3164, as syslog(3) does.
func (r *relay) pass(level byte, text string, pid int) {
	severity := min(int(level-'0'), 7)
	line := fmt.Sprintf("<%d>%s %s[%d]: %s", r.facility<<3|severity, time.Now().Format(time.Stamp), r.tag, pid, text)
	for attempt := range 2 {
		if r.out == nil {
			conn, err := net.Dial("unixgram", syslogSocket)
			if err != nil {
				r.lost++
				return
			}
			r.out = conn
		}
		r.out.SetWriteDeadline(time.Now().Add(time.Second)) //nolint:errcheck // cannot fail on a socket
		if _, err := r.out.Write([]byte(line)); err == nil {
			break
		}
		r.out.Close()
		r.out = nil
		if attempt > 0 {
			r.lost++
			return
		}
	}
	if n := r.lost; n > 0 {
		r.lost = 0
		r.pass('3', fmt.Sprintf("%d lines before this one did not reach syslog", n), os.Getpid())
	}
}

// syslogWriter is the writing end of a relay.
type syslogWriter int

var _ server.LevelWriter = syslogWriter(0)

func (w syslogWriter) WriteLevel(level server.Level, line []byte) error {
	const most = 8 << 10
	message := append([]byte{byte('0' + min(max(level, 0), server.LevelDebug))}, line[:min(len(line), most)]...)
	for {
		if _, err := unix.Write(int(w), message); err != unix.EINTR {
			return err
		}
	}
}

// Write takes a line without a level, as an access log's.
func (w syslogWriter) Write(b []byte) (int, error) {
	return len(b), w.WriteLevel(server.LevelInfo, []byte(strings.TrimSuffix(string(b), "\n")))
}
