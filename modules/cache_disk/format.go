package cache_disk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

// Apache's files, as 2.4.71 writes them on 64-bit machines of little endian (cache_disk_common.h), so that its
// htcacheclean keeps house here too.

const (
	varyFormat = 5
	diskFormat = 6
)

// head is disk_cache_info_t.
type head struct {
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
func controlBits(c *server.CacheControl) []*bool {
	return []*bool{&c.Parsed, &c.Present, &c.Pragma, &c.NoCache, &c.NoCacheFields, &c.NoStore, &c.MaxAge, &c.MaxStale, &c.MinFresh,
		&c.NoTransform, &c.OnlyIfCached, &c.Public, &c.Private, &c.PrivateFields, &c.MustRevalidate, &c.ProxyRevalidate, &c.SMaxAge, &c.Invalidated}
}

var errFormat = errors.New("not a file of this cache")

// encodeHead writes a .header file.
func encodeHead(key string, i *server.CacheInfo, inode, device uint64, out, in *server.Fields) []byte {
	h := head{Format: diskFormat, Status: int32(i.Status), NameLen: uint64(len(key)), Date: i.Date.UnixMicro(), Expires: i.Expires.UnixMicro(),
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
	writeFields(&b, out)
	writeFields(&b, in)
	return b.Bytes()
}

func writeFields(b *bytes.Buffer, t *server.Fields) {
	for _, f := range t.All() {
		b.WriteString(f.Name + ": " + f.Value + "\r\n")
	}
	b.WriteString("\r\n")
}

// decodeHead reads a .header file.
func decodeHead(p []byte) (e *server.CacheEntry, inode, device uint64, err error) {
	var h head
	r := bytes.NewReader(p)
	if err := binary.Read(r, binary.LittleEndian, &h); err != nil {
		return nil, 0, 0, errFormat
	}
	if h.Format != diskFormat || h.NameLen > uint64(r.Len()) {
		return nil, 0, 0, errFormat
	}
	key := make([]byte, h.NameLen)
	io.ReadFull(r, key) //nolint:errcheck // its length was compared
	e = &server.CacheEntry{Key: string(key), Info: server.CacheInfo{Status: int(h.Status), Date: time.UnixMicro(h.Date),
		Expires: time.UnixMicro(h.Expires), RequestTime: time.UnixMicro(h.RequestTime), ResponseTime: time.UnixMicro(h.ResponseTime)}}
	c := &e.Info.Control
	c.MaxAgeValue, c.MaxStaleValue, c.MinFreshValue, c.SMaxAgeValue = h.MaxAge, h.MaxStale, h.MinFresh, h.SMaxAge
	for n, bit := range controlBits(c) {
		*bit = h.Control>>n&1 == 1
	}
	rest := string(p[len(p)-r.Len():])
	if e.Out, rest, err = readFields(rest); err == nil {
		e.In, _, err = readFields(rest)
	}
	return e, h.Inode, h.Device, err
}

func readFields(s string) (t server.Fields, rest string, err error) {
	for {
		line, after, ok := strings.Cut(s, "\r\n")
		switch {
		case !ok:
			return t, "", errFormat
		case line == "":
			return t, after, nil
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || name == "" {
			return t, "", errFormat
		}
		t.Add(name, strings.TrimLeft(value, " "))
		s = after
	}
}

// encodeVary writes the file that stands where a URL has several entries.
func encodeVary(expires time.Time, names []string) []byte {
	var b bytes.Buffer
	binary.Write(&b, binary.LittleEndian, uint32(varyFormat))  //nolint:errcheck // into memory
	binary.Write(&b, binary.LittleEndian, expires.UnixMicro()) //nolint:errcheck // into memory
	for _, n := range names {
		b.WriteString(n + "\r\n")
	}
	b.WriteString("\r\n")
	return b.Bytes()
}

// decodeVary reads the names of fields; ok is false for a file of another kind.
func decodeVary(p []byte) (names []string, ok bool) {
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
