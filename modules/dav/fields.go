package dav

import (
	"strconv"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

const infinity = server.DavInfinity

// depthOf reads the Depth field; otherwise holds when there is none.
func depthOf(r *server.Request, otherwise int) (depth int, ok bool) {
	v, has := r.FieldIn("Depth")
	switch {
	case !has:
		return otherwise, true
	case strings.EqualFold(v, "infinity"):
		return infinity, true
	case v == "0":
		return 0, true
	case v == "1":
		return 1, true
	}
	elog.Error(r).Msg("AH00580: An invalid Depth header was specified.")
	return 0, false
}

func overwrite(r *server.Request) (over, ok bool) {
	v, has := r.FieldIn("Overwrite")
	switch {
	case !has || strings.EqualFold(v, "T"):
		return true, true
	case strings.EqualFold(v, "F"):
		return false, true
	}
	elog.Error(r).Msg("AH00581: An invalid Overwrite header was specified.")
	return false, false
}

// timeoutOf is when a lock is wanted to expire, in Unix seconds; 0: never. The
// first word that is understood counts.
func timeoutOf(r *server.Request, now time.Time) int64 {
	v, _ := r.FieldIn("Timeout")
	return parseTimeout(v, now)
}

func parseTimeout(v string, now time.Time) int64 {
	for _, word := range strings.Fields(v) {
		if strings.HasPrefix(word, "Infinite") {
			return 0
		}
		if n, ok := strings.CutPrefix(word, "Second-"); ok {
			return now.Unix() + leadingNumber(n)
		}
	}
	return 0
}

// leadingNumber reads digits as atol does, up to 2^32-1 (RFC 4918 10.7).
func leadingNumber(s string) int64 {
	end := 0
	for end < len(s) && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	n, err := strconv.ParseUint(s[:end], 10, 32)
	if err != nil && end > 0 {
		return 1<<32 - 1
	}
	return int64(n)
}

// contentRange reads "bytes FIRST-LAST/LENGTH"; ok is false for anything else.
func contentRange(r *server.Request) (at int64, ranged, ok bool) {
	v, has := r.FieldIn("Content-Range")
	if !has {
		return 0, false, true
	}
	at, ok = parseContentRange(v)
	return at, true, ok
}

func parseContentRange(v string) (at int64, ok bool) {
	if len(v) < 6 || !strings.EqualFold(v[:6], "bytes ") {
		return 0, false
	}
	span, length, ok1 := strings.Cut(v[6:], "/")
	from, to, ok2 := strings.Cut(span, "-")
	first, err1 := strconv.ParseUint(strings.TrimSpace(from), 10, 62)
	last, err2 := strconv.ParseUint(to, 10, 62)
	if !ok1 || !ok2 || err1 != nil || err2 != nil || last < first {
		return 0, false
	}
	if length != "*" {
		n, err := strconv.ParseUint(length, 10, 62)
		if err != nil || n <= last {
			return 0, false
		}
	}
	return int64(first), true
}
