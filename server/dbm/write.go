package dbm

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
)

// What a hash file of Berkeley DB is written with (observed on version 5.3, as
// apr-util's "db" makes them).
const (
	writtenPage    = 4096
	writtenVersion = 9
	pageHashMeta   = 8
	// tooLong is the length from which an item lies on pages of its own, in bytes.
	tooLong = writtenPage / 4
	// mostBuckets bounds the file that no number of buckets makes shallow.
	mostBuckets = 1 << 16
	// charKey is hashed into the file, by which two hash functions are told apart.
	charKey = "%$sniglet^&\x00"
)

// ErrTooLarge says that pairs cannot be written into one database.
var ErrTooLarge = errors.New("too many or too long pairs for a database")

// FormatDB is the content of a new database (type [DB]) of these pairs, as
// apr-util reads it.
func FormatDB(pairs map[string]string) ([]byte, error) {
	h := layHash(pairs)
	w := dbWriter{buf: make([]byte, writtenPage*(1+len(h.buckets)))}
	for i, keys := range h.buckets {
		w.bucket(uint32(i+1), keys, pairs)
	}
	if len(w.buf) > maxFile {
		return nil, ErrTooLarge
	}
	w.meta(len(h.buckets), len(pairs))
	return w.buf, nil
}

// KeysDB are the keys in the order in which a walk through that database finds them.
func KeysDB(pairs map[string]string) []string {
	keys := make([]string, 0, len(pairs))
	for _, b := range layHash(pairs).buckets {
		keys = append(keys, b...)
	}
	return keys
}

// hashLayout is which key lies in which bucket; within one they are sorted.
type hashLayout struct{ buckets [][]string }

// layHash begins with two buckets, as Berkeley DB does, and takes twice as many
// until each fits into its page.
func layHash(pairs map[string]string) hashLayout {
	for n := 2; ; n *= 2 {
		buckets, used, full := make([][]string, n), make([]int, n), false
		for k, v := range pairs {
			b := int(hashDB(k)) & (n - 1)
			buckets[b] = append(buckets[b], k)
			used[b] += pairSize(k, v)
			full = full || used[b] > writtenPage-dbHeadSize
		}
		if full && n < mostBuckets && n < 2*len(pairs) {
			continue
		}
		for _, b := range buckets {
			slices.SortFunc(b, strings.Compare)
		}
		return hashLayout{buckets}
	}
}

// hashDB is the hash function of files since version 5 (Fowler, Noll, Vo).
func hashDB(key string) uint32 {
	h := uint32(0)
	for i := range len(key) {
		h = h*16777619 ^ uint32(key[i])
	}
	return h
}

// itemSize is what an item takes in a page without its index.
func itemSize(s string) int {
	if len(s) > tooLong {
		return itemOffPageLen
	}
	return 1 + len(s)
}

func pairSize(k, v string) int { return itemSize(k) + itemSize(v) + 4 }

// dbWriter puts pages behind the pages of the buckets.
type dbWriter struct{ buf []byte }

func (w *dbWriter) page(no uint32) []byte { return w.buf[int(no)*writtenPage:][:writtenPage] }

// add gives a new page at the end.
func (w *dbWriter) add() uint32 {
	no := uint32(len(w.buf) / writtenPage)
	w.buf = append(w.buf, make([]byte, writtenPage)...)
	return no
}

// head fills a page's head; entries and place are what its type takes them for.
func (w *dbWriter) head(no, before, after uint32, entries, place int, kind byte) {
	p := w.page(no)
	binary.LittleEndian.PutUint32(p[4:], 1) // the log's place that BDB gives without a log
	binary.LittleEndian.PutUint32(p[8:], no)
	binary.LittleEndian.PutUint32(p[12:], before)
	binary.LittleEndian.PutUint32(p[16:], after)
	binary.LittleEndian.PutUint16(p[20:], uint16(entries))
	binary.LittleEndian.PutUint16(p[22:], uint16(place))
	p[25] = kind
}

// bucket writes the sorted keys of a bucket and their values to its page, and to
// pages chained to it when one is not enough.
func (w *dbWriter) bucket(no uint32, keys []string, pairs map[string]string) {
	before := uint32(0)
	for {
		n, room := 0, writtenPage-dbHeadSize
		for n < len(keys) && pairSize(keys[n], pairs[keys[n]]) <= room {
			room -= pairSize(keys[n], pairs[keys[n]])
			n++
		}
		end, after := writtenPage, uint32(0)
		for i, k := range keys[:n] {
			for j, s := range []string{k, pairs[k]} {
				item := w.item(s)
				end -= len(item)
				p := w.page(no)
				copy(p[end:], item)
				binary.LittleEndian.PutUint16(p[dbHeadSize+4*i+2*j:], uint16(end))
			}
		}
		if keys = keys[n:]; len(keys) > 0 {
			after = w.add()
		}
		w.head(no, before, after, 2*n, end, pageHash)
		if after == 0 {
			return
		}
		before, no = no, after
	}
}

// item is how a page holds a key or a value.
func (w *dbWriter) item(s string) []byte {
	if len(s) <= tooLong {
		return append([]byte{itemKeyData}, s...)
	}
	item := make([]byte, itemOffPageLen)
	item[0] = itemOffPage
	binary.LittleEndian.PutUint32(item[8:], uint32(len(s)))
	no, before := w.add(), uint32(0)
	binary.LittleEndian.PutUint32(item[4:], no)
	for {
		n, after := min(len(s), writtenPage-dbHeadSize), uint32(0)
		copy(w.page(no)[dbHeadSize:], s[:n])
		if s = s[n:]; s != "" {
			after = w.add()
		}
		w.head(no, before, after, 1, n, pageOverflow)
		if after == 0 {
			return item
		}
		before, no = no, after
	}
}

// meta writes page 0.
func (w *dbWriter) meta(buckets, pairs int) {
	p, le := w.page(0), binary.LittleEndian
	le.PutUint32(p[4:], 1)
	le.PutUint32(p[dbMagicAt:], dbMagic)
	le.PutUint32(p[16:], writtenVersion)
	le.PutUint32(p[dbPageSizeAt:], writtenPage)
	p[25] = pageHashMeta
	le.PutUint32(p[32:], uint32(len(w.buf)/writtenPage-1)) // last page
	rand.Read(p[52:72])                                    //nolint:errcheck // it never fails
	le.PutUint32(p[72:], uint32(buckets-1))                // highest bucket, masks
	le.PutUint32(p[76:], uint32(buckets-1))
	le.PutUint32(p[80:], uint32(buckets/2-1))
	le.PutUint32(p[88:], uint32(pairs))
	le.PutUint32(p[92:], hashDB(charKey))
	for i := 0; 1<<i <= buckets; i++ {
		le.PutUint32(p[96+4*i:], 1) // where the buckets of each doubling begin
	}
}

// IsDB tells whether a file's content begins as one of type [DB] does.
func IsDB(b []byte) bool {
	return len(b) >= dbMetaSize && bytes.Equal(b[dbMagicAt:dbMagicAt+4], []byte{0x61, 0x15, 0x06, 0})
}
