package xml2enc

import (
	"bytes"
	"strings"
	"syscall"

	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/charset"
	"github.com/donjon-httpd/donjon/server/pattern"
)

var filter = &server.OutputFilter{Name: "xml2enc", Level: server.ResourceLevel}

// init, because the filter is known by name to what it runs.
func init() { filter.Run = run }

const (
	leastText = 4096 // bytes that are enough to look at, unless the page is shorter (BUF_MIN)
	mostText  = 8191 // of a response of unknown length that are looked at
)

// page is a response on its way through the filter.
type page struct {
	ready   bool     // there is nothing to find out any more
	starts  []string // elements before which everything is dropped
	set     string
	name    string // as the page gave it, or the default; "" for none
	text    *charset.Text
	skipped int // bytes that were left out so far
	waits   []byte
}

var pages server.RequestSlot[page]

func sniff(r *server.Request) { r.AddOutputFilter(filter, &page{}) }

func encode(r *server.Request, name string) {
	t, err := charset.FromUTF8(name)
	if err != nil {
		elog.Error(r).Err(syscall.EINVAL).Msgf("AH01427: xml2enc: Charset %s not supported.", name)
		return
	}
	r.AddOutputFilter(filter, &page{ready: true, text: t})
}

func found(r *server.Request) (set, name string, ok bool) {
	if p := pages.Of(r); p != nil {
		return p.set, p.name, true
	}
	return "", "", false
}

func run(l *server.Link, b *server.Brigade) error {
	r := l.R
	p, _ := l.State.(*page)
	if p == nil {
		// Only as a filter of its own; not where a module put it into the chain.
		p = &page{starts: slot.Of(r.Dir).starts}
		l.State = p
	}
	kind := server.LowerASCII(r.ContentType)
	if r.ContentType == "" || !strings.HasPrefix(kind, "text/") && !strings.Contains(kind, "xml") {
		l.Remove()
		return l.Pass(b)
	}
	if p.ready {
		return p.convert(l, b)
	}
	for _, k := range b.Buckets {
		if err := k.Pieces(func(t []byte) error { p.waits = append(p.waits, t...); return nil }); err != nil {
			return err
		}
	}
	if len(p.waits) < leastText && !b.EOS {
		return nil
	}
	text := p.sniff(r, p.waits)
	p.ready, p.waits = true, nil
	if pages.Of(r) == nil {
		pages.Set(r, p)
	}
	whole := *b
	whole.Buckets = nil
	if len(text) > 0 {
		whole.Buckets = []server.Bucket{{Mem: text}}
	}
	if p.text == nil {
		l.Remove()
		return l.Pass(&whole)
	}
	return p.convert(l, &whole)
}

// convert translates what passes.
func (p *page) convert(l *server.Link, b *server.Brigade) error {
	out := &server.Brigade{Flush: b.Flush, EOS: b.EOS}
	for _, k := range b.Buckets {
		err := k.Pieces(func(t []byte) error {
			elog.Debug(l.R).Msgf("AH01439: xml2enc: consuming %d bytes from bucket", len(t))
			made := p.text.Convert(t)
			for ; p.skipped < p.text.Left; p.skipped++ {
				elog.Error(l.R).Msg("AH01444: Skipping invalid byte(s) in input stream!")
			}
			if len(made) > 0 {
				out.Buckets = append(out.Buckets, server.Bucket{Mem: made})
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if len(out.Buckets) == 0 && !out.EOS && !out.Flush {
		return nil
	}
	return l.Pass(out)
}

var (
	metaType    = mustCompile(`<meta[^>]*http-equiv[ \t\r\n='"]*content-type[^>]*>`)
	seekCharset = mustCompile(`charset=([A-Za-z0-9_-]+)`)
)

func mustCompile(text string) *pattern.Regexp {
	re, err := pattern.Compile(text, pattern.FoldCase)
	if err != nil {
		panic(err)
	}
	return re
}

// sniff finds out the character set: from the Content-Type, from the first
// bytes, from a meta element, which it takes out. It gives what is left of the text.
func (p *page) sniff(r *server.Request, text []byte) []byte {
	known := *aliases.Of(mainOf(r.Server))
	if p.typeCharset(r) {
		elog.Info(r).Msgf("AH01431: Got charset %s from HTTP headers", p.name)
		p.set = native(known, p.name)
	}
	if p.name == "" { // not when the Content-Type says one that libxml2 does not read
		if set, name := detect(text); set != "" {
			elog.Info(r).Msg("AH01432: Got charset from XML rules.")
			p.set, p.name = set, name
		}
	}
	looked := text // up to a meta element
	if loc := metaType.MatchIndex(nil, string(text)); loc != nil {
		if p.name == "" {
			if m := seekCharset.Match(nil, string(text[loc[0]:loc[1]])); m != nil {
				p.name = m[1]
				if p.set = native(known, p.name); p.set != "" {
					elog.Info(r).Msgf("AH01433: Got charset %s from HTML META", p.name)
				}
			}
		}
		looked = text[:loc[0]]
		text = append(bytes.Clone(looked), text[loc[1]:]...)
	}
	p.fallback(r)
	p.utf8Type(r)
	return p.skipTo(r, text, looked)
}

// typeCharset takes the name from the Content-Type.
func (p *page) typeCharset(r *server.Request) bool {
	elog.Debug(r).Msgf("AH01430: Content-Type is %s", r.ContentType)
	at := strings.Index(server.LowerASCII(r.ContentType), "charset=")
	if at < 0 {
		return false
	}
	name := r.ContentType[at+len("charset="):]
	if end := strings.IndexAny(name, " ;"); end >= 0 {
		name = name[:end]
	}
	p.name = name
	return true
}

// fallback translates what libxml2 does not read, and takes the default where
// nothing was found.
func (p *page) fallback(r *server.Request) {
	if p.set != "" {
		return
	}
	c := slot.Of(r.Dir)
	if p.name == "" {
		p.name = c.charset
		if p.name == "" {
			p.name = "ISO-8859-1"
		}
	}
	elog.Debug(r).Msgf("AH01434: Charset %s not supported by libxml2; trying apr_xlate", p.name)
	var err error
	if p.text, err = charset.ToUTF8(p.name); err == nil {
		p.set = "UTF-8"
		return
	}
	elog.Error(r).Msgf("AH01435: Charset %s not supported.  Consider aliasing it?", p.name)
	elog.Warn(r).Msg("AH01436: No usable charset information; using configuration default")
	p.set = "ISO-8859-1"
	if c.charset != "" {
		p.set = native(*aliases.Of(mainOf(r.Server)), c.charset)
	}
}

// utf8Type says in the Content-Type what the text will be.
func (p *page) utf8Type(r *server.Request) {
	if p.name == "" {
		return
	}
	t := r.ContentType
	if loc := seekCharset.MatchIndex(nil, t); loc != nil {
		r.ContentType = t[:loc[2]] + "utf-8" + t[loc[3]:]
	} else {
		r.ContentType = t + ";charset=utf-8"
	}
}

// skipTo drops what stands before the first of the elements of xml2StartParse.
// Only what comes before a meta element that was taken out is looked at.
func (p *page) skipTo(r *server.Request, text, looked []byte) []byte {
	if p.starts == nil {
		return text
	}
	at := bytes.IndexByte(looked, '<')
	for at >= 0 {
		name := startsWith(looked[at+1:], p.starts)
		next := bytes.IndexByte(looked[at+1:], '<')
		if name != "" {
			elog.Debug(r).Msgf("AH01428: Skipped to first <%s> element", name)
			text = text[at:]
			if next < 0 {
				break
			}
			return text
		}
		if next < 0 {
			break
		}
		at += 1 + next
	}
	elog.Warn(r).Msg("AH01429: Failed to find start of recognised HTML!")
	return text
}

func startsWith(text []byte, names []string) string {
	for _, n := range names {
		if len(text) >= len(n) && strings.EqualFold(string(text[:len(n)]), n) {
			return n
		}
	}
	return ""
}

// detect looks at the first bytes, as XML 1.0, appendix F, does.
func detect(text []byte) (set, name string) {
	for _, k := range []struct{ begin, set, name string }{
		{"\x00\x00\x00<", "UTF-32BE", "ISO-10646-UCS-4"},
		{"<\x00\x00\x00", "UTF-32LE", "ISO-10646-UCS-4"},
		{"<?xm", "UTF-8", "UTF-8"},
		{"<\x00?\x00", "UTF-16LE", "UTF-16"},
		{"\x00<\x00?", "UTF-16BE", "UTF-16"},
		{"\xEF\xBB\xBF", "UTF-8", "UTF-8"},
		{"\xFE\xFF", "UTF-16BE", "UTF-16"},
		{"\xFF\xFE", "UTF-16LE", "UTF-16"},
	} {
		if bytes.HasPrefix(text, []byte(k.begin)) && len(text) >= 4 {
			return k.set, k.name
		}
	}
	return "", ""
}
