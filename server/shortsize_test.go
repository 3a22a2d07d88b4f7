package server

import "testing"

func TestShortSize(t *testing.T) {
	for n, want := range map[int64]string{-1: "  - ", 0: "  0 ", 972: "972 ", 973: "1.0K", 1024: "1.0K", 9990: "9.8K", 10189: " 10K", 10240: " 10K",
		1500000: "1.4M", 972 << 10: "972K", 973 << 10: "1.0M", 1 << 40: "1.0T"} {
		if got := ShortSize(n); got != want {
			t.Errorf("ShortSize(%d) = %q, want %q", n, got, want)
		}
	}
}
