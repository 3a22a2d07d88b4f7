package speling

import (
	"os"
	"slices"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

type candidate struct {
	name string
	why  reason
}

// check redirects to the one file that was meant, or lists those that may have
// been (check_speling of mod_speling.c).
func check(r *server.Request) server.Status {
	if r.Method != "GET" && r.Method != "HEAD" || r.Finfo.Type != server.NoFile || r.Proxied || r.Main != nil {
		return server.Declined
	}
	slash := strings.LastIndexByte(r.Filename, '/')
	if slash < 0 || r.URI == "/" {
		return server.Declined
	}
	asked := r.Filename[slash+1:]
	url, ok := strings.CutSuffix(r.URI, asked+r.PathInfo)
	if !ok {
		return server.Declined
	}
	files, err := readNames(r.Filename[:slash+1])
	if err != nil {
		return server.Declined
	}
	c := slot.Of(r.Dir)
	var list []candidate
	for _, name := range files {
		if name == asked {
			return server.OK // a link that leads nowhere, or the like: a redirect would come back here
		}
		if why, meant := c.compare(asked, name); meant {
			list = append(list, candidate{name, why})
		}
	}
	if len(list) == 0 {
		return server.OK
	}
	slices.SortStableFunc(list, func(a, b candidate) int { return int(a.why) - int(b.why) })
	if list[0].why != veryDifferent && (len(list) == 1 || list[0].why != list[1].why) {
		return redirect(r, url+list[0].name+r.PathInfo)
	}
	return choices(r, url, list)
}

// readNames lists a directory as readdir does, itself and its parent too: a
// name of one letter is one error away from ".".
func readNames(dir string) ([]string, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	return append([]string{".", ".."}, names...), err
}

func redirect(r *server.Request, path string) server.Status {
	uri := server.EscapePath(path)
	if r.HasArgs {
		uri += "?" + r.Args
	}
	r.Out.Set("Location", r.ConstructURL(uri))
	if from, ok := r.FieldIn("Referer"); ok {
		elog.Info(r).Msgf("AH03224: Fixed spelling: %s to %s from %s", r.URI, uri, from)
	} else {
		elog.Info(r).Msgf("AH03225: Fixed spelling: %s to %s", r.URI, uri)
	}
	return 301
}

// listNote is where the page of a 300 response finds the list.
const listNote = "variant-list"

func choices(r *server.Request, url string, list []candidate) server.Status {
	var b strings.Builder
	b.WriteString("The document name you requested (<code>" + server.EscapeHTML(r.URI) + "</code>) could not be found on this server.\n" +
		"However, we found documents with names similar to the one you requested.<p>Available documents:\n<ul>\n")
	variants := make([]string, len(list))
	for i, c := range list {
		uri := url + c.name + r.PathInfo
		if r.HasArgs {
			uri += "?" + r.Args
		}
		href := server.EscapePath(uri) // its question mark too
		variants[i] = `"` + href + `";"` + c.why.String() + `"`
		b.WriteString(`<li><a href="` + href + `">` + server.EscapeHTML(uri) + "</a> (" + c.why.String() + ")\n")
		if i > 0 && i < len(list)-1 && c.why != veryDifferent && list[i+1].why == veryDifferent {
			b.WriteString("</ul>\nFurthermore, the following related documents were found:\n<ul>\n")
		}
	}
	b.WriteString("</ul>\n")
	from, referred := r.FieldIn("Referer")
	if referred {
		b.WriteString("Please consider informing the owner of the referring page <tt>" + server.EscapeHTML(from) + "</tt> about the broken link.\n")
	}
	r.Notes.Set(listNote, b.String())
	r.Env.Merge("VARIANTS", strings.Join(variants, ","))
	if referred {
		elog.Info(r).Msgf("AH03226: Spelling fix: %s: %d candidates from %s", r.URI, len(list), from)
	} else {
		elog.Info(r).Msgf("AH03227: Spelling fix: %s: %d candidates", r.URI, len(list))
	}
	return 300
}
