package autoindex

import (
	"bytes"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/pattern"
)

// entry is a line of a listing.
type entry struct {
	name     string // with a slash behind a directory's; the parent's URL-path
	parent   bool
	folder   bool // to be sorted ahead of files
	icon     string
	hasIcon  bool
	alt      string
	hasAlt   bool
	desc     string
	hasDesc  bool
	size     int64     // -1: none
	modified time.Time // zero: none
}

// entries are the directory's, sorted. Each is looked up as a request for it
// would be: what a client may not see is not listed.
func (c *config) entries(r *server.Request, d *os.File, v view) []*entry {
	var list []*entry
	if p := c.parentEntry(r, v); p != nil {
		list = append(list, p)
	}
	look := r.Siblings()
	for {
		batch, err := d.Readdirnames(256)
		for _, name := range batch {
			if e := c.entry(r, d, look, name, v); e != nil {
				list = append(list, e)
			}
		}
		if err != nil || len(batch) == 0 {
			break
		}
	}
	o := order{v.key, v.direction != ascending, v.options&versionSort != 0, v.options&ignoreCase != 0}
	slices.SortFunc(list, o.compare)
	return list
}

// parentEntry leads to the directory above. For the directives it is called
// "..", as a file of this directory.
func (c *config) parentEntry(r *server.Request, v view) *entry {
	up := strings.TrimSuffix(r.URI, "/")
	if up == "" {
		return nil
	}
	file := r.Filename + ".."
	if c.ignores(file, "..") {
		return nil
	}
	e := &entry{name: up[:strings.LastIndexByte(up, '/')+1], parent: true, size: -1}
	if v.options&fancy != 0 {
		if e.icon, e.hasIcon = find(c.icons, file, "", "", true); !e.hasIcon {
			e.icon, e.hasIcon = special(c.icons, directoryItem)
		}
		if e.alt, e.hasAlt = find(c.alts, file, "", "", true); !e.hasAlt {
			if e.alt, e.hasAlt = special(c.alts, directoryItem); !e.hasAlt {
				e.alt, e.hasAlt = "PARENTDIR", true
			}
		}
		e.desc, e.hasDesc = c.describe(file)
	}
	return e
}

func (c *config) entry(r *server.Request, d *os.File, look *server.Siblings, name string, v view) *entry {
	if v.pattern != "" && !pattern.Fnmatch(v.pattern, name, pattern.FnNoEscape|pattern.FnPeriod) {
		return nil
	}
	if len(c.ignored) > 0 && c.ignores(r.Filename+name, name) {
		return nil
	}
	st, err := server.StatAt(d, name, false)
	if err == nil && st.Type == server.Symlink {
		st, err = server.StatAt(d, name, true)
	}
	if err != nil {
		return nil
	}
	folder := st.Type == server.Directory
	found := look.Look(name, st)
	if !shown(found, v.options) {
		return nil
	}
	e := &entry{name: name, size: -1}
	if folder {
		e.name += "/"
	}
	if v.options&(fancy|table) == 0 {
		return e
	}
	e.modified = found.Finfo.Mtime
	mediaType, _, _ := strings.Cut(found.ContentType, ";")
	mediaType = strings.TrimRight(mediaType, " \t")
	file := found.Filename
	if folder {
		// What was found may be the directory's index file.
		e.folder = v.options&foldersFirst != 0
		file, _ = path.Split(file)
		file = strings.TrimSuffix(file, "/")
		if e.icon, e.hasIcon = find(c.icons, file, "", "", true); !e.hasIcon {
			e.icon, e.hasIcon = special(c.icons, directoryItem)
		}
		if e.alt, e.hasAlt = find(c.alts, file, "", "", true); !e.hasAlt {
			if e.alt, e.hasAlt = special(c.alts, directoryItem); !e.hasAlt {
				e.alt, e.hasAlt = "DIR", true
			}
		}
	} else {
		e.icon, e.hasIcon = find(c.icons, file, mediaType, found.ContentEncoding, false)
		e.alt, e.hasAlt = find(c.alts, file, mediaType, found.ContentEncoding, false)
		e.size = found.Finfo.Size
	}
	e.desc, e.hasDesc = c.describe(file)
	if !e.hasDesc && v.options&scanTitles != 0 {
		e.desc, e.hasDesc = title(found, mediaType)
	}
	return e
}

// shown tells whether what a look-up found is listed.
func shown(found *server.Request, o options) bool {
	if found.Finfo.Type != server.Directory && found.Finfo.Type != server.RegularFile {
		return false
	}
	switch s := found.Status; {
	case s >= 200 && s < 400:
		return true
	case s == 401 || s == 403:
		return o&showForbidden != 0
	}
	return false
}

// maxTitle is how much of a document is read for its title.
const maxTitle = 8191

// title is that of an HTML document (find_title).
func title(found *server.Request, mediaType string) (string, bool) {
	html := isHTML(mediaType) || found.ContentType == "text/x-server-parsed-html"
	if found.Status != 200 || !html || found.ContentEncoding != "" {
		return "", false
	}
	f, err := os.Open(found.Filename)
	if err != nil {
		return "", false
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxTitle))
	if err != nil {
		return "", false
	}
	return titleIn(text)
}

func titleIn(text []byte) (string, bool) {
	if end := bytes.IndexByte(text, 0); end >= 0 {
		text = text[:end]
	}
	const tag = "<title>"
	at := 0
	for i, c := range text {
		if upper(c) != upper(tag[at]) {
			at = 0 // Apache does not look at this byte again either
			continue
		}
		if at++; at < len(tag) {
			continue
		}
		text = text[i+1:]
		if end := bytes.IndexByte(text, '<'); end >= 0 {
			text = text[:end]
		}
		return strings.NewReplacer("\r", " ", "\n", " ").Replace(string(bytes.TrimLeft(text, "\r\n"))), true
	}
	return "", false
}

func isHTML(mediaType string) bool {
	return strings.EqualFold(mediaType, "text/html") || strings.EqualFold(mediaType, "application/xhtml+xml")
}
