package program

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Feed writes all of in to the program's input; what the program writes
// meanwhile goes to took, so that neither waits for the other. Each wait is
// bounded by limit. A program that reads no more gives EPIPE.
func (p *Process) Feed(in []byte, took func([]byte), limit time.Duration) error {
	stdin, err := fileNumber(p.Stdin)
	if err != nil {
		return err
	}
	stdout, err := fileNumber(p.Stdout)
	if err != nil {
		return err
	}
	buf := make([]byte, 16<<10)
	reads := true // the program's output has not ended
	for len(in) > 0 {
		n, err := unix.Write(stdin, in)
		switch {
		case err == nil:
			in = in[n:]
			continue
		case errors.Is(err, unix.EINTR):
			continue
		case !errors.Is(err, unix.EAGAIN):
			return err
		}
		events := []unix.PollFd{{Fd: int32(stdin), Events: unix.POLLOUT}, {Fd: int32(stdout), Events: unix.POLLIN}}
		if !reads {
			events = events[:1]
		}
		switch n, err := unix.Poll(events, int(limit/time.Millisecond)); {
		case err != nil && !errors.Is(err, unix.EINTR):
			return err
		case n == 0 && err == nil:
			return os.ErrDeadlineExceeded
		}
		if !reads || events[1].Revents == 0 {
			continue
		}
		if n, err = unix.Read(stdout, buf); n > 0 {
			took(buf[:n])
		}
		reads = n > 0 || err != nil
	}
	return nil
}

func fileNumber(f *os.File) (n int, err error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return 0, err
	}
	err = raw.Control(func(fd uintptr) { n = int(fd) })
	return n, err
}
