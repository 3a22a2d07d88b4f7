// Package brotli compresses responses with brotli (mod_brotli).
package brotli

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"

	"github.com/andybalholm/brotli"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is brotli_module.
var Module = server.Module{
	Name: "brotli_module",
	Directives: directives.Table{
		{Name: "BrotliFilterNote", In: directives.InServer, Usage: "Set a note to report on compression ratio",
			Set: host.Take12((*config).setNote)},
		{Name: "BrotliCompressionQuality", In: directives.InServer,
			Usage: "Compression quality between 0 and 11 (higher quality means slower compression)",
			Set: host.Take1(func(c *config, _ *directives.Cmd, word string) error {
				return within(&c.quality, word, 0, 11, "BrotliCompressionQuality")
			})},
		{Name: "BrotliCompressionWindow", In: directives.InServer,
			Usage: "Sliding window size between 10 and 24 (larger windows can improve compression, but require more memory)",
			Set: host.Take1(func(c *config, _ *directives.Cmd, word string) error {
				return within(&c.window, word, 10, 24, "BrotliCompressionWindow")
			})},
		{Name: "BrotliCompressionMaxInputBlock", In: directives.InServer,
			Usage: "Maximum input block size between 16 and 24 (larger block sizes require more memory)",
			NoOp:  "the encoder chooses the size of its blocks by its quality",
			Set: host.Take1(func(_ *config, _ *directives.Cmd, word string) error {
				return within(new(directives.Opt[int]), word, 16, 24, "BrotliCompressionMaxInputBlock")
			})},
		{Name: "BrotliAlterETag", In: directives.InServer,
			Usage: "Set how mod_brotli should modify ETag response headers: 'AddSuffix' (default), 'NoChange', 'Remove'",
			Set:   host.Take1((*config).setETag)},
	},
	OutputFilters: []*server.OutputFilter{{Name: "BROTLI_COMPRESS", Level: server.ContentSetLevel, Plain: true, Run: coding.Run}},
}

// host is not merged: what a virtual host says hides all that the main server says.
var host = directives.NewServerSlot(func(_, add config) config { return add })

type config struct {
	quality, window directives.Opt[int]
	notes           server.CodingNotes
	etag            server.ETagMode
}

func (c *config) setNote(_ *directives.Cmd, kind, name string) error {
	if !c.notes.Set(kind, name) {
		return fmt.Errorf("Unknown BrotliFilterNote type '%s'", kind)
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
		return errors.New("BrotliAlterETag accepts only 'AddSuffix', 'NoChange' and 'Remove'")
	}
	c.etag = m
	return nil
}

var elog = server.NewLog("brotli")

var coding = &server.Coding{Token: "br", NoEnv: "no-brotli", Log: elog, Silent: true, Plan: plan}

func plan(r *server.Request) (server.CodingPlan, bool) {
	c := host.Of(r.Server)
	quality, window := c.quality.Else(5), c.window.Else(18)
	return server.CodingPlan{
		ETag: c.etag,
		Key:  "br " + strconv.Itoa(quality) + " " + strconv.Itoa(window),
		New:  func(w io.Writer) server.Encoder { return newEncoder(w, quality, window) },
		Done: func(r *server.Request, in, out int64) { c.notes.Leave(r, in, out, "0") },
		Failed: func(r *server.Request, flushing bool, err error) {
			number := "AH03459"
			if flushing {
				number = "AH03460"
			}
			elog.Error(r).Err(err).Msg(number + ": Error while compressing data")
		},
	}, true
}

// encoders are compressors at rest, by their options: each has megabytes of tables.
var encoders sync.Map // of brotli.WriterOptions to *sync.Pool

type encoder struct {
	*brotli.Writer
	pool *sync.Pool
}

func newEncoder(w io.Writer, quality, window int) encoder {
	o := brotli.WriterOptions{Quality: quality, LGWin: window}
	p, ok := encoders.Load(o)
	if !ok {
		p, _ = encoders.LoadOrStore(o, &sync.Pool{New: func() any { return brotli.NewWriterOptions(io.Discard, o) }})
	}
	e := encoder{pool: p.(*sync.Pool)}
	e.Writer = e.pool.Get().(*brotli.Writer)
	e.Reset(w)
	return e
}

func (e encoder) Close() error {
	err := e.Writer.Close()
	e.pool.Put(e.Writer)
	return err
}
