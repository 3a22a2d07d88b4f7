package server

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// Defaults of MaxRanges and its like.
const (
	defaultMaxRanges    = 200
	defaultMaxOverlaps  = 20
	defaultMaxReversals = 20
)

// boundary separates the parts of multiple ranges; one per process.
var boundary = sync.OnceValue(func() string {
	var b [8]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
})

// byteRange is inclusive on both ends.
type byteRange struct{ start, end int64 }

// rangeSet is what a Range field asks of a body of some length.
type rangeSet struct {
	ranges              []byteRange
	overlaps, reversals int
	unsatisfiable       bool
}

// parseRanges reads the value behind "bytes=" and merges ranges that touch or
// overlap. It gives nil when the field is to be ignored (ap_set_byterange).
func parseRanges(spec string, length int64) *rangeSet {
	set := &rangeSet{}
	var cur byteRange
	merging := false
	var sum int64
	push := func() {
		set.ranges = append(set.ranges, cur)
		sum += cur.end - cur.start + 1
	}
	for spec != "" {
		var item string
		item, spec, _ = strings.Cut(spec, ",")
		spec = strings.TrimLeft(spec, ",")
		if item == "" {
			break
		}
		first, last, ok := strings.Cut(item, "-")
		if !ok {
			return nil
		}
		var r byteRange
		if first == "" {
			n, ok := strictLength(last)
			if !ok || n < 1 {
				return nil
			}
			r = byteRange{length - n, length - 1}
		} else {
			n, ok := strictLength(first)
			if !ok {
				return nil
			}
			r.start = n
			if last != "" {
				if r.end, ok = strictLength(last); !ok || r.start > r.end {
					return nil
				}
			} else {
				r.end = length - 1
				if r.start == 0 { // all of it: whatever else is asked
					set.ranges, sum = nil, 0
					cur, merging = r, true
					break
				}
			}
		}
		r.start = max(r.start, 0)
		if r.start >= length {
			set.unsatisfiable = true
			continue
		}
		r.end = min(r.end, length-1)
		if !merging {
			cur, merging = r, true
			continue
		}
		joined := r.start >= cur.start && r.end <= cur.end
		if r.start < cur.start && r.end >= cur.start-1 {
			cur.start = r.start
			set.reversals++
			joined = true
		}
		if r.end >= cur.end && r.start <= cur.end+1 {
			cur.end = r.end
			joined = true
		}
		if joined {
			set.overlaps++
			continue
		}
		push()
		cur = r
	}
	if merging {
		push()
	} else if !set.unsatisfiable {
		return nil
	}
	if sum > length {
		return nil
	}
	return set
}

// strictLength reads a number of digits only.
func strictLength(s string) (int64, bool) {
	if s == "" || s[0] < '0' || s[0] > '9' {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// cutRanges is the filter that answers a Range field, if the whole response
// stands in the first brigade.
func cutRanges(l *Link, b *Brigade) error {
	r := l.R
	l.Remove()
	if b.Streamed {
		return l.Pass(b)
	}
	length := b.Size()
	field, ok := r.FieldIn("Range")
	if !ok || !b.EOS || length <= 0 || r.Simple || r.Status != 200 || len(field) < 6 || !strings.EqualFold(field[:6], "bytes=") ||
		r.Out.Has("Content-Range") || r.ifRange() == conditionNoMatch {
		return l.Pass(b)
	}
	set := parseRanges(field[6:], length)
	d := CoreDir.Of(r.Dir)
	over := func(n, limit int) bool { return limit >= 0 && n > limit }
	if set == nil || over(len(set.ranges), d.MaxRanges.Else(defaultMaxRanges)) ||
		over(set.overlaps, d.MaxRangeOverlaps.Else(defaultMaxOverlaps)) || over(set.reversals, d.MaxRangeReversals.Else(defaultMaxReversals)) {
		return l.Pass(b)
	}
	if len(set.ranges) == 0 {
		r.Out.Unset("Content-Length")
		r.StatusLine = ""
		r.Status = 200
		if asked, _ := r.FieldIn("Connection"); hasToken(asked, "close") || !r.atLeast11() {
			r.Conn.Close = true // as its header filter had decided by then
		}
		r.lengthless = true // the error is met behind Apache's length filter
		r.dieWith(416, 200)
		return nil
	}
	r.Status, r.StatusLine = 206, ""
	if len(set.ranges) == 1 {
		only := set.ranges[0]
		r.Out.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", only.start, only.end, length))
		return l.Pass(&Brigade{Buckets: slice(nil, b.Buckets, only), EOS: true})
	}
	head := "\r\n--" + boundary() + "\r\n"
	if t := r.makeContentType(r.ContentType); t != "" {
		head += "Content-type: " + t + "\r\n"
	}
	head += "Content-range: bytes "
	r.ContentType = "multipart/byteranges; boundary=" + boundary()
	var out []Bucket
	for _, x := range set.ranges {
		out = append(out, Bucket{Mem: fmt.Appendf(nil, "%s%d-%d/%d\r\n\r\n", head, x.start, x.end, length)})
		out = slice(out, b.Buckets, x)
	}
	out = append(out, Bucket{Mem: []byte("\r\n--" + boundary() + "--\r\n")})
	return l.Pass(&Brigade{Buckets: out, EOS: true})
}

// slice appends the part of from that a range names; no byte is read.
func slice(out, from []Bucket, x byteRange) []Bucket {
	var pos int64
	for _, b := range from {
		size := b.Size()
		lo, hi := max(x.start-pos, 0), min(x.end+1-pos, size)
		if lo < hi {
			if b.File != nil {
				out = append(out, Bucket{File: b.File, Off: b.Off + lo, Len: hi - lo})
			} else {
				out = append(out, Bucket{Mem: b.Mem[lo:hi]})
			}
		}
		pos += size
	}
	return out
}
