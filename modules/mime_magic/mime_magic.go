// Package mime_magic guesses the type of a file from its first bytes, when its
// name does not tell (mod_mime_magic), by a file in the form of file(1)'s old
// magic numbers.
package mime_magic

import (
	"compress/gzip"
	"errors"
	"io"
	"os"
	"strings"
	"syscall"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is mime_magic_module.
var Module = server.Module{
	Name: "mime_magic_module",
	Directives: directives.Table{
		{Name: "MimeMagicFile", In: directives.InServer, Reads: directives.BeforeJail, Usage: "Path to MIME Magic file (in file(1) format)",
			Set: slot.Take1(func(c *config, cmd *directives.Cmd, path string) error {
				c.path = cmd.ServerRootRelative(path)
				return nil
			})},
	},
	Hooks: []server.Hook{
		server.PostConfig.First(readFiles),
		server.TypeChecker.Middle(findType).After("mime_module"),
	},
}

var slot = directives.NewServerSlot(func(base, add config) config {
	if add.path == "" {
		add.path = base.path
	}
	return config{path: add.path}
})

type config struct {
	path  string
	rules []rule
}

// readFiles reads the file of each server. What cannot be read is logged; what
// is right in a wrong file counts.
func readFiles(g *server.Generation) error {
	for _, v := range g.Servers() {
		c := slot.EditServer(v)
		if c.path == "" {
			continue
		}
		subject := server.ServerSubject(g, v)
		text, err := os.ReadFile(c.path)
		if err != nil {
			elog.Error(subject).Err(err).Msgf("AH01515: mod_mime_magic: can't read magic file %s", c.path)
			continue
		}
		var notes []string
		c.rules, notes = parseRules(string(text))
		for _, n := range notes {
			elog.Error(subject).Msg(n)
		}
	}
	return nil
}

const (
	headSize = 4096 // of a file, or of what is compressed in it
	unknown  = "application/octet-stream"
)

func findType(r *server.Request) server.Status {
	if r.Finfo.Type == server.NoFile || r.Filename == "" || r.ContentType != "" {
		return server.Declined
	}
	c := slot.Of(r.Server)
	if len(c.rules) == 0 {
		return server.Declined
	}
	if revision(r) {
		// What a revision of a file is, the file is; there is nothing to
		// decide, so that others are asked too.
		return server.Declined
	}
	found, s := c.look(r)
	if s != server.OK {
		return s
	}
	mediaType, encoding, ok := found.result()
	if !ok {
		return server.Declined
	}
	r.ContentType = mediaType
	if encoding != "" {
		r.ContentEncoding = encoding
	}
	return server.OK
}

// revision takes over the type of the file without the suffix "@number".
func revision(r *server.Request) bool {
	base := strings.TrimRight(r.Filename, "0123456789")
	if base == r.Filename || !strings.HasSuffix(base, "@") {
		return false
	}
	sub := r.SubRequestFile(base[:len(base)-1])
	if sub.ContentType == "" {
		return false
	}
	r.ContentType = sub.ContentType
	if sub.ContentEncoding != "" {
		r.ContentEncoding = sub.ContentEncoding
	}
	if sub.ContentLanguages != nil {
		r.ContentLanguages = sub.ContentLanguages
	}
	return true
}

// look finds what there is to say of the request's file.
func (c *config) look(r *server.Request) (words, server.Status) {
	switch r.Finfo.Type {
	case server.Directory:
		return words{"httpd/unix-directory"}, server.OK
	case server.RegularFile:
	case server.Symlink:
		elog.Error(r).Msgf("AH01527: mod_mime_magic: broken symlink (%s)", r.Filename)
		return nil, 500
	default:
		return words{unknown}, server.OK
	}
	if r.Finfo.Size == 0 {
		return words{"text/plain"}, server.OK
	}
	f, err := os.Open(r.Filename)
	if err != nil {
		elog.Error(r).Msgf("AH01512: mod_mime_magic: can't read `%s'", r.Filename)
		return nil, server.Declined
	}
	defer f.Close()
	buf := make([]byte, headSize)
	n, err := io.ReadFull(f, buf)
	switch {
	case n == 0 && err == io.EOF:
		return nil, 500
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && err != io.EOF:
		var errno syscall.Errno
		errors.As(err, &errno)
		elog.Error(r).Err(errno).Msgf("AH01513: mod_mime_magic: read failed: %s", r.Filename)
		return nil, 500
	}
	head := append(buf[:n], 0) // Apache's buffer ends in a zero, which counts
	if w, done := c.compressed(r, f, head); done {
		return w, server.OK
	}
	if w, ok := c.recognize(r, head); ok {
		return w, server.OK
	}
	return nil, server.Declined
}

// recognize asks the rules, then for words of texts and for a tar archive.
func (c *config) recognize(r *server.Request, head []byte) (words, bool) {
	if w, ok := match(r, c.rules, head); ok {
		return w, true
	}
	if t := textType(head); t != nil {
		return t, true
	}
	return nil, false
}

// compressed looks into what gzip has made. done is false when that leads
// nowhere. Files of compress and pack are known by their numbers and not looked into.
func (c *config) compressed(r *server.Request, f *os.File, head []byte) (w words, done bool) {
	if len(head) < 2 || head[0] != 0x1f {
		return nil, false
	}
	switch head[1] {
	case 0x9d, 0x1e:
		return nil, true
	case 0x8b:
	default:
		return nil, false
	}
	inner := make([]byte, headSize)
	n := 0
	_, err := f.Seek(0, io.SeekStart)
	if err == nil {
		var z *gzip.Reader
		if z, err = gzip.NewReader(f); err == nil {
			n, err = io.ReadFull(z, inner)
		}
	}
	if n == 0 {
		elog.Error(r).Err(err).Msgf("AH01554: mod_mime_magic: read failed from uncompress of %s", r.Filename)
		return nil, true
	}
	r.ContentEncoding = "x-gzip"
	inner = inner[:n]
	inner[n-1] = 0 // Apache's zero takes the place of the last byte here
	if w, ok := c.recognize(r, inner); ok {
		return w, true
	}
	return nil, false
}

var elog = server.NewLog("mime_magic")
