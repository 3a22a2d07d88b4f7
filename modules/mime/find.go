package mime

import (
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// directoryType is the type that stands for directories (DIR_MAGIC_TYPE); it is
// the name of the handler that lists them.
const directoryType = "httpd/unix-directory"

// exceptionsNote names, to content negotiation, the parts of a file's name that
// mean nothing: the base and unknown extensions, separated by slashes, which no
// part can hold. Only subrequests have it: it is of interest to nobody else.
const exceptionsNote = "ap-mime-exceptions-list"

// findType is find_ct of mod_mime.c.
func findType(r *server.Request) server.Status {
	if r.Finfo.Type == server.Directory {
		r.ContentType = directoryType
		return server.OK
	}
	if r.Filename == "" {
		return server.Declined
	}
	c := slot.Of(r.Dir)
	name := r.Filename
	if c.usePathInfo.Else(false) {
		name += r.PathInfo
	}
	name = name[strings.LastIndexByte(name, '/')+1:]
	charset := walk(r, c, name)
	if r.ContentType != "" {
		r.ContentType = withCharset(r, r.ContentType, charset)
	}
	if lang, ok := c.language.Get(); ok && len(r.ContentLanguages) == 0 {
		r.ContentLanguages = []string{lang}
	}
	if r.ContentType == "" {
		return server.Declined
	}
	return server.OK
}

// walk applies a name's extensions from left to right and gives the charset
// they name.
func walk(r *server.Request, c *config, name string) (charset string) {
	base, rest := splitBase(name)
	exceptions := base
	known := false
	types := typesSlot.Of(r.Gen.Config.Main).types
	var buf [64]byte
	for rest != "" {
		var ext string
		ext, rest, _ = strings.Cut(rest, ".")
		if ext == "" {
			continue
		}
		key := lower(buf[:0], ext)
		e, configured := c.extensions[string(key)]
		found := false
		if !e.mediaType.IsSet() {
			if t, ok := types[string(key)]; ok {
				r.ContentType, found = t, true
				r.BecauseOf("TypesConfig")
			}
		}
		if configured {
			found = e.apply(r, c.match) || found
		}
		if e.charset != "" {
			charset = e.charset
		}
		switch {
		case found || c.match&matchAny != 0:
			known = true
		case r.Main != nil:
			exceptions += "/" + ext
		}
	}
	if known && r.Main != nil {
		r.Notes.Set(exceptionsNote, exceptions)
	}
	return charset
}

// apply gives the request what an extension says, and tells whether that makes
// the extension one that negotiation knows.
func (e *extension) apply(r *server.Request, m match) (found bool) {
	if t := e.mediaType.Else(""); t != "" {
		r.ContentType, found = t, true
	}
	if e.charset != "" {
		found = true
	}
	if e.language != "" {
		r.ContentLanguages = append(r.ContentLanguages, e.language)
		found = true
	}
	if e.encoding != "" {
		if r.ContentEncoding != "" {
			r.ContentEncoding += ", "
		}
		r.ContentEncoding += e.encoding
		found = true
	}
	if e.handler != "" && !r.Proxied {
		r.Handler = e.handler
		found = found || m&matchHandlers != 0
	}
	if e.inputFilters != "" {
		for name := range strings.SplitSeq(strings.TrimSuffix(e.inputFilters, ";"), ";") {
			r.AddInputFilterNamed(name)
		}
		found = found || m&matchFilters != 0
	}
	if e.outputFilters != "" {
		for name := range strings.SplitSeq(strings.TrimSuffix(e.outputFilters, ";"), ";") {
			r.AddOutputFilterNamed(name)
		}
		found = found || m&matchFilters != 0
	}
	return found
}

// splitBase cuts a file's name into its base and its extensions. Leading dots
// belong to the base: ".png" is a hidden file called png.
func splitBase(name string) (base, extensions string) {
	hidden := len(name) - len(strings.TrimLeft(name, "."))
	i := strings.IndexByte(name[hidden:], '.')
	if i < 0 {
		return name, ""
	}
	return name[:hidden+i], name[hidden+i+1:]
}

// lower appends s in lower case.
func lower(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}
