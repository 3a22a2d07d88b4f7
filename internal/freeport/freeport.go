// Package freeport finds TCP ports on the loopback address for servers that
// tests and benchmarks start.
package freeport

import (
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"syscall"
)

// Ports are taken from below those that the system gives to clients
// (ip_local_port_range begins at 32768): a client's connection could sit on one
// of those when the server binds it, or even connect to itself there.
const least, most = 10000, 32000

var last atomic.Uint32

// Find gives n ports that nothing listens on. Each process begins elsewhere,
// and gives no port out twice until it has given out all.
func Find(n int) ([]int, error) {
	start := uint32(os.Getpid()) * 7919 % (most - least)
	var list []int
	for range most - least {
		port := least + int((start+last.Add(1))%(most-least))
		if !free(port) {
			continue
		}
		if list = append(list, port); len(list) == n {
			return list, nil
		}
	}
	return nil, fmt.Errorf("no %d free ports between %d and %d", n, least, most)
}

// free tries a port. No process may be started meanwhile: until it executes its
// program it would hold the socket too, and a client that looks whether the
// server is there would find that.
func free(port int) bool {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return false
	}
	l.Close()
	return true
}
