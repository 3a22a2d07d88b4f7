package scoreboard

import (
	"fmt"
	"testing"

	"golang.org/x/sys/unix"
)

func TestRegion(t *testing.T) {
	a, fd, err := New(2, 3)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	b, err := Open(fd)
	if err != nil {
		t.Fatal(err)
	}
	if a.Secret != b.Secret || a.Secret == [32]byte{} {
		t.Error("the secret is not one secret")
	}
	one := a.Region("one")
	one[0].Store(7)
	one[RegionWords-1].Store(8)
	if two := b.Region("two"); two[0].Load() != 0 || two[RegionWords-1].Load() != 0 {
		t.Error("a new region is not empty")
	}
	if got := b.Region("one"); got[0].Load() != 7 || got[RegionWords-1].Load() != 8 {
		t.Error("a region is not shared")
	}
	for i := range regions - 2 {
		if b.Region(fmt.Sprint(i)) == nil {
			t.Errorf("no region %d", i)
		}
	}
	if b.Region("more") != nil {
		t.Error("more regions than there are")
	}
	if a.Region("two") == nil {
		t.Error("a region is lost when all are taken")
	}
}
