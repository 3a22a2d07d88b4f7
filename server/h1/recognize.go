package h1

import (
	"bytes"
	"encoding/binary"
)

// recognised is a request head that the loop understands well enough to look
// for a prepared answer. Everything else about the request is left to parse:
// a head that is not recognised is not wrong.
type recognised struct {
	size   int    // bytes of the head
	key    []byte // of answers: local address, request line and Host
	host   bool
	http11 bool
	wants  bool // Connection: keep-alive
	ends   bool // Connection: close

	watch  *watchList
	seen   uint64 // watched fields that are there, as bits
	values [maxWatched][]byte
}

func (q *recognised) field(i int) ([]byte, bool) {
	if q.seen&(1<<i) == 0 {
		return nil, false
	}
	return q.values[i], true
}

// minLine is the shortest request line: "GET / HTTP/1.1".
const minLine = len("GET / HTTP/1.1")

// recognise looks at the head at the start of b, for a connection that came
// to that local address. It is false for what is not a whole head of a request without
// a body, or is unusual in any way. What it takes apart is valid as long as b.
func (q *recognised) recognise(b []byte, arrival uint32, l *limits) bool {
	end := bytes.IndexByte(b, '\n')
	if end < minLine || b[end-1] != '\r' || end-1 > l.line && l.line > 0 || b[0] != 'G' && b[0] != 'H' {
		return false
	}
	line := b[:end-1]
	switch version := line[len(line)-1]; {
	case string(line[len(line)-len(" HTTP/1.x"):len(line)-1]) != " HTTP/1.":
		return false
	case version == '1':
		q.http11 = true
	case version == '0':
		q.http11 = false
	default:
		return false
	}
	q.key = append(binary.LittleEndian.AppendUint32(q.key[:0], arrival), line...)
	q.host, q.wants, q.ends, q.seen = false, false, false, 0
	at := end + 1
	for count := 0; ; count++ {
		rest := b[at:]
		end := bytes.IndexByte(rest, '\n')
		if end < 1 || rest[end-1] != '\r' || end-1 > l.field && l.field > 0 {
			return false
		}
		field := rest[:end-1]
		at += end + 1
		if len(field) == 0 {
			q.size = at
			return q.host || !q.http11
		}
		if count >= l.fields && l.fields > 0 || !q.take(field) {
			return false
		}
	}
}

// take looks at one field. It is false for one that only the phases can answer for.
func (q *recognised) take(field []byte) bool {
	colon := 0
	for colon < len(field) && isToken[field[colon]] {
		colon++
	}
	if colon == 0 || colon == len(field) || field[colon] != ':' {
		return false
	}
	name, value := field[:colon], field[colon+1:]
	for len(value) > 0 && value[0] == ' ' {
		value = value[1:]
	}
	for len(value) > 0 && value[len(value)-1] == ' ' {
		value = value[:len(value)-1]
	}
	if !plainText(value) {
		return false
	}
	switch len(name) {
	case 4:
		if is(name, "host") {
			if q.host {
				return false
			}
			q.host = true
			q.key = append(append(q.key, '\n'), value...)
			return true
		}
	case 6, 7:
		if is(name, "expect") || is(name, "upgrade") {
			return false
		}
	case 10:
		if is(name, "connection") {
			if q.wants || q.ends {
				return false
			}
			q.wants, q.ends = is(value, "keep-alive"), is(value, "close")
			if !q.wants && !q.ends {
				return false
			}
		}
	case 14:
		if is(name, "content-length") {
			return false
		}
	case 17:
		if is(name, "transfer-encoding") {
			return false
		}
	}
	if len(name) >= len(q.watch.byLen) {
		return true
	}
	for _, w := range q.watch.byLen[len(name)] {
		if is(name, w.name) {
			if q.seen&(1<<w.index) != 0 {
				return false
			}
			q.seen |= 1 << w.index
			q.values[w.index] = value
		}
	}
	return true
}

// is compares in any case; lower is in lower case.
func is(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i := range b {
		if c := b[i]; c != lower[i] && (c < 'A' || c > 'Z' || c+('a'-'A') != lower[i]) {
			return false
		}
	}
	return true
}

// plainText tells that no byte is a control character; a tab counts as one.
func plainText(b []byte) bool {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	for len(b) >= 8 {
		x := binary.LittleEndian.Uint64(b)
		below := (x - ones*0x20) & ^x & highs // a byte below 0x20
		del := x ^ ones*0x7f
		del = (del - ones) & ^del & highs // a byte that is 0x7f
		if below|del != 0 {
			return false
		}
		b = b[8:]
	}
	for _, c := range b {
		if c < 0x20 || c == 0x7f {
			return false
		}
	}
	return true
}
