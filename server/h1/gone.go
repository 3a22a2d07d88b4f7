package h1

import (
	"time"

	"golang.org/x/sys/unix"
)

// Gone tells whether the client has left while its request is worked on: both directions
// of the connection are closed; or it has said that it will send no more, and the
// server's Timeout has passed since: a client may end its side and wait for the answer.
// Another goroutine than the request's may ask, one at a time.
func (x *exchange) Gone() bool {
	c := x.c
	fds := []unix.PollFd{{Fd: int32(c.fd), Events: unix.POLLRDHUP}}
	if n, err := unix.Poll(fds, 0); n <= 0 || err != nil {
		return false
	}
	if fds[0].Revents&(unix.POLLHUP|unix.POLLERR|unix.POLLNVAL) != 0 {
		return true
	}
	if fds[0].Revents&unix.POLLRDHUP == 0 {
		return false
	}
	if x.halfClosed.IsZero() {
		x.halfClosed = time.Now()
	}
	return time.Since(x.halfClosed) > c.timeout()
}
