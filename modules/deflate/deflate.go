// Package deflate compresses responses with gzip, and takes the compression off
// responses and request bodies (mod_deflate).
package deflate

import (
	"errors"
	"fmt"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is deflate_module.
var Module = server.Module{
	Name: "deflate_module",
	Directives: directives.Table{
		{Name: "DeflateFilterNote", In: directives.InServer, Usage: "Set a note to report on compression ratio",
			Set: host.Take12((*config).setNote)},
		{Name: "DeflateWindowSize", In: directives.InServer, Usage: "Set the Deflate window size (1-15)",
			Set: host.Take1((*config).setWindow)},
		{Name: "DeflateBufferSize", In: directives.InServer, Usage: "Set the Deflate Buffer Size",
			Set: host.Take1((*config).setBuffer)},
		{Name: "DeflateMemLevel", In: directives.InServer, Usage: "Set the Deflate Memory Level (1-9)",
			NoOp: "the encoder takes the memory that its level of compression needs",
			Set:  host.Take1((*config).setMemory)},
		{Name: "DeflateCompressionLevel", In: directives.InServer, Usage: "Set the Deflate Compression Level (1-9)",
			Set: host.Take1((*config).setLevel)},
		{Name: "DeflateInflateLimitRequestBody", In: directives.All, Usage: "Set a limit on size of inflated input",
			Set: dir.Take1((*limits).setBody)},
		{Name: "DeflateInflateRatioLimit", In: directives.All,
			Usage: "Set the inflate ratio limit above which inflation is aborted (default: 200)",
			Set:   dir.Take1((*limits).setRatio)},
		{Name: "DeflateInflateRatioBurst", In: directives.All,
			Usage: "Set the maximum number of following inflate ratios above limit (default: 3)",
			Set:   dir.Take1((*limits).setBurst)},
		{Name: "DeflateAlterEtag", In: directives.InServer,
			Usage: "Set how mod_deflate should modify ETAG response headers: 'AddSuffix' (default), 'NoChange' (2.2.x behavior), 'Remove'",
			Set:   host.Take1((*config).setETag)},
	},
	OutputFilters: []*server.OutputFilter{
		{Name: "DEFLATE", Level: server.ContentSetLevel, Plain: true, Run: gzip.Run},
		{Name: "INFLATE", Level: server.ResourceLevel - 1, Plain: true, Run: inflateOutput},
	},
	InputFilters: []*server.InputFilter{
		{Name: "DEFLATE", Level: server.ContentSetLevel, Read: inflateInput},
	},
}

var elog = server.NewLog("deflate")

// Apache merges neither: what is said in a section or virtual host hides all
// that was said around it.
var (
	host = directives.NewServerSlot(func(_, add config) config { return add })
	dir  = directives.NewDirSlot(func(_, add limits) limits { return add })
)

type config struct {
	window int // bits; 0: 15
	level  int // 1 to 9; 0: 6
	buffer int // bytes that are sent at one time; 0: 8096
	notes  server.CodingNotes
	etag   server.ETagMode
}

// limits of what INFLATE and the input filter unpack.
type limits struct {
	body  int64 // bytes; 0: LimitRequestBody
	ratio int   // 0: 200
	burst int   // 0: 3
}

func (c *config) setNote(_ *directives.Cmd, kind, name string) error {
	if !c.notes.Set(kind, name) {
		return fmt.Errorf("Unknown note type %s", kind)
	}
	return nil
}

func (c *config) setWindow(_ *directives.Cmd, word string) error {
	n := server.Atoi(word)
	if n < 1 || n > 15 {
		return errors.New("DeflateWindowSize must be between 1 and 15")
	}
	c.window = n
	return nil
}

func (c *config) setBuffer(_ *directives.Cmd, word string) error {
	n := server.Atoi(word)
	if n <= 0 {
		return errors.New("DeflateBufferSize should be positive")
	}
	c.buffer = n
	return nil
}

func (c *config) setMemory(_ *directives.Cmd, word string) error {
	if n := server.Atoi(word); n < 1 || n > 9 {
		return errors.New("DeflateMemLevel must be between 1 and 9")
	}
	return nil
}

func (c *config) setLevel(_ *directives.Cmd, word string) error {
	n := server.Atoi(word)
	if n < 1 || n > 9 {
		return errors.New("Compression Level must be between 1 and 9")
	}
	c.level = n
	return nil
}

func (c *config) setETag(_ *directives.Cmd, word string) error {
	m, ok := server.ParseETagMode(word)
	if !ok {
		return errors.New("DeflateAlterETAG accepts only 'NoChange', 'AddSuffix', and 'Remove'")
	}
	c.etag = m
	return nil
}

func (l *limits) setBody(_ *directives.Cmd, word string) error {
	n, rest, ok := server.Strtoff(word)
	switch {
	case !ok:
		return errors.New("DeflateInflateLimitRequestBody is not parsable.")
	case rest != "" || n < 0:
		return errors.New("DeflateInflateLimitRequestBody requires a non-negative integer.")
	}
	l.body = n
	return nil
}

func (l *limits) setRatio(_ *directives.Cmd, word string) error {
	if l.ratio = server.Atoi(word); l.ratio <= 0 {
		return errors.New("DeflateInflateRatioLimit must be positive")
	}
	return nil
}

func (l *limits) setBurst(_ *directives.Cmd, word string) error {
	if l.burst = server.Atoi(word); l.burst <= 0 {
		return errors.New("DeflateInflateRatioBurst must be positive")
	}
	return nil
}

func orDefault(n, def int) int {
	if n == 0 {
		return def
	}
	return n
}

const defaultBuffer = 8096
