package server

import (
	"testing"
	"time"
)

func TestParseTimeout(t *testing.T) {
	for _, c := range []struct {
		in   string
		unit time.Duration
		want time.Duration
		ok   bool
	}{
		{"5", time.Second, 5 * time.Second, true},
		{"5", time.Millisecond, 5 * time.Millisecond, true},
		{"5s", time.Millisecond, 5 * time.Second, true},
		{"5seconds", time.Millisecond, 5 * time.Second, true},
		{"250ms", time.Second, 250 * time.Millisecond, true},
		{"2mi", time.Second, 2 * time.Minute, true},
		{"2min", time.Second, 2 * time.Minute, true},
		{"1h", time.Second, time.Hour, true},
		{"2m", time.Second, 0, false},
		{"1x", time.Second, 0, false},
		{"-1", time.Second, 0, false},
		{"99999999999999999999", time.Second, 0, false},
		{"9223372036854775807h", time.Second, 0, false},
	} {
		got, err := ParseTimeout(c.in, c.unit)
		if got != c.want || (err == nil) != c.ok {
			t.Errorf("ParseTimeout(%q, %v) = %v, %v; want %v, ok %v", c.in, c.unit, got, err, c.want, c.ok)
		}
	}
}
