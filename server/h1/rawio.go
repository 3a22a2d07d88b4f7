package h1

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// The loop's system calls are made on descriptors that never block, so the
// scheduler is not told of them: that costs less, and keeps the runtime's
// monitor asleep, which would else look after every call of a busy loop.

// read reads once from a socket.
func read(fd int, p []byte) (int, error) {
	n, _, e := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	if e != 0 {
		return 0, e
	}
	return int(n), nil
}

// send writes once to a socket; flags are those of send(2).
func send(fd int, p []byte, flags int) (int, error) {
	for {
		n, _, e := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), uintptr(flags), 0, 0)
		switch e {
		case 0:
			return int(n), nil
		case unix.EINTR:
		default:
			return 0, e
		}
	}
}

// send2 is send for two pieces that follow one another.
func send2(fd int, p, q []byte, flags int) (int, error) {
	iov := [2]unix.Iovec{{Base: unsafe.SliceData(p)}, {Base: unsafe.SliceData(q)}}
	iov[0].SetLen(len(p))
	iov[1].SetLen(len(q))
	msg := unix.Msghdr{Iov: &iov[0]}
	msg.SetIovlen(len(iov))
	for {
		n, _, e := unix.RawSyscall(unix.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(&msg)), uintptr(flags))
		switch e {
		case 0:
			return int(n), nil
		case unix.EINTR:
		default:
			return 0, e
		}
	}
}

// ready gives what has happened, without waiting.
func ready(epfd int, events []unix.EpollEvent) (int, error) {
	for {
		n, _, e := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(epfd), uintptr(unsafe.Pointer(unsafe.SliceData(events))), uintptr(len(events)), 0, 0, 0)
		switch e {
		case 0:
			return int(n), nil
		case unix.EINTR:
		default:
			return 0, e
		}
	}
}

// addEvents is epoll_ctl(2) with EPOLL_CTL_ADD.
func addEvents(epfd, fd int, ev *unix.EpollEvent) bool {
	_, _, e := unix.RawSyscall6(unix.SYS_EPOLL_CTL, uintptr(epfd), unix.EPOLL_CTL_ADD, uintptr(fd), uintptr(unsafe.Pointer(ev)), 0, 0)
	return e == 0
}

// filePiece is how much of a file is sent by one call: some 100 µs of work.
const filePiece = 512 << 10

// sendFile is one sendfile(2), which moves off. A piece that must be read from
// a disk first is announced to the scheduler, so that others run meanwhile.
func sendFile(to, from int, off *int64, n int64) (int64, error) {
	n = min(n, filePiece)
	if !cached(from, *off) || !cached(from, *off+n-1) {
		m, err := unix.Sendfile(to, from, off, int(n))
		return int64(max(m, 0)), err
	}
	m, _, e := unix.RawSyscall6(unix.SYS_SENDFILE, uintptr(to), uintptr(from), uintptr(unsafe.Pointer(off)), uintptr(n), 0, 0)
	if e != 0 {
		return 0, e
	}
	return int64(m), nil
}

// cached tells whether a byte of a file can be read without a disk
// (preadv2 with RWF_NOWAIT). Where the file system cannot tell it is false.
func cached(fd int, at int64) bool {
	var b byte
	iov := unix.Iovec{Base: &b}
	iov.SetLen(1)
	n, _, _ := unix.RawSyscall6(unix.SYS_PREADV2, uintptr(fd), uintptr(unsafe.Pointer(&iov)), 1, uintptr(at), 0, unix.RWF_NOWAIT)
	return n == 1
}
