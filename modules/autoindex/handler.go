package autoindex

import (
	"net/http"
	"os"
	"strings"
	"sync"

	"github.com/donjon-httpd/donjon/server"
)

// directoryType is the handler's name for directories (DIR_MAGIC_TYPE).
const directoryType = "httpd/unix-directory"

// indexNote names the files that were looked for before (mod_dir).
const indexNote = "dir-index-names"

// handle is handle_autoindex of mod_autoindex.c.
func handle(r *server.Request) server.Status {
	if r.Finfo.Type != server.Directory || r.Method != "GET" && r.Method != "HEAD" {
		return server.Declined
	}
	if r.Options()&server.OptIndexes == 0 {
		names := r.Notes.Get(indexNote)
		if names == "" {
			names = "none"
		}
		elog.Error(r).Msgf("AH01276: Cannot serve directory %s: No matching DirectoryIndex (%s) found, and server-generated directory index forbidden by Options directive",
			r.Filename, names)
		return 403
	}
	if s := r.DiscardBody(); s != server.OK {
		return s
	}
	if !strings.HasSuffix(r.Filename, "/") {
		r.Filename += "/" // the look-ups are inside
	}
	return list(r, slot.Of(r.Dir))
}

func list(r *server.Request, c *config) server.Status {
	d, err := os.Open(r.Filename)
	if err != nil {
		elog.Error(r).Err(err).Msgf("AH01275: Can't open directory for index: %s", r.Filename)
		return 403
	}
	defer d.Close()
	r.ContentType = or(c.contentType, "text/html") + ";charset=" + or(c.charset, "ISO-8859-1")
	if c.options&trackModified != 0 {
		if r.Finfo.Mtime.After(r.Mtime) {
			r.Mtime = r.Finfo.Mtime
		}
		r.SetLastModified()
		r.SetETag(nil)
	}
	if r.HeaderOnly {
		return server.OK
	}
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	p := page{r: r, c: c, view: newView(c, r.Args), title: server.EscapeHTML(r.URI),
		out: (*buf)[:0], limit: firstPiece}
	if trimmed := strings.TrimRight(p.title, "/"); trimmed != "" {
		p.title = trimmed
	} else {
		p.title = p.title[:1]
	}
	p.head()
	p.listing(c.entries(r, d, p.view))
	p.tail()
	return server.OK
}

// page is a listing being written.
type page struct {
	r *server.Request
	c *config
	view
	title string
	out   []byte // what was written since the last flush
	limit int    // of out
}

// A page's first piece is what a handler may write before its length is given
// up; the others are larger.
const firstPiece, otherPieces = 8000, 32 << 10

// puts writes text.
func (p *page) puts(parts ...string) {
	out := p.out
	for _, s := range parts {
		out = append(out, s...)
	}
	if p.out = out; len(out) >= p.limit {
		p.flush()
		p.limit = otherPieces
	}
}

func (p *page) flush() {
	if len(p.out) >= firstPiece {
		p.r.WriteThrough(p.out)
	} else {
		p.r.Write(p.out)
	}
	p.out = p.out[:0]
}

// buffers are those of pages; a line of a listing is short beside them.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, otherPieces+4096); return &b }}

const (
	doctype      = "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01//EN\" \"http://www.w3.org/TR/html4/strict.dtd\">\n"
	doctypeXHTML = "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Transitional//EN\"\n\"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd\">\n"
)

func (p *page) has(o options) bool { return p.options&o != 0 }

// slash ends an empty element.
func (p *page) slash() string {
	if p.has(xhtml) {
		return " />"
	}
	return ">"
}

func (p *page) preamble() {
	if p.has(xhtml) {
		p.puts(doctypeXHTML, "<html xmlns=\"http://www.w3.org/1999/xhtml\">\n")
	} else {
		p.puts(doctype, "<html>\n")
	}
	p.puts(" <head>\n  <title>Index of ", p.title, "</title>\n")
	if p.c.styleSheet != "" {
		p.puts("  <link rel=\"stylesheet\" href=\"", p.c.styleSheet, "\" type=\"text/css\"", p.slash(), "\n")
	}
	p.puts(p.c.headInsert, " </head>\n <body>\n")
}

// included is what became of the file of HeaderName or ReadmeName.
type included uint8

const (
	notIncluded included = iota
	asHTML               // by a subrequest
	asText
)

// include writes a file into the page: HTML is served as for itself, other
// text is quoted. before is called when there is such a file.
func (p *page) include(uri string, before func(included)) included {
	if uri == "" {
		return notIncluded
	}
	sub := p.r.SubRequestURI(uri)
	if sub.Status != 200 || sub.Filename == "" || sub.Finfo.Type != server.RegularFile {
		return notIncluded
	}
	mediaType, _, _ := strings.Cut(sub.ContentType, ";")
	mediaType = strings.TrimRight(mediaType, " \t")
	switch {
	case isHTML(mediaType):
		before(asHTML)
		p.flush()
		if sub.RunSub() == server.OK {
			return asHTML
		}
	case len(mediaType) >= 5 && strings.EqualFold(mediaType[:5], "text/"):
		text, err := os.ReadFile(sub.Filename)
		if err != nil {
			return notIncluded
		}
		before(asText)
		p.puts("<pre>\n", plain.Replace(string(text)), "</pre>\n")
		return asText
	}
	return notIncluded
}

var plain = strings.NewReplacer("<", "&lt;", ">", "&gt;", "&", "&amp;")

// head is emit_head: everything above the listing.
func (p *page) head() {
	uri := p.c.header
	if uri != "" && p.r.HasArgs {
		uri += "?" + p.r.Args
	}
	begun := false
	restore := override(p.r.Header, "Accept", "text/html, text/plain")
	restoreEncoding := override(p.r.Header, "Accept-Encoding", "")
	how := p.include(uri, func(kind included) {
		if kind == asText || !p.has(suppressPreamble) {
			p.preamble()
			begun = true
		}
	})
	restoreEncoding()
	restore()
	if how != notIncluded {
		return
	}
	if !begun {
		p.preamble()
	}
	id := ""
	if p.c.styleSheet != "" {
		p.puts("  ")
		id = " id=\"indextitle\""
	}
	p.puts("<h1", id, ">Index of ", p.title, "</h1>\n")
}

// override gives a field of the request another value, "" for none, until the
// function that it returns is called.
func override(h http.Header, name, value string) (restore func()) {
	old, had := h[name]
	if delete(h, name); value != "" {
		h[name] = []string{value}
	}
	return func() {
		if delete(h, name); had {
			h[name] = old
		}
	}
}

// tail is emit_tail: everything below the listing.
func (p *page) tail() {
	how := p.include(p.c.readme, func(included) {})
	if how == notIncluded {
		p.puts(p.r.Signature(""))
	}
	if how != asHTML || !p.has(suppressPreamble) {
		p.puts("</body></html>\n")
	}
	p.flush()
}
