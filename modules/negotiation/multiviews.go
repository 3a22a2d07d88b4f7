package negotiation

import (
	"cmp"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// exceptionsNote has the parts of a found file's name that mean nothing: the
// base and unknown extensions, separated by slashes (mod_mime).
const exceptionsNote = "ap-mime-exceptions-list"

// readDirectory fills the variants with the files whose names are the
// request's with extensions that say something (read_types_multi).
func (n *negotiation) readDirectory() server.Status {
	r := n.r
	if r.Proxied || !path.IsAbs(r.Filename) {
		return server.Declined
	}
	base := path.Base(r.Filename)
	if strings.HasSuffix(r.Filename, "/") {
		base = ""
	}
	d, err := os.Open(n.dir)
	if err != nil {
		elog.Error(r).Err(err).Msgf("AH00686: cannot read directory for multi: %s", n.dir)
		return 403
	}
	defer d.Close()
	any := false
	var look *server.Siblings
	for {
		batch, err := d.ReadDir(256)
		for _, f := range batch {
			name := f.Name()
			if !strings.HasPrefix(name, base) || len(name) == len(base) || name[len(base)] != '.' || f.IsDir() {
				continue
			}
			any = true
			if look == nil {
				look = r.Siblings()
			}
			if found := n.look(look, name, base); found != nil {
				if found.ContentType == mapType || found.Handler == mapHandler {
					n.variants = nil
					return n.readMap(found)
				}
				n.add(found, name)
			}
		}
		if err != nil || len(batch) == 0 {
			break
		}
	}
	if any && len(n.variants) == 0 {
		elog.Error(r).Msgf("AH00687: Negotiation: discovered file(s) matching request: %s (None could be negotiated).", r.Filename)
		return 404
	}
	if st, err := d.Stat(); err == nil {
		r.Finfo.Mtime = st.ModTime() // of the directory: the list's state
	}
	r.SetVlistValidator(r)
	slices.SortFunc(n.variants, func(a, b variant) int {
		return cmp.Or(cmp.Compare(b.sourceQuality, a.sourceQuality), strings.Compare(a.file, b.file))
	})
	return server.OK
}

// look finds what a file would be served as; nil where it is no variant.
func (n *negotiation) look(look *server.Siblings, name, base string) *server.Request {
	st, err := os.Stat(n.dir + name)
	if err != nil || !st.Mode().IsRegular() {
		return nil
	}
	found := look.LookWithArgs(name, server.FinfoOf(st))
	if found.Finfo.Type != server.RegularFile {
		return nil
	}
	if found.Handler != "" && found.ContentType == "" {
		found.ContentType = scriptType
	}
	exceptions, ok := found.Notes.Lookup(exceptionsNote)
	if !ok || !standIn(base, strings.Split(exceptions, "/")) {
		return nil
	}
	if found.Status != 200 || found.ContentType == "" {
		return nil
	}
	return found
}

// standIn tells whether the parts stand among the segments of a name, in their order.
func standIn(name string, parts []string) bool {
	for name != "" && len(parts) > 0 {
		segment, rest, more := strings.Cut(name, ".")
		if segment == parts[0] {
			parts = parts[1:]
		}
		if !more {
			break
		}
		name = rest
	}
	return len(parts) == 0
}

func (n *negotiation) add(found *server.Request, name string) {
	v := newVariant()
	v.found, v.file, v.encoding, v.languages = found, name, found.ContentEncoding, found.ContentLanguages
	v.setType(found.ContentType)
	n.variants = append(n.variants, v)
	n.onDisk++
}
