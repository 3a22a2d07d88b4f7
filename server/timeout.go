package server

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

// ParseTimeout reads a number with an optional unit (ms, s, mi, h; only the
// first letters count, as in Apache), without one in units of unit.
func ParseTimeout(s string, unit time.Duration) (time.Duration, error) {
	end := 0
	for end < len(s) && (s[end] >= '0' && s[end] <= '9' || end == 0 && (s[0] == '-' || s[0] == '+')) {
		end++
	}
	n, err := strconv.ParseInt(s[:end], 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrSyntax) {
		return 0, err
	}
	switch rest := s[end:]; {
	case rest == "":
	case rest[0] == 's':
		unit = time.Second
	case rest[0] == 'h':
		unit = time.Hour
	case strings.HasPrefix(rest, "ms"):
		unit = time.Millisecond
	case strings.HasPrefix(rest, "mi"):
		unit = time.Minute
	default:
		return 0, errors.New("unknown unit of time")
	}
	if n < 0 || n > math.MaxInt64/int64(unit) {
		return 0, errors.New("time out of range")
	}
	return time.Duration(n) * unit, nil
}
