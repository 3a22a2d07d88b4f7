package backend

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Target is where a socket is to be connected to, as the kernel reads it.
type Target struct {
	addr   [unix.SizeofSockaddrAny]byte
	size   uintptr // of addr; 0: nowhere
	family uintptr
}

// TargetOf is the path of a unix socket, or an address where path is "". It is
// false for one that has no place in a Target.
func TargetOf(to netip.AddrPort, path string) (t Target, ok bool) {
	switch a := to.Addr().Unmap(); {
	case path != "":
		sa := (*unix.RawSockaddrUnix)(unsafe.Pointer(&t.addr))
		if len(path) >= len(sa.Path) {
			return t, false
		}
		sa.Family = unix.AF_UNIX
		for i := range len(path) {
			sa.Path[i] = int8(path[i])
		}
		t.family, t.size = unix.AF_UNIX, unsafe.Offsetof(sa.Path)+uintptr(len(path))+1
	case a.Is4():
		sa := (*unix.RawSockaddrInet4)(unsafe.Pointer(&t.addr))
		sa.Family, sa.Addr, sa.Port = unix.AF_INET, a.As4(), networkOrder(to.Port())
		t.family, t.size = unix.AF_INET, unix.SizeofSockaddrInet4
	case a.Is6() && a.Zone() == "":
		sa := (*unix.RawSockaddrInet6)(unsafe.Pointer(&t.addr))
		sa.Family, sa.Addr, sa.Port = unix.AF_INET6, a.As16(), networkOrder(to.Port())
		t.family, t.size = unix.AF_INET6, unix.SizeofSockaddrInet6
	}
	return t, t.size > 0
}

func networkOrder(port uint16) uint16 {
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], port)
	return binary.NativeEndian.Uint16(b[:])
}

// Begin makes a non-blocking socket and begins to connect it: for one who waits
// without a goroutine. Whether it will be connected may not be known yet. The
// scheduler is not told of the system calls, which never wait.
func (t *Target) Begin() (int, error) {
	fd, _, e := unix.RawSyscall(unix.SYS_SOCKET, t.family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if e != 0 {
		return -1, e
	}
	_, _, e = unix.RawSyscall(unix.SYS_CONNECT, fd, uintptr(unsafe.Pointer(&t.addr)), t.size)
	if e != 0 && e != unix.EINPROGRESS {
		Close(int(fd))
		return -1, e
	}
	return int(fd), nil
}

// Close closes a descriptor of Begin's.
func Close(fd int) { unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0) }
