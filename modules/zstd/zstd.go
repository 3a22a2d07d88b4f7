// Package zstd compresses responses with Zstandard (RFC 8878). Apache has no
// such module: this one is shaped like mod_brotli, with the filter ZSTD_COMPRESS
// and the coding "zstd".
package zstd

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is zstd_module.
var Module = server.Module{
	Name: "zstd_module",
	// A configuration that loads no module is one of Apache's, which knows no Zstd directives.
	OnRequest: true,
	Directives: directives.Table{
		{Name: "ZstdFilterNote", In: directives.InServer, Usage: "Set a note to report on compression ratio",
			Set: host.Take12((*config).setNote)},
		{Name: "ZstdCompressionLevel", In: directives.InServer,
			Usage: "Compression level between 1 and 22 (higher levels mean slower compression)",
			Set: host.Take1(func(c *config, _ *directives.Cmd, word string) error {
				return within(&c.level, word, 1, 22, "ZstdCompressionLevel")
			})},
		{Name: "ZstdCompressionWindow", In: directives.InServer,
			Usage: "Window size between 10 and 23, in powers of 2 (larger windows can improve compression, but require more memory)",
			Set: host.Take1(func(c *config, _ *directives.Cmd, word string) error {
				return within(&c.window, word, 10, 23, "ZstdCompressionWindow")
			})},
		{Name: "ZstdAlterETag", In: directives.InServer,
			Usage: "Set how mod_zstd should modify ETag response headers: 'AddSuffix' (default), 'NoChange', 'Remove'",
			Set:   host.Take1((*config).setETag)},
	},
	OutputFilters: []*server.OutputFilter{{Name: "ZSTD_COMPRESS", Level: server.ContentSetLevel, Plain: true, Run: coding.Run}},
}

// host is not merged: what a virtual host says hides all that the main server
// says, as with mod_brotli and mod_deflate.
var host = directives.NewServerSlot(func(_, add config) config { return add })

type config struct {
	level, window directives.Opt[int]
	notes         server.CodingNotes
	etag          server.ETagMode
}

func (c *config) setNote(_ *directives.Cmd, kind, name string) error {
	if !c.notes.Set(kind, name) {
		return fmt.Errorf("Unknown ZstdFilterNote type '%s'", kind)
	}
	return nil
}

func within(to *directives.Opt[int], word string, least, most int, name string) error {
	n := server.Atoi(word)
	if n < least || n > most {
		return fmt.Errorf("%s must be between %d and %d", name, least, most)
	}
	*to = directives.Given(n)
	return nil
}

func (c *config) setETag(_ *directives.Cmd, word string) error {
	m, ok := server.ParseETagMode(word)
	if !ok {
		return errors.New("ZstdAlterETag accepts only 'AddSuffix', 'NoChange' and 'Remove'")
	}
	c.etag = m
	return nil
}

var elog = server.NewLog("zstd")

var coding = &server.Coding{Token: "zstd", NoEnv: "no-zstd", Log: elog, Silent: true, Plan: plan}

const (
	defaultLevel = 3
	// defaultWindow needs half a megabyte of a client; one of more than 23 bits
	// may be refused (RFC 9659).
	defaultWindow = 19
)

func plan(r *server.Request) (server.CodingPlan, bool) {
	c := host.Of(r.Server)
	kind := encoderKind{c.level.Else(defaultLevel), c.window.Else(defaultWindow)}
	return server.CodingPlan{
		ETag: c.etag, Piece: 8096,
		Key:  "zstd " + strconv.Itoa(kind.level) + " " + strconv.Itoa(kind.window),
		New:  func(w io.Writer) server.Encoder { return newEncoder(w, kind) },
		Done: func(r *server.Request, in, out int64) { c.notes.Leave(r, in, out, "0") },
		Failed: func(r *server.Request, _ bool, err error) {
			elog.Error(r).Err(err).Msg("Error while compressing data")
		},
	}, true
}

// encoders are compressors at rest, by level and window.
var encoders sync.Map // of encoderKind to *sync.Pool

type encoderKind struct{ level, window int }

type encoder struct {
	*zstd.Encoder
	pool *sync.Pool
}

func newEncoder(w io.Writer, kind encoderKind) encoder {
	p, ok := encoders.Load(kind)
	if !ok {
		p, _ = encoders.LoadOrStore(kind, &sync.Pool{New: func() any {
			e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(kind.level)),
				zstd.WithWindowSize(1<<kind.window), zstd.WithEncoderConcurrency(1), zstd.WithZeroFrames(true))
			if err != nil {
				panic(err) // the directives allow only what the encoder takes
			}
			return e
		}})
	}
	e := encoder{pool: p.(*sync.Pool)}
	e.Encoder = e.pool.Get().(*zstd.Encoder)
	e.Reset(w)
	return e
}

func (e encoder) Close() error {
	err := e.Encoder.Close()
	e.pool.Put(e.Encoder)
	return err
}
