package mpm

import (
	"errors"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/donjon-httpd/donjon/chroot"
	"github.com/donjon-httpd/donjon/server"
)

// A jailed child cannot see that a name server, a host or a user outside has
// changed. The parent looks, and hands the new text of the files to every child, in
// a sealed memory file.

// outsidePause is the time between two looks. A change counts when two looks in a
// row saw the same, so that a file is not read while it is written.
const outsidePause = 2 * time.Second

// watchOutside tells of every change.
func watchOutside(pause time.Duration, state func() string) <-chan struct{} {
	changed := make(chan struct{})
	known := state()
	go func() {
		last := known
		for range time.Tick(pause) {
			now := state()
			if now == last && now != known {
				known = now
				changed <- struct{}{}
			}
			last = now
		}
	}()
	return changed
}

// sendOutside hands the names of outside to the children.
func (m *parent) sendOutside() {
	o, err := chroot.ReadOutside()
	if err != nil {
		corelog.Error(nil).Err(err).Msg("names of hosts and users outside have changed and cannot be read: children go on with the old ones")
		return
	}
	fd, err := seal("httpd-outside", o)
	if err != nil {
		corelog.Error(nil).Err(err).Msg("names of hosts and users outside have changed and cannot be passed on")
		return
	}
	defer unix.Close(fd)
	corelog.Info(nil).Msg("names of hosts or users outside have changed: children are told")
	for _, g := range m.all() {
		for _, c := range g.children {
			if err := pass(c.control, fd, "outside"); err != nil {
				corelog.Error(nil).Err(err).Msgf("child pid %d could not be told of changed names", c.pid)
			}
		}
	}
}

// takeOutside is what a child does with them.
func takeOutside(fd int) error {
	if fd < 0 {
		return errors.New("no descriptor came with it")
	}
	defer unix.Close(fd)
	var o chroot.Outside
	if err := unseal(fd, &o); err != nil {
		return err
	}
	server.SetResolver(o.Resolver())
	server.SetAccounts(o.Accounts())
	return nil
}

// pass sends a message with a descriptor. It does not wait: a child that reads
// nothing any more is ending or hangs.
func pass(f *os.File, fd int, words ...string) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var sent error
	if err := raw.Control(func(s uintptr) {
		sent = unix.Sendmsg(int(s), []byte(strings.Join(words, " ")), unix.UnixRights(fd), nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
	}); err != nil {
		return err
	}
	return sent
}

// receiveWith is receive for children, who trust their parent: it takes a descriptor
// too, -1 for none. The parent must not use it, or children could fill its table.
func receiveWith(f *os.File) (verb, rest string, fd int, err error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return "", "", -1, err
	}
	buf, oob := make([]byte, 4096), make([]byte, unix.CmsgSpace(4))
	var n, m int
	var failed error
	if err := raw.Read(func(s uintptr) bool {
		n, m, _, _, failed = unix.Recvmsg(int(s), buf, oob, unix.MSG_CMSG_CLOEXEC)
		return failed != unix.EAGAIN && failed != unix.EINTR
	}); err != nil {
		return "", "", -1, err
	}
	if failed != nil {
		return "", "", -1, failed
	}
	if n == 0 {
		return "", "", -1, io.EOF
	}
	fd = -1
	if list, err := unix.ParseSocketControlMessage(oob[:m]); err == nil && len(list) == 1 {
		if fds, err := unix.ParseUnixRights(&list[0]); err == nil && len(fds) == 1 {
			fd = fds[0]
		}
	}
	verb, rest, _ = strings.Cut(string(buf[:n]), " ")
	return verb, rest, fd, nil
}
