package freeport

import (
	"fmt"
	"net"
	"testing"
)

func TestFind(t *testing.T) {
	seen := map[int]bool{}
	for range 20 {
		list, err := Find(3)
		if err != nil || len(list) != 3 {
			t.Fatal(list, err)
		}
		for _, port := range list {
			if seen[port] || port < least || port >= most {
				t.Errorf("port %d: given before: %v", port, seen[port])
			}
			seen[port] = true
			l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if err != nil {
				t.Errorf("port %d is not free: %v", port, err)
				continue
			}
			l.Close()
		}
	}
}

func TestTakenPortIsLeftOut(t *testing.T) {
	list, err := Find(1)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", list[0]))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if free(list[0]) {
		t.Errorf("port %d is told to be free while something listens", list[0])
	}
}
