package deflate

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/flate"
)

// Flags of a gzip head (RFC 1952 section 2.3.1).
const (
	flagHeadSum  = 0x02
	flagExtra    = 0x04
	flagName     = 0x08
	flagComment  = 0x10
	flagReserved = 0xe0
)

// What can be wrong with a gzip stream.
var (
	errMagic     = errors.New("no gzip")
	errMethod    = errors.New("not deflated")
	errEmpty     = errors.New("empty")
	errShortHead = errors.New("ends in its head")
	errShort     = errors.New("ends early")
	errNoTrailer = errors.New("no trailer")
	errSum       = errors.New("wrong sum")
	errRatio     = errors.New("inflates too much")
	errLimit     = errors.New("inflates to too much")
)

// flagError is a head with flags that have no meaning, as the number that a
// signed char becomes: Apache prints it so.
type flagError uint32

func (e flagError) Error() string { return fmt.Sprintf("flags %02x", uint32(e)) }

// lengthError is a trailer that tells another length.
type lengthError struct{ got, want int64 }

func (e lengthError) Error() string { return fmt.Sprintf("length %d, not %d", e.got, e.want) }

// inflater reads the plain form of one gzip stream.
type inflater struct {
	src    counted
	flate  io.Reader
	limits limits
	max    int64 // bytes of the plain form; 0: any
	in     int64 // before the compressed stream
	total  int64
	sum    uint32
	hits   int // how often the ratio was above the limit, one after the other
	done   bool
}

// counted counts what is taken from a reader, byte by byte: the decoder takes
// no byte behind the stream's end.
type counted struct {
	*bufio.Reader
	n int64
}

func (c *counted) ReadByte() (byte, error) {
	b, err := c.Reader.ReadByte()
	if err == nil {
		c.n++
	}
	return b, err
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	return n, err
}

// newInflater reads the stream's head. It gives errEmpty for no stream at all,
// and errMethod for one that is not deflated, if that is asked.
func newInflater(r io.Reader, l limits, maximum int64, method bool) (*inflater, error) {
	x := &inflater{src: counted{Reader: bufio.NewReader(r)}, limits: l, max: maximum}
	x.limits.ratio, x.limits.burst = orDefault(l.ratio, 200), orDefault(l.burst, 3)
	var head [headSize]byte
	switch _, err := io.ReadFull(&x.src, head[:]); {
	case err == io.EOF:
		return nil, errEmpty
	case err == io.ErrUnexpectedEOF:
		return nil, errShortHead
	case err != nil:
		return nil, err
	case method && head[2] != 8:
		return x, errMethod
	case head[0] != gzipHead[0] || head[1] != gzipHead[1]:
		return x, errMagic
	case head[3]&flagReserved != 0:
		return x, flagError(int8(head[3]))
	}
	if err := x.skip(head[3]); err != nil {
		return nil, err
	}
	x.in = x.src.n
	x.flate = flate.NewReader(&x.src)
	return x, nil
}

// skip passes by the optional fields of the head.
func (x *inflater) skip(flags byte) error {
	var err error
	if flags&flagExtra != 0 {
		var size [2]byte
		if _, err = io.ReadFull(&x.src, size[:]); err == nil {
			_, err = io.CopyN(io.Discard, &x.src, int64(binary.LittleEndian.Uint16(size[:])))
		}
	}
	for _, f := range []byte{flagName, flagComment} {
		if flags&f == 0 {
			continue
		}
		for c := byte(1); c != 0 && err == nil; {
			c, err = x.src.ReadByte()
		}
	}
	if flags&flagHeadSum != 0 && err == nil {
		_, err = io.CopyN(io.Discard, &x.src, 2)
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errShort
	}
	return err
}

// Read gives the plain form, and io.EOF when its sum and length were right.
func (x *inflater) Read(p []byte) (int, error) {
	if x.done {
		return 0, io.EOF
	}
	n, err := x.flate.Read(p)
	x.sum = crc32.Update(x.sum, crc32.IEEETable, p[:n])
	x.total += int64(n)
	switch {
	case x.max > 0 && x.total > x.max:
		return 0, errLimit
	case !x.ratioOK():
		return 0, errRatio
	case err == io.EOF:
		x.done = true
		if err := x.trailer(); err != nil {
			return n, err
		}
		return n, io.EOF
	case err == io.ErrUnexpectedEOF:
		return n, errShort
	}
	return n, err
}

// taken is how much of the compressed stream was used, without its container.
func (x *inflater) taken() int64 { return x.src.n - x.in }

// ratioOK allows burst pieces one after the other that are ratio times as long
// as what they were made of.
func (x *inflater) ratioOK() bool {
	taken := x.taken()
	if taken == 0 {
		return true
	}
	if x.total/taken < int64(x.limits.ratio) {
		x.hits = 0
		return true
	}
	x.hits++
	return x.hits <= x.limits.burst
}

func (x *inflater) trailer() error {
	used := x.src.n
	var t [trailerSize]byte
	_, err := io.ReadFull(&x.src, t[:])
	x.src.n = used
	switch {
	case err == io.EOF || err == io.ErrUnexpectedEOF:
		return errNoTrailer
	case err != nil:
		return err
	case binary.LittleEndian.Uint32(t[:]) != x.sum:
		return errSum
	case binary.LittleEndian.Uint32(t[4:]) != uint32(x.total):
		return lengthError{x.total, int64(binary.LittleEndian.Uint32(t[4:]))}
	}
	return nil
}

// atEnd tells whether an error was found behind a stream that was complete.
func atEnd(err error) bool {
	_, length := err.(lengthError)
	return length || err == errSum
}

// extra counts the bytes behind the stream that are there already; the first is waited for.
func (x *inflater) extra() int {
	x.src.Peek(1)
	return x.src.Buffered()
}
