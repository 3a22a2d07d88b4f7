package socache_dbm

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// journal is a file of objects, each behind the other; a later one of the same
// key counts. Processes agree by a lock on the file. Each knows where the
// objects are, as far as it has read, and reads what others have written before
// it answers. When most of the file is out of date it is written anew, under a
// new number, so that the others begin again.
//
// The file: magic, number (8 bytes), then records of head, key, value, CRC-32.
// What a crash has left incomplete ends the file.
type journal struct {
	mu     sync.Mutex
	file   *os.File
	number uint64 // of the file that was read
	end    int64  // of what was read
	live   int64  // bytes that count
	at     map[string]place
}

type place struct {
	off     int64 // of the value
	len     int64
	size    int64 // of the record
	expires int64 // Unix nanoseconds
}

var magic = [8]byte{'D', 'J', 'C', 'A', 'C', 'H', 'E', '1'}

const (
	headSize   = 16
	recordHead = 16
	mostLength = 1 << 24
	// worthIt is how large a file must be to be written anew.
	worthIt = 1 << 20
)

type recordHeader struct {
	Key, Value uint32
	Expires    int64 // 0: the key is removed
}

func (j *journal) locked(how int, f func() error) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := unix.Flock(int(j.file.Fd()), how); err != nil {
		return err
	}
	defer unix.Flock(int(j.file.Fd()), unix.LOCK_UN) //nolint:errcheck // it was locked
	if err := j.catchUp(); err != nil {
		return err
	}
	return f()
}

// catchUp reads what others have written.
func (j *journal) catchUp() error {
	var head [headSize]byte
	n, err := j.file.ReadAt(head[:], 0)
	if err != nil && err != io.EOF {
		return err
	}
	if number := binary.LittleEndian.Uint64(head[8:]); n < headSize || [8]byte(head[:8]) != magic {
		j.number, j.end, j.live, j.at = 0, 0, 0, map[string]place{} // there is no file yet
		return nil
	} else if j.at == nil || number != j.number || j.end < headSize {
		j.number, j.end, j.live, j.at = number, headSize, 0, map[string]place{}
	}
	st, err := j.file.Stat()
	if err != nil || st.Size() <= j.end {
		return err
	}
	b := make([]byte, st.Size()-j.end)
	n, err = j.file.ReadAt(b, j.end)
	if err != nil && err != io.EOF {
		return err
	}
	j.end += j.read(b[:n])
	return nil
}

// read takes up the records in b, and answers how much of it they are.
func (j *journal) read(b []byte) (done int64) {
	for {
		rest := b[done:]
		var h recordHeader
		if len(rest) < recordHead {
			return done
		}
		binary.Read(bytes.NewReader(rest), binary.LittleEndian, &h) //nolint:errcheck // its length was compared
		if h.Key > mostLength || h.Value > mostLength {
			return done
		}
		body := recordHead + int(h.Key) + int(h.Value)
		if len(rest) < body+4 || crc32.ChecksumIEEE(rest[:body]) != binary.LittleEndian.Uint32(rest[body:]) {
			return done
		}
		size := int64(body + 4)
		key := string(rest[recordHead : recordHead+h.Key])
		j.live -= j.at[key].size
		delete(j.at, key)
		if h.Expires != 0 {
			j.at[key] = place{off: j.end + done + recordHead + int64(h.Key), len: int64(h.Value), size: size, expires: h.Expires}
			j.live += size
		}
		done += size
	}
}

func record(key, value string, expires int64) []byte {
	var b bytes.Buffer
	binary.Write(&b, binary.LittleEndian, recordHeader{uint32(len(key)), uint32(len(value)), expires}) //nolint:errcheck // into memory
	b.WriteString(key)
	b.WriteString(value)
	return binary.LittleEndian.AppendUint32(b.Bytes(), crc32.ChecksumIEEE(b.Bytes()))
}

// store writes an object, or that there is none any more when expires is zero.
func (j *journal) store(key, value string, expires time.Time) error {
	if len(key) > mostLength || len(value) > mostLength {
		return unix.EMSGSIZE
	}
	until := int64(0)
	if !expires.IsZero() {
		until = expires.UnixNano()
	}
	return j.locked(unix.LOCK_EX, func() error {
		if j.end < headSize {
			if err := j.begin(1, nil); err != nil {
				return err
			}
		}
		if until == 0 {
			if _, there := j.at[key]; !there {
				return nil
			}
		}
		b := record(key, value, until)
		if _, err := j.file.WriteAt(b, j.end); err != nil {
			return err
		}
		if err := j.file.Truncate(j.end + int64(len(b))); err != nil { // what a crash has left
			return err
		}
		j.end += j.read(b)
		if j.end > worthIt && j.live < j.end/2 {
			return j.rewrite()
		}
		return nil
	})
}

// begin writes a file of records under a number.
func (j *journal) begin(number uint64, records []byte) error {
	head := binary.LittleEndian.AppendUint64(magic[:], number)
	if err := j.file.Truncate(0); err != nil {
		return err
	}
	if _, err := j.file.WriteAt(append(head, records...), 0); err != nil {
		return err
	}
	j.number, j.end, j.live, j.at = number, headSize, 0, map[string]place{}
	j.end += j.read(records)
	return nil
}

// rewrite leaves out what does not count any more.
func (j *journal) rewrite() error {
	now := time.Now().UnixNano()
	var b []byte
	for key, p := range j.at {
		if p.expires <= now {
			continue
		}
		value, err := j.value(p)
		if err != nil {
			return err
		}
		b = append(b, record(key, value, p.expires)...)
	}
	return j.begin(j.number+1, b)
}

func (j *journal) value(p place) (string, error) {
	b := make([]byte, p.len)
	_, err := j.file.ReadAt(b, p.off)
	if err == io.EOF && p.len == 0 {
		err = nil
	}
	return string(b), err
}

func (j *journal) retrieve(key string) (value string, ok bool, err error) {
	err = j.locked(unix.LOCK_SH, func() error {
		p, there := j.at[key]
		if !there || p.expires <= time.Now().UnixNano() {
			return nil
		}
		ok = true
		value, err = j.value(p)
		return err
	})
	return value, ok && err == nil, err
}
