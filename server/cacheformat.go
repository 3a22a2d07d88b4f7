package server

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"time"
)

// Kept responses are written as 2.4.71 writes them on 64-bit machines of little endian (cache_disk_common.h), so that its
// htcacheclean keeps house in the files of cache_disk.

const (
	varyFormat = 5
	diskFormat = 6
)

// head is disk_cache_info_t.
type cacheHead struct {
	Format                                   uint32
	Status                                   int32
	NameLen, EntityVersion                   uint64
	Date, Expires, RequestTime, ResponseTime int64 // microseconds
	Inode, Device                            uint64
	HasBody, Pad                             uint32
	Control, Pad2                            uint32
	MaxAge, MaxStale, MinFresh, SMaxAge      int64
}

const bodyBits = 1 // HasBody: has_body; bit 1 is header_only

// controlBits are the flags of cache_control_t in their order.
func controlBits(c *CacheControl) []*bool {
	return []*bool{&c.Parsed, &c.Present, &c.Pragma, &c.NoCache, &c.NoCacheFields, &c.NoStore, &c.MaxAge, &c.MaxStale, &c.MinFresh,
		&c.NoTransform, &c.OnlyIfCached, &c.Public, &c.Private, &c.PrivateFields, &c.MustRevalidate, &c.ProxyRevalidate, &c.SMaxAge, &c.Invalidated}
}

// ErrCacheFormat is a head that is not of this format.
var ErrCacheFormat = errors.New("not a file of this cache")

// EncodeCacheHead writes a .header file.
func EncodeCacheHead(key string, i *CacheInfo, inode, device uint64, out, in *Fields) []byte {
	h := cacheHead{Format: diskFormat, Status: int32(i.Status), NameLen: uint64(len(key)), Date: i.Date.UnixMicro(), Expires: i.Expires.UnixMicro(),
		RequestTime: i.RequestTime.UnixMicro(), ResponseTime: i.ResponseTime.UnixMicro(), Inode: inode, Device: device, HasBody: bodyBits,
		MaxAge: i.Control.MaxAgeValue, MaxStale: i.Control.MaxStaleValue, MinFresh: i.Control.MinFreshValue, SMaxAge: i.Control.SMaxAgeValue}
	for n, bit := range controlBits(&i.Control) {
		if *bit {
			h.Control |= 1 << n
		}
	}
	var b bytes.Buffer
	binary.Write(&b, binary.LittleEndian, &h) //nolint:errcheck // into memory
	b.WriteString(key)
	writeCacheFields(&b, out)
	writeCacheFields(&b, in)
	return b.Bytes()
}

func writeCacheFields(b *bytes.Buffer, t *Fields) {
	for _, f := range t.All() {
		b.WriteString(f.Name + ": " + f.Value + "\r\n")
	}
	b.WriteString("\r\n")
}

// DecodeCacheHead reads a .header file. What stands behind the head, as where an
// entry is kept in one piece, is the body.
func DecodeCacheHead(p []byte) (e *CacheEntry, inode, device uint64, err error) {
	var h cacheHead
	r := bytes.NewReader(p)
	if err := binary.Read(r, binary.LittleEndian, &h); err != nil {
		return nil, 0, 0, ErrCacheFormat
	}
	if h.Format != diskFormat || h.NameLen > uint64(r.Len()) {
		return nil, 0, 0, ErrCacheFormat
	}
	key := make([]byte, h.NameLen)
	io.ReadFull(r, key) //nolint:errcheck // its length was compared
	e = &CacheEntry{Key: string(key), Info: CacheInfo{Status: int(h.Status), Date: time.UnixMicro(h.Date),
		Expires: time.UnixMicro(h.Expires), RequestTime: time.UnixMicro(h.RequestTime), ResponseTime: time.UnixMicro(h.ResponseTime)}}
	c := &e.Info.Control
	c.MaxAgeValue, c.MaxStaleValue, c.MinFreshValue, c.SMaxAgeValue = h.MaxAge, h.MaxStale, h.MinFresh, h.SMaxAge
	for n, bit := range controlBits(c) {
		*bit = h.Control>>n&1 == 1
	}
	rest := string(p[len(p)-r.Len():])
	if e.Out, rest, err = readCacheFields(rest); err == nil {
		e.In, rest, err = readCacheFields(rest)
	}
	if rest != "" {
		e.Mem, e.Size = []byte(rest), int64(len(rest))
	}
	return e, h.Inode, h.Device, err
}

func readCacheFields(s string) (t Fields, rest string, err error) {
	for {
		line, after, ok := strings.Cut(s, "\r\n")
		switch {
		case !ok:
			return t, "", ErrCacheFormat
		case line == "":
			return t, after, nil
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || name == "" {
			return t, "", ErrCacheFormat
		}
		t.Add(name, strings.TrimLeft(value, " "))
		s = after
	}
}

// EncodeCacheVary writes the file that stands where a URL has several entries.
func EncodeCacheVary(expires time.Time, names []string) []byte {
	var b bytes.Buffer
	binary.Write(&b, binary.LittleEndian, uint32(varyFormat))  //nolint:errcheck // into memory
	binary.Write(&b, binary.LittleEndian, expires.UnixMicro()) //nolint:errcheck // into memory
	for _, n := range names {
		b.WriteString(n + "\r\n")
	}
	b.WriteString("\r\n")
	return b.Bytes()
}

// DecodeCacheVary reads the names of fields; ok is false for a file of another kind.
func DecodeCacheVary(p []byte) (names []string, ok bool) {
	if len(p) < 12 || binary.LittleEndian.Uint32(p) != varyFormat {
		return nil, false
	}
	for line := range strings.SplitSeq(string(p[12:]), "\r\n") {
		if line == "" {
			return names, true
		}
		names = append(names, line)
	}
	return nil, false
}
