package ratelimit

import "testing"

func TestKiB(t *testing.T) {
	for in, want := range map[string]int32{"1": 1024, "x": 0, "-2": -2048, "4194304": 0, "2097152": -1 << 31} {
		if got := kib(in); got != want {
			t.Errorf("%q: %d, want %d", in, got, want)
		}
	}
}
