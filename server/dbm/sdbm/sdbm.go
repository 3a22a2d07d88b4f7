// Package sdbm reads files of apr's SDBM: NAME.pag holds pages of pairs, found
// by the low bits of a key's hash; NAME.dir tells, a bit for each page that was
// split, how many bits count.
package sdbm

import (
	"encoding/binary"
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

const (
	pageSize = 1024
	dirSize  = 4096
)

// ErrFormat is the error of files that are no SDBM.
var ErrFormat = errors.New("not an SDBM file")

// Get is the value of a key in the database of that name, and whether it is
// there. The files are locked while it reads, as apr's writers do. Errors of
// the file system are errnos.
func Get(name, key string) (value []byte, ok bool, err error) {
	pag, err := open(name + ".pag")
	if err != nil {
		return nil, false, err
	}
	defer pag.Close()
	dir, err := open(name + ".dir")
	if err != nil {
		return nil, false, err
	}
	defer dir.Close()
	// apr takes a shared lock on the directory file; ours belongs to the open file.
	lock := unix.Flock_t{Type: unix.F_RDLCK}
	for {
		if err = unix.FcntlFlock(dir.Fd(), unix.F_OFD_SETLKW, &lock); err != unix.EINTR {
			break
		}
	}
	if err != nil {
		return nil, false, err
	}
	return get(pag, dir, key)
}

func open(path string) (*os.File, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), path), nil
}

func get(pag, dir io.ReaderAt, key string) ([]byte, bool, error) {
	no, err := page(dir, hash(key))
	if err != nil {
		return nil, false, err
	}
	var buf [pageSize]byte
	if err := readAt(pag, buf[:], int64(no)*pageSize); err != nil {
		return nil, false, err
	}
	return find(&buf, key)
}

// readAt reads a block; what is behind the end of the file is zero.
func readAt(f io.ReaderAt, b []byte, at int64) error {
	n, err := f.ReadAt(b, at)
	clear(b[n:])
	if err == io.EOF {
		err = nil
	}
	return err
}

// hash is sdbm's, of bytes that are signed.
func hash(key string) uint64 {
	var n uint64
	for i := range len(key) {
		n = uint64(int64(int8(key[i]))) + 65599*n
	}
	return n
}

// page walks down the tree of splits in the directory.
func page(dir io.ReaderAt, hash uint64) (uint64, error) {
	var block [dirSize]byte
	loaded := int64(-1)
	bit, depth := uint64(0), 0
	for depth < 32 {
		if at := int64(bit / 8 / dirSize); at != loaded {
			if err := readAt(dir, block[:], at*dirSize); err != nil {
				return 0, err
			}
			loaded = at
		}
		if block[bit/8%dirSize]>>(bit%8)&1 == 0 {
			break
		}
		bit = 2*bit + 1 + hash>>depth&1
		depth++
	}
	return hash & (1<<depth - 1), nil
}

// find looks for a key in a page. It begins with the number of offsets; pairs
// of them are where a key and its value begin, which are stored from the end.
func find(buf *[pageSize]byte, key string) ([]byte, bool, error) {
	short := func(i int) int { return int(int16(binary.LittleEndian.Uint16(buf[2*i:]))) }
	n := short(0)
	if n < 0 || n%2 != 0 || 2*(n+1) > pageSize {
		return nil, false, ErrFormat
	}
	end := pageSize
	for i := 1; i < n; i += 2 {
		k, v := short(i), short(i+1)
		if k > end || v > k || v < 2*(n+1) {
			return nil, false, ErrFormat
		}
		if string(buf[k:end]) == key {
			return append([]byte(nil), buf[v:k]...), true, nil
		}
		end = v
	}
	return nil, false, nil
}
