package deflate

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/flate"

	"github.com/donjon-httpd/donjon/server"
)

// The gzip container (RFC 1952): a head without time and name, made on Unix,
// and the sum and length of the plain form behind the compressed one.
var gzipHead = []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3}

const (
	headSize    = 10
	trailerSize = 8
	// verySmall is what compression cannot make smaller: besides the container,
	// Content-Encoding, Vary and the entity tag's suffix cost 50 bytes.
	verySmall = headSize + trailerSize + 50
)

// gzip is the coding that the filter DEFLATE puts on responses.
var gzip = &server.Coding{
	Token: "gzip", NoEnv: "no-gzip", Log: elog,
	Spare:  spare,
	Forced: func(r *server.Request) bool { return r.Env.Has("force-gzip") },
	Plan:   plan,
}

// spare gives mod_deflate's own reasons to leave a response alone.
func spare(r *server.Request, b *server.Brigade, behind bool) string {
	if !behind {
		if n := b.Size(); b.EOS && n <= verySmall {
			return fmt.Sprintf("Not compressing very small response of %d bytes", n)
		}
		return ""
	}
	if !strings.HasPrefix(r.ContentType, "text/html") && r.Env.Get("gzip-only-text/html") == "1" {
		return "Not compressing, (gzip-only-text/html)"
	}
	return ""
}

func plan(r *server.Request) (server.CodingPlan, bool) {
	c := host.Of(r.Server)
	window, level := orDefault(c.window, 15), orDefault(c.level, flate.DefaultCompression)
	if window < 9 {
		// As zlib refuses such a window for a form without its own head.
		elog.Error(r).Msgf("AH01383: unable to init Zlib: deflateInit2 returned -2: URL %s", r.URI)
		return server.CodingPlan{}, false
	}
	return server.CodingPlan{
		ETag: c.etag, Piece: orDefault(c.buffer, defaultBuffer),
		Key:    "gzip " + strconv.Itoa(window) + " " + strconv.Itoa(level),
		New:    func(w io.Writer) server.Encoder { return newEncoder(w, window, level) },
		Done:   c.done,
		Failed: failed,
	}, true
}

// done leaves the notes and the log line. What counts is the compressed stream
// without its container.
func (c *config) done(r *server.Request, in, out int64) {
	out -= headSize + trailerSize
	elog.Debug(r).Msgf("AH01384: Zlib: Compressed %d to %d : URL %s", in, out, r.URI)
	c.notes.Leave(r, in, out, "-")
}

func failed(r *server.Request, flushing bool, err error) {
	if flushing {
		elog.Error(r).Msgf("AH01385: Zlib error -2 flushing zlib output buffer (%s)", err)
		return
	}
	elog.Error(r).Msgf("AH01386: Zlib error -2 deflating data (%s)", err)
}

// encoders are compressors at rest, by window and level: each has half a
// megabyte of tables.
var encoders sync.Map // of encoderKind to *sync.Pool

type encoderKind struct{ window, level int }

type encoder struct {
	*flate.Writer
	w    io.Writer
	pool *sync.Pool
	sum  uint32
	size uint32
}

func newEncoder(w io.Writer, window, level int) *encoder {
	p, ok := encoders.Load(encoderKind{window, level})
	if !ok {
		p, _ = encoders.LoadOrStore(encoderKind{window, level}, &sync.Pool{New: func() any {
			var f *flate.Writer
			if window == 15 {
				f, _ = flate.NewWriter(nil, level)
			} else {
				f, _ = flate.NewWriterWindow(nil, 1<<window) // its level is the library's own
			}
			return f
		}})
	}
	pool := p.(*sync.Pool)
	e := &encoder{Writer: pool.Get().(*flate.Writer), w: w, pool: pool}
	e.Reset(w)
	w.Write(gzipHead)
	return e
}

func (e *encoder) Write(p []byte) (int, error) {
	e.sum = crc32.Update(e.sum, crc32.IEEETable, p)
	e.size += uint32(len(p))
	return e.Writer.Write(p)
}

func (e *encoder) Close() error {
	err := e.Writer.Close()
	e.pool.Put(e.Writer)
	if err != nil {
		return err
	}
	_, err = e.w.Write(binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, e.sum), e.size))
	return err
}
