package dav_fs

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

// lockRecord is what the database holds about one resource, under a key made of
// its path: locks that were made for it, and the origins of those that it
// inherits. The form is that of mod_dav_fs on 64-bit machines of this byte order.
type lockRecord struct {
	direct   []*server.DavLock
	indirect []indirectLock
}

type indirectLock struct {
	token   server.DavToken
	expires int64
	key     string // of the resource with the lock itself
}

const (
	recordDirect   = 1
	recordIndirect = 2
	keyOfPath      = 11
	fixedSize      = 16 // scope, type, 2 unused, depth, timeout
	depthInfinity  = math.MaxInt32
)

// lockKey is a resource's key.
func lockKey(res *server.DavResource) string {
	p := res.Path
	if len(p) > 1 {
		p = strings.TrimSuffix(p, "/")
	}
	return string([]byte{keyOfPath}) + p + "\x00"
}

func expired(at int64) bool { return at != 0 && time.Now().Unix() >= at }

// parseRecord reads a record. Direct locks that have expired are left out; stale
// says that there was any. The lists come in reverse, as Apache's do.
func parseRecord(key, b string) (r lockRecord, stale bool, err *server.DavError) {
	for at := 0; at < len(b); {
		kind := b[at]
		corrupt := &server.DavError{Status: 500, ID: server.DavErrLockCorruptDB,
			Text: fmt.Sprintf("The lock database was found to be corrupt. offset %d, c=%02x", at, kind)}
		at++
		rest := b[at:]
		switch kind {
		case recordDirect:
			if len(rest) < fixedSize+16 {
				return r, stale, corrupt
			}
			l := &server.DavLock{Direct: true, Scope: server.DavScope(rest[0]), Type: rest[1], Key: key,
				Infinite: int32(binary.LittleEndian.Uint32([]byte(rest[4:8]))) != 0,
				Expires:  int64(binary.LittleEndian.Uint64([]byte(rest[8:16])))}
			copy(l.Token[:], rest[fixedSize:])
			owner, rest, ok1 := strings.Cut(rest[fixedSize+16:], "\x00")
			user, rest, ok2 := strings.Cut(rest, "\x00")
			if !ok1 || !ok2 {
				return r, stale, corrupt
			}
			l.Owner, l.User = owner, user
			at = len(b) - len(rest)
			if expired(l.Expires) {
				stale = true
				continue
			}
			r.direct = append([]*server.DavLock{l}, r.direct...)
		case recordIndirect:
			if len(rest) < 32 {
				return r, stale, corrupt
			}
			n := binary.LittleEndian.Uint64([]byte(rest[24:32]))
			if n > uint64(len(rest)-32) {
				return r, stale, corrupt
			}
			i := indirectLock{expires: int64(binary.LittleEndian.Uint64([]byte(rest[16:24]))), key: rest[32 : 32+n]}
			copy(i.token[:], rest)
			at += 32 + int(n)
			r.indirect = append([]indirectLock{i}, r.indirect...)
		default:
			return r, stale, corrupt
		}
	}
	return r, stale, nil
}

// format is the record as the database holds it; "" for no locks at all.
func (r lockRecord) format() string {
	var b []byte
	for _, l := range r.direct {
		depth := uint32(0)
		if l.Infinite {
			depth = depthInfinity
		}
		b = append(b, recordDirect, byte(l.Scope), l.Type, 0, 0)
		b = binary.LittleEndian.AppendUint32(b, depth)
		b = binary.LittleEndian.AppendUint64(b, uint64(l.Expires))
		b = append(b, l.Token[:]...)
		b = append(append(b, l.Owner...), 0)
		b = append(append(b, l.User...), 0)
	}
	for _, i := range r.indirect {
		b = append(b, recordIndirect)
		b = append(b, i.token[:]...)
		b = binary.LittleEndian.AppendUint64(b, uint64(i.expires))
		b = binary.LittleEndian.AppendUint64(b, uint64(len(i.key)))
		b = append(b, i.key...)
	}
	return string(b)
}
